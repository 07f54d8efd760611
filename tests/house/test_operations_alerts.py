"""The alert rules ask only for what the service counts, and the page tells what to do for each of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "config" / "prometheus-alerts.yaml"
PAGE = (ROOT / "docs" / "howto" / "monitor.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
OF_PROMETHEUS = {"up"}
"""What the scraper itself records."""
WORDS = {
    "by",
    "on",
    "or",
    "and",
    "unless",
    "offset",
    "sum",
    "increase",
    "rate",
    "min_over_time",
    "histogram_quantile",
    "time",
}
SERIES = re.compile(r"([a-z_]+)\{([^}]*)\}")
MATCHER = re.compile(r'([a-z_]+)(=~|=)"([^"]*)"')
VALUES_ELSEWHERE = {
    "code": {"AA", "AE", "AR"},
    "relevance": {"relevant", "irrelevant"},
    "state": {"processed", "failed"},
    "job": {"troughline"},
}


def alerts():
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return {rule["alert"]: rule for group in document["groups"] for rule in group["rules"]}


def table(heading):
    """The first cell of each row below a heading of the metrics page."""
    text = REFERENCE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE))


def metrics():
    rows = re.findall(r"^\| `(troughline_\w+)` \| (\w+) \| ([^|]*) \|", REFERENCE, flags=re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def metric_of(series):
    """The metric a series belongs to: a histogram has three series."""
    for suffix in ("_bucket", "_sum", "_count"):
        name = series.removesuffix(suffix)
        if name != series and metrics().get(name, ("", set()))[0] == "Histogram":
            return name
    return series


@pytest.mark.parametrize("name", list(alerts()))
def test_an_alert_asks_only_for_metrics_that_exist(name):
    used = set(re.findall(r"[a-z_]{2,}(?=[^a-z_]|$)", re.sub(r'"[^"]*"|\([a-z, ]+\)', "", alerts()[name]["expr"])))
    series = {word for word in used if word.startswith("troughline_") or word in OF_PROMETHEUS}
    assert series
    assert {metric_of(one) for one in series} <= set(metrics()) | OF_PROMETHEUS
    assert used - series <= WORDS | {"job"} | {label for _, labels in metrics().values() for label in labels}


@pytest.mark.parametrize("name", list(alerts()))
def test_an_alert_matches_only_labels_and_values_that_exist(name):
    known = VALUES_ELSEWHERE | {"reason": table("Alarms"), "event": table("Events on the wire")}
    for series, matchers in SERIES.findall(re.sub(r"\s+", " ", alerts()[name]["expr"])):
        for label, _, values in MATCHER.findall(matchers):
            assert series in OF_PROMETHEUS or label in metrics()[metric_of(series)][1]
            assert set(values.split("|")) <= known[label]


def test_every_reason_of_an_alarm_raises_exactly_one_alert():
    raised = [
        reason
        for rule in alerts().values()
        for reason in {
            value
            for series, matchers in SERIES.findall(rule["expr"])
            if series == "troughline_alarms_total"
            for _, _, values in MATCHER.findall(matchers)
            for value in values.split("|")
        }
    ]
    assert sorted(raised) == sorted(table("Alarms"))


@pytest.mark.parametrize("name", list(alerts()))
def test_an_alert_says_how_urgent_it_is_and_what_happened(name):
    rule = alerts()[name]
    assert rule["labels"]["severity"] in ("critical", "warning")
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert named <= {"instance"} | {label for _, labels in metrics().values() for label in labels}


def test_the_page_tells_of_every_alert_what_it_means_and_what_to_do():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$", PAGE, flags=re.MULTILINE)
    assert [(name, severity) for name, severity, _, _ in rows] == [
        (name, rule["labels"]["severity"]) for name, rule in alerts().items()
    ]


def test_pages_name_only_alerts_and_metrics_that_exist():
    for page in (ROOT / "docs" / "howto").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"`(Troughline[A-Z]\w+)`", text)) <= set(alerts()), page.name
        assert set(re.findall(r"`(troughline_\w+)[`{]", text)) <= set(metrics()), page.name
