"""Every golden case of mappings/golden, read as `troughline test` reads it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from golden_inputs import document_of

from adapter.commands.golden_case import read_case
from adapter.commands.golden_outcome import difference, outcome_of
from adapter.commands.test import parts_of
from adapter.domain.events import AdministrationStatus, Verification
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.policies import load_rulebook

MAPPINGS = Path(__file__).parents[2] / "mappings"
CASES = sorted((MAPPINGS / "golden").glob("*.yaml"))
FILES = [f"{path.parent.name}/{path.name}" for path in [*MAPPINGS.glob("v2/*"), *MAPPINGS.glob("fhir/*")]]
KNOWLEDGE, _ = load_knowledge([MAPPINGS / "demo"], base=MAPPINGS)
RULEBOOK, _ = load_rulebook()
PARTS = parts_of(KNOWLEDGE, RULEBOOK)


def rows(table: str) -> list[dict[str, str]]:
    with (MAPPINGS / "tables" / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fields_of_results(number: int) -> set[str]:
    """What stands in one field of the OBX of all cases."""
    inputs = [document_of(path)["input"] for path in CASES]
    lines = [line.split("|") for text in inputs for line in text.splitlines() if line.startswith("OBX|")]
    return {line[number] for line in lines if len(line) > number}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden_case_comes_out_as_it_was_accepted(path):
    case, faults = read_case(path, path.name, FILES)
    assert faults == []
    assert case.expect is not None
    assert difference(case, outcome_of(case, PARTS)) == []


def test_there_are_golden_cases_for_every_mapping():
    assert {document_of(path)["mapping"] for path in CASES} == set(FILES)


def test_every_spelling_of_a_unit_stands_in_a_case():
    assert {row["code"] for row in rows("units")} - fields_of_results(6) == set()


def test_every_result_status_stands_in_a_case_and_so_does_its_absence():
    assert {"", *(row["code"] for row in rows("result_status"))} - fields_of_results(11) == set()


@pytest.mark.parametrize(("kind", "words"), [("status", AdministrationStatus), ("verification", Verification)])
def test_every_status_of_a_dose_and_of_a_reaction_comes_out_of_a_case(kind, words):
    expected = [document_of(path)["expect"] for path in CASES]
    shown = {event.get(kind) for expect in expected for event in expect.get("events", [])}
    assert set(words.__args__) - shown == set()
