"""The reference pages say what the code has, and nothing the code lacks."""

from __future__ import annotations

import argparse
import ast
import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from adapter.cli import _parser
from adapter.domain.findings import (
    EXPOSURES,
    MECHANISMS,
    MODIFIERS,
    MONITORING,
    PRINTED_KEYS,
    DoseInFinding,
    PremedicationInFinding,
    ReactionInFinding,
    SampleInFinding,
)
from adapter.domain.policy import AWAITING, Cited, ConfirmedBy, Grade, LossWhen, LowMeans
from adapter.domain.problems import KINDS
from adapter.knowledge.policies import Config, read_config
from adapter.knowledge.policy_files import PolicyFile
from adapter.knowledge.policy_numbers import SECTIONS, numbers_of
from adapter.rules.wording import RULE_TEXT
from adapter.settings.hook import HookSettings
from adapter.settings.site import (
    ApplicationAnswers,
    DropFolder,
    FhirAuth,
    FhirTls,
    Http,
    MllpListener,
    MllpTls,
    PollSettings,
    Sender,
    Settings,
    Source,
    TargetSettings,
)
from adapter.writeback.codes import TOPICS as TOPIC_NAMES
from adapter.writeback.flags import TOPICS

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SPLIT = re.compile(r"(?<!\\)\|")
BLOCKS = {
    "sources": Source,
    "sources.poll": PollSettings,
    "sources.hook": HookSettings,
    "mllp": MllpListener,
    "mllp.tls": MllpTls,
    "mllp.application_answers": ApplicationAnswers,
    "drop_folders": DropFolder,
    "senders": Sender,
    "http": Http,
    "targets": TargetSettings,
    "targets.auth": FhirAuth,
    "targets.tls": FhirTls,
}
NOT_PRINTED = {"source", "records"}
"""Fields of a reaction that serve the writing of outputs only."""


def section(page: str, heading: str) -> str:
    """The text below a second-level heading, up to the next one."""
    parts = re.split(r"^## ", (REFERENCE / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return next(part for part in parts if part.split("\n", 1)[0] == heading)


def rows(text: str) -> list[list[str]]:
    """The cells of every table row that begins with a code."""
    cells = [[cell.strip() for cell in SPLIT.split(line)[1:-1]] for line in text.splitlines() if line.startswith("| `")]
    return [[cell.replace("\\|", "|") for cell in row] for row in cells]


def first_codes(text: str) -> list[str]:
    return [row[0].strip("`") for row in rows(text)]


@pytest.mark.parametrize(
    ("heading", "codes"),
    [
        ("Exposure", EXPOSURES),
        ("Mechanism", MECHANISMS),
        ("Monitoring", MONITORING),
        ("Modifiers", MODIFIERS),
        ("Rules", tuple(RULE_TEXT)),
    ],
)
def test_every_finding_code_and_rule_has_its_row(heading, codes):
    listed = first_codes(section("findings.md", heading))
    assert sorted(listed) == sorted(codes)
    assert len(set(listed)) == len(listed)


def test_modifiers_stand_in_the_order_in_which_they_are_printed():
    assert tuple(first_codes(section("findings.md", "Modifiers"))) == MODIFIERS


def test_every_problem_has_its_row_with_severity_code_and_title():
    shown = [
        (row[0].strip("`"), row[1], row[2], row[3])
        for row in rows((REFERENCE / "problems.md").read_text(encoding="utf-8"))
    ]
    assert shown == [(kind.code, kind.severity, kind.hl7_code or "-", kind.title) for kind in KINDS.values()]
    assert all(row[4] for row in rows((REFERENCE / "problems.md").read_text(encoding="utf-8")))


def test_every_setting_has_its_row_with_its_default():
    for name, kind in BLOCKS.items():
        shown = {row[0].strip("`"): row[1].strip("`") for row in rows(section("settings.md", name))}
        wanted = {f"{name}.{f.name}": default(f) for f in fields(kind)}
        assert shown == wanted


def test_every_top_level_setting_has_its_row_with_its_default():
    shown = {row[0].strip("`"): row[1].strip("`") for row in rows(section("settings.md", "Top level"))}
    assert shown == {f.name: default(f) for f in fields(Settings) if f.name not in BLOCKS}


def default(setting: Field[Any]) -> str:
    """The default of a setting as the page writes it."""
    match setting.default:
        case bool() as yes:
            return "yes" if yes else "no"
        case value if value is MISSING or value is None or value in ((), ""):
            return "-"
        case tuple() as several:
            return "`, `".join(several)
        case value:
            return str(value)


def test_the_example_file_names_every_setting():
    example = (ROOT / "config" / "troughline.example.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?\s*#?\s*(?:- )?([a-z_0-9]+):", example, flags=re.MULTILINE))
    wanted = {f.name for kind in (Settings, *BLOCKS.values()) for f in fields(kind)}
    assert wanted - named == set()


def commands() -> dict[str, argparse.ArgumentParser]:
    actions = _parser()._subparsers._group_actions  # type: ignore[union-attr]  # argparse has no public way to list them
    return dict(actions[0].choices)  # type: ignore[arg-type]  # typed as any choices, here those of subparsers


def test_every_command_has_its_heading():
    page = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)$", page, flags=re.MULTILINE) == list(commands())


