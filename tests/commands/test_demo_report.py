"""The demo's last words: table, sentences, counts and latency, from plain data."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.commands.demo_report import Counts, Latency, as_json, as_text, in_short, latency, report

GOLDEN = Path(__file__).parent / "golden" / "demo_report.txt"
SYSTEM = "https://hospital.example/mrn"
COUNTS = Counts(received=2000, aa=1990, ae=10, irrelevant=1920, parked=4, written=123)


def sample(hours, value, comparator=None, text=None):
    return {
        "hours_since_dose": hours,
        "value": value,
        "comparator": comparator,
        "unit": "[IU]/mL" if value else None,
        "reported": {"value": value, "unit": None, "text": text or value},
    }


def finding(mrn, exposure, mechanism, *, monitoring="complete", priority=None, samples=(), product="pegaspargase"):
    return {
        "patient": f"{SYSTEM}|{mrn}",
        "dose": {"product": product} if product else None,
        "samples": list(samples),
        "exposure": exposure,
        "mechanism": mechanism,
        "monitoring": monitoring,
        "priority": priority,
        "sentence": f"Sentence of {mrn}: {mechanism}.",
    }


def flag(mrn, topic, *, status="active", code="PH"):
    return {
        "status": status,
        "subject": {"identifier": {"system": SYSTEM, "value": mrn}},
        "code": {"coding": [{"code": topic}, {"code": "whatever-raised-it"}]},
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/flag-priority",
                "valueCodeableConcept": {"coding": [{"code": code}]},
            }
        ],
    }


FINDINGS = [
    finding("1", "adequate", "no-evidence-of-inactivation", samples=[sample("167.5", "0.62")]),
    finding(
        "2",
        "inadequate",
        "suspected-silent-inactivation",
        monitoring="confirmation-due",
        priority="P1",
        samples=[sample("72", "0.4"), sample("168", "0.03", "<")],
    ),
    finding("2", "no-result", "not-assessable", monitoring="not-due"),
    finding("3", "no-result", "not-assessable", monitoring="sample-overdue", priority="P2"),
    finding(
        "4",
        "indeterminate",
        "not-assessable",
        monitoring=None,
        priority="P2",
        samples=[sample(None, None, text="0.4.2")],
        product=None,
    ),
    finding("5", "adequate", "no-evidence-of-inactivation", samples=[sample("170", "0.71")]),
]
FLAGS = [
    flag("3", "tdm-overdue", code="PM"),
    flag("2", "inactivation"),
    flag("4", "data-check", code="PM"),
    flag("4", "conclusion-reversed"),
    flag("5", "data-check", status="inactive", code="PM"),
]
NAMES = {
    f"{SYSTEM}|{mrn}": name for mrn, name in (("1", "ASTER 1"), ("2", "IRIS 2"), ("3", "ROSE 3"), ("4", "LILAC 4"))
}
REPORT = report(
    findings=FINDINGS,
    flags=FLAGS,
    names=NAMES,
    counts=COUNTS,
    ack_seconds=[0.001 * milliseconds for milliseconds in range(1, 101)],
)


def test_the_printed_report_is_the_golden_one():
    assert as_text(REPORT, width=150, rows_without_flag=1) == GOLDEN.read_text()


def test_patients_with_urgent_flags_come_first_and_a_patient_shows_flags_once():
    assert [(line.patient, line.flag) for line in REPORT.lines] == [
        ("IRIS 2", "inactivation (P1)"),
        ("IRIS 2", ""),
        ("LILAC 4", "conclusion-reversed (P1), data-check (P2)"),
        ("ROSE 3", "tdm-overdue (P2)"),
        ("ASTER 1", ""),
        (f"{SYSTEM}|5", ""),
    ]


def test_every_patient_with_an_active_flag_gets_the_sentence_of_the_most_urgent_finding():
    assert [(sentence.patient, sentence.text) for sentence in REPORT.sentences] == [
        ("IRIS 2", "Sentence of 2: suspected-silent-inactivation."),
        ("LILAC 4", "Sentence of 4: not-assessable."),
        ("ROSE 3", "Sentence of 3: not-assessable."),
    ]


def test_the_json_form_is_plain_data():
    document = as_json(REPORT)
    assert document["counts"] == {
        "received": 2000,
        "aa": 1990,
        "ae": 10,
        "irrelevant": 1920,
        "parked": 4,
        "written": 123,
    }
    assert document["lines"][0] == {
        "key": f"{SYSTEM}|2",
        "patient": "IRIS 2",
        "product": "pegaspargase",
        "day": "7.0",
        "level": "<0.03 IU/mL",
        "interpretation": "inadequate; suspected silent inactivation; confirmation due",
        "flag": "inactivation (P1)",
    }
    assert document["latency"] == {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "max_ms": 100.0}


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], None),
        ([0.0042], Latency(p50_ms=4.2, p95_ms=4.2, p99_ms=4.2, max_ms=4.2)),
        ([0.003, 0.001, 0.002], Latency(p50_ms=2.0, p95_ms=3.0, p99_ms=3.0, max_ms=3.0)),
    ],
)
def test_latency_is_the_nearest_rank(seconds, expected):
    assert latency(seconds) == expected


def test_a_text_in_short_is_its_first_sentence_and_the_one_with_the_rule():
    text = "Activity 0.05 IU/mL, day 3.0. Below 0.10 IU/mL. This meets the criterion (rule D12). Not known: all else."
    assert in_short(text) == "Activity 0.05 IU/mL, day 3.0. This meets the criterion (rule D12)."
    assert in_short("No dose is known.") == "No dose is known."


def test_without_measurements_no_latency_is_printed():
    bare = report(findings=FINDINGS, flags=(), names={}, counts=COUNTS)
    assert bare.sentences == ()
    assert "acknowledged" not in as_text(bare)


def test_a_flag_without_priority_counts_as_the_lowest():
    quiet = {**flag("1", "data-check"), "extension": []}
    bare = report(findings=FINDINGS[:1], flags=[quiet], names=NAMES, counts=COUNTS)
    assert bare.lines[0].flag == "data-check (P3)"
