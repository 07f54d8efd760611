"""`troughline replay --irrelevant`: archived messages that did not concern us, until a code was mapped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import hospital
import pytest
import structlog
from kept_store import RECEIVED, stored

from adapter.cli import main
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader

DEMO = Path(__file__).parents[2] / "mappings" / "demo" / "tables"
SITE = "store: store\nmappings:\n- site\nsources:\n- name: default\n  zone: UTC\n"
LATER = "7788^Enzyme level^L"
"""A code no table knew when its messages came."""


@pytest.fixture(autouse=True)
def _logs_of_this_test_alone():
    yield
    structlog.reset_defaults()


def unknown_codes(store):
    """A dose, two levels under a code nobody knew, a potassium, and the headers of two more messages."""
    store.fhir(hospital.patient())
    store.fhir(hospital.dose())
    store.hl7(hospital.oru("K1", code=LATER), answer=None, relevance="irrelevant")
    store.hl7(hospital.everyday("K2"), answer=None, relevance="irrelevant")
    store.hl7(hospital.oru("K3", code=LATER, filler="F3", mrn="900003"), answer=None, relevance="irrelevant")
    store.hl7(hospital.oru("K4", filler="F4", mrn="900004"))
    store.irrelevant("K5")
    store.irrelevant("K6")


@pytest.fixture
def site(tmp_path):
    stored(tmp_path / "store", unknown_codes, "hospital")
    shutil.copytree(DEMO, tmp_path / "site" / "tables")
    config = tmp_path / "site.yaml"
    config.write_text(SITE)
    return config


@pytest.fixture
def mapped(tmp_path, site):
    with (tmp_path / "site" / "tables" / "activity_tests.csv").open("a") as table:
        table.write(",7788,L,asparaginase-activity,Enzyme level,\n")
    return site


def told(capsys, *words):
    code = main(["replay", *map(str, words)])
    return code, capsys.readouterr()


def exposures(site):
    state = SqliteStateReader(site.parent / "store" / "state.db")
    try:
        return [finding["exposure"] for part in state.findings() for finding in part]
    finally:
        state.close()


def test_a_dry_run_names_what_would_become_relevant_and_changes_nothing(mapped, capsys):
    before = exposures(mapped)
    code, out = told(capsys, "--config", mapped, "--irrelevant", "--json")
    trial = json.loads(out.out)
    assert (code, trial["messages"], trial["changed"]) == (0, 2, 2)
    assert [(fact["control_id"], fact["is"], fact["fact"]) for fact in trial["facts"]] == [
        ("K1", "new", "ActivityMeasured"),
        ("K3", "new", "ActivityMeasured"),
    ]
    assert "2 irrelevant messages that fit: only the header is kept" in out.err
    assert exposures(mapped) == before


def test_applied_they_are_read_and_stay_received_when_they_were(mapped, capsys):
    assert "adequate" not in exposures(mapped)
    code, out = told(capsys, "--config", mapped, "--irrelevant", "--apply", "--because", "code mapped", "--json")
    result = json.loads(out.out)
    assert (code, result["messages"], result["facts"]) == (0, 2, {"new": 2, "gone": 0})
    assert "adequate" in exposures(mapped)
    inbox = SqliteInboxReader(mapped.parent / "store" / "inbox.db", "inbox")
    received = {row.arrival.control_id: row.arrival.received_at for row in inbox.after(0, 10)}
    inbox.close()
    assert [(received[name] - RECEIVED).total_seconds() / 60 for name in ("K1", "K3")] == [3, 5]
    code, out = told(capsys, "--config", mapped, "--irrelevant", "--apply", "--because", "again", "--json")
    assert json.loads(out.out)["changed"] == 0


def test_while_no_table_names_them_nothing_is_read(site, capsys):
    code, out = told(capsys, "--config", site, "--irrelevant")
    assert (code, out.out) == (1, "")


@pytest.mark.parametrize(
    ("words", "messages", "headers"),
    [
        (("--control-id", "K1"), 1, ""),
        (("--control-id", "K2"), 0, ""),
        (("--control-id", "K4"), 0, ""),
        (("--control-id", "K5"), 0, "1 irrelevant message that fits:"),
        (("--sender", "HOSPLAB|*"), 2, "2 irrelevant messages that fit:"),
        (("--sender", "OTHER|*"), 0, ""),
        (("--since", RECEIVED.replace(minute=10).isoformat()), 1, "2 irrelevant messages that fit:"),
        (("--since", RECEIVED.replace(minute=12).isoformat()), 0, "2 irrelevant messages that fit:"),
        (("--since", RECEIVED.replace(minute=13).isoformat()), 0, "1 irrelevant message that fits:"),
        (("--until", RECEIVED.replace(minute=12).isoformat()), 2, ""),
        (("--until", RECEIVED.replace(minute=13).isoformat()), 2, "1 irrelevant message that fits:"),
    ],
)
def test_all_that_is_named_must_hold(mapped, capsys, words, messages, headers):
    code, out = told(capsys, "--config", mapped, "--irrelevant", *words, "--json")
    assert (json.loads(out.out)["messages"] if out.out else 0) == messages
    assert code == (0 if messages else 1)
    assert (headers in out.err) if headers else ("only headers" not in out.err)


@pytest.mark.parametrize("other", [("--reason", "*"), ("--answered", "AA")])
def test_what_cannot_be_named_together_is_said(mapped, capsys, other):
    code, out = told(capsys, "--config", mapped, "--irrelevant", *other)
    assert code == 2
    assert "--irrelevant goes without --reason and --answered" in out.err