@pytest.mark.parametrize("name", list(commands()))
def test_every_option_of_a_command_has_its_row(name):
    shown = {
        row[0].strip("`") for row in rows(section("commands.md", name)) if not row[0].startswith(("`GET", "`POST"))
    }
    wanted = {spelled(action) for action in commands()[name]._actions if action.dest != "help"}
    assert shown == wanted


def spelled(action: argparse.Action) -> str:
    """`--store DIR`, `--json`, `FOLDER`."""
    words = [*action.option_strings[:1], *([str(action.metavar)] if action.metavar else [])]
    return " ".join(words)


def test_every_metric_has_its_row_with_type_and_labels():
    page = (REFERENCE / "metrics.md").read_text(encoding="utf-8").partition("\n## ")[0]
    assert {row[0].strip("`"): (row[1], row[2]) for row in rows(page)} == declared_metrics()


def test_every_reason_of_an_alarm_has_its_row():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "adapter").rglob("*.py")]
    raised = {reason for source in sources for reason in re.findall(r'ALARMS\.labels\("([a-z-]+)"\)', source)}
    assert sorted(first_codes(section("metrics.md", "Alarms"))) == sorted(raised)


def declared_metrics() -> dict[str, tuple[str, str]]:
    """Read from the source: importing the counters would register them before the metrics folder is named."""
    tree = ast.parse((ROOT / "adapter" / "app" / "counters.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    made = [call for call in calls if call.func.id in ("Counter", "Gauge", "Histogram")]  # type: ignore[attr-defined]  # a Name, as sorted out above
    return {
        ast.literal_eval(call.args[0]): (
            call.func.id,  # type: ignore[attr-defined]  # the same
            ", ".join(f"`{label}`" for label in ast.literal_eval(call.args[2])),
        )
        for call in made
    }


def test_every_flag_topic_has_its_row_with_its_category():
    shown = {row[0].strip("`"): row[1] for row in rows(section("outputs.md", "Flags"))}
    assert list(shown) == list(TOPIC_NAMES)
    assert {topic.code: topic.category for topic in TOPICS} | {"conclusion-reversed": "safety"} == shown


def test_every_component_and_tag_of_the_output_templates_has_its_row():
    template = yaml.safe_load(
        (ROOT / "mappings" / "outputs" / "observation_interpretation.yaml").read_text(encoding="utf-8")
    )
    components = [row["code"]["coding"][0]["code"] for row in template["resource"]["component"]]
    assert first_codes(section("outputs.md", "The interpretation Observation")) == components
    tags = [
        yaml.safe_load(path.read_text(encoding="utf-8"))["resource"].get("meta", {}).get("tag", [{}])[0].get("code")
        for path in sorted((ROOT / "mappings" / "outputs").glob("*.yaml"))
    ]
    assert sorted(first_codes(section("outputs.md", "Kinds"))) == sorted(tag for tag in tags if tag)


def shipped_policies() -> Config:
    config, faults = read_config()
    assert faults == []
    return config


def is_default(file: PolicyFile) -> bool:
    return file.policy.id in shipped_policies().defaults.values()


def own_numbers(file: PolicyFile) -> list[tuple[str, Cited]]:
    return [(place, number) for place, number in numbers_of(file.policy) if place not in file.inherited]


@pytest.mark.parametrize("identifier", ["CONS16", "CALA-LABEL", "ERW48", "NATIVE72"])
def test_every_number_of_a_default_policy_has_its_row_with_source_and_grade(identifier):
    (file,) = (file for file in shipped_policies().files if file.policy.id == identifier)
    assert is_default(file)
    text = section("policies.md", f"The numbers of {identifier}")
    shown = [(row[0].strip("`"), *row[1:]) for row in rows(text)]
    assert shown == [(place, f"{n.value} {n.unit}", n.citation, n.grade) for place, n in own_numbers(file)]
    assert (f"`{file.policy.based_on}`" in text) is bool(file.inherited)


def test_what_awaits_sign_off_in_the_other_policies_is_listed():
    shown = [(row[0], row[1], row[2]) for row in rows(section("policies.md", "What awaits sign-off"))]
    assert shown == [
        (f"`{file.policy.label}` {place}", f"{number.value} {number.unit}", number.grade)
        for file in shipped_policies().files
        if not is_default(file)
        for place, number in own_numbers(file)
        if number.grade in AWAITING
    ]


def test_every_policy_has_its_row():
    config = shipped_policies()
    assert [(row[0].strip("`"), *row[1:]) for row in rows(section("policies.md", "Policies"))] == [
        (
            policy.label,
            ", ".join(policy.products),
            ", ".join(config.default_for(policy)) or "-",
            policy.valid_from.isoformat(),
            "draft" if policy.draft else "-",
            policy.based_on or "-",
            policy.title,
        )
        for policy in config.policies
    ]


def test_every_product_has_its_row():
    config = shipped_policies()
    shown = [(row[0].strip("`"), *row[1:7], row[7].strip("`")) for row in rows(section("policies.md", "Products"))]
    assert shown == [
        (
            product.key,
            product.label,
            product.family,
            f"{product.residual_days.value} d",
            f"{product.uninterpretable_iv_h.value} h / {product.uninterpretable_im_h.value} h",
            product.decision_table,
            f"{product.course_gap_days.value} d" if product.course_gap_days else "-",
            config.defaults.get(product.key, "-"),
        )
        for product in config.products.values()
    ]


def test_every_key_of_a_policy_file_has_its_row_and_is_understood():
    listed = {row[0].strip("`"): row[1] for row in rows(section("policies.md", "How a file is built"))}
    used = {key for file in shipped_policies().files for key in file.document.data}
    assert used | {"draft", "time_points.low"} == set(listed)
    for name, keys in SECTIONS.items():
        assert listed[name] == ", ".join(f"`{key}`" for key in keys)
    for key, words in {
        "time_points.low": LowMeans,
        "loss_when": LossWhen,
        "confirmed_by": ConfirmedBy,
    }.items():
        assert all(f"`{word}`" in listed[key] for word in get_args(words))


def test_every_grade_has_its_row():
    assert first_codes(section("policies.md", "How far a number can be trusted")) == list(get_args(Grade))


def test_every_source_of_a_policy_is_shown_with_one_text():
    texts = {pair for policy in shipped_policies().policies for pair in policy.citations}
    assert [(row[0].strip("`"), row[1]) for row in rows(section("policies.md", "Sources"))] == sorted(texts)
    assert len({key for key, _ in texts}) == len(texts)


def test_every_quotation_of_a_policy_is_shown_with_its_policies():
    quoted: dict[tuple[str, str, str], list[str]] = {}
    for policy in shipped_policies().policies:
        for quotation in policy.quotations:
            key = (quotation.situation, quotation.statement, quotation.citation)
            quoted.setdefault(key, []).append(policy.id)
    lines = [f'- `{s}`: "{text}" ({key}; {", ".join(ids)})' for (s, text, key), ids in sorted(quoted.items())]
    shown = section("policies.md", "What the policies quote").splitlines()
    assert [line for line in shown if line.startswith("- ")] == lines


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("A finding", PRINTED_KEYS),
        ("The dose of a finding", [f.name for f in fields(DoseInFinding)]),
        ("A sample of a finding", [f.name for f in fields(SampleInFinding)]),
        ("A reaction of a finding", [f.name for f in fields(ReactionInFinding) if f.name not in NOT_PRINTED]),
        ("A premedication of a finding", [f.name for f in fields(PremedicationInFinding)]),
        (
            "Top level",
            ["acks", "events", "problems", "findings", "unlinked", "resources", "provenance", "history"],
        ),
    ],
)
def test_every_key_of_the_output_of_play_has_its_row(heading, keys):
    assert first_codes(section("play-output.md", heading)) == list(keys)
