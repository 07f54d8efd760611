"""HAPI's instance validator reads every resource the clinical stories make us write, and what else we say in FHIR."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hapi_peer
import pytest
from played_outputs import STORIES, outputs_of

from adapter import fhir
from adapter.domain.problems import problem
from adapter.pipeline.answer_fhir import outcome
from adapter.publish.capability import capability_statement
from adapter.writeback.bundle import transaction
from adapter.writeback.codes import code_system

pytestmark = [pytest.mark.peers, pytest.mark.timeout(900), hapi_peer.NEEDS_HAPI]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "tested-against.md"
CODES = code_system(fhir.Canonical())
Resource = dict[str, Any]
Change = Callable[[Resource], object]


def said() -> list[Resource]:
    """What we say in FHIR beside the outputs: code system, statement, answers, and a transaction as it is sent."""
    story = next(story for story in STORIES if story.name == "silent-inactivation")
    base_url = "https://troughline.example/fhir"
    return [
        CODES,
        capability_statement(base_url=base_url, version="0.1.0", at=datetime(2025, 3, 1, tzinfo=UTC)),
        outcome([problem("unit-missing", where="OBX[1]-6")]),
        transaction(outputs_of(story)[:4], base_url="https://ehr.example/fhir"),
    ]


def coding(resource: Resource, *path: str | int) -> Resource:
    """The first coding of a CodeableConcept."""
    for step in path:
        resource = resource[step]
    return resource["coding"][0]


BROKEN: dict[str, tuple[str, Change, str]] = {
    "a status of no list": ("activity", lambda one: one.update(status="finall"), "Observation.status"),
    "a unit UCUM does not know": (
        "activity",
        lambda one: one["valueQuantity"].update(code="[IUU]/mL"),
        "Observation.value.ofType(Quantity)",
    ),
    "a time without a zone": (
        "activity",
        lambda one: one.update(effectiveDateTime="2025-01-01T10:00:00"),
        "Observation.effective.ofType(dateTime)",
    ),
    "a value beside the reason of its absence": (
        "activity",
        lambda one: one.update(dataAbsentReason={"coding": [coding(one, "category", 0)]}),
        "Observation",
    ),
    "an element R4 does not have": ("activity", lambda one: one.update(foo="bar"), "Observation"),
    "a script in the narrative": (
        "activity",
        lambda one: one["text"].update(div='<div xmlns="http://www.w3.org/1999/xhtml"><script>0</script></div>'),
        "Observation.text.div",
    ),
    "a code our code system does not have": (
        "interpretation",
        lambda one: coding(one, "valueCodeableConcept").update(code="healed"),
        "Observation.value.ofType(CodeableConcept)",
    ),
    "a device as performer": (
        "interpretation",
        lambda one: one.update(performer=[{"reference": "Device/d", "type": "Device"}]),
        "Observation.performer[0]",
    ),
    "an extension nobody defined": (
        "flag",
        lambda one: one["extension"][0].update(url="https://troughline.example/fhir/StructureDefinition/none"),
        "Flag.extension[0]",
    ),
    "a priority of no list": (
        "flag",
        lambda one: coding(one, "extension", 1, "valueCodeableConcept").update(code="P1"),
        "Flag.extension[1].value.ofType(CodeableConcept)",
    ),
    "a role of no list": (
        "provenance",
        lambda one: one["entity"][0].update(role="sources"),
        "Provenance.entity[0].role",
    ),
}


def kind_of(resource: Resource) -> str:
    tags = resource.get("meta", {}).get("tag", [{}])
    return tags[0].get("code", resource["resourceType"].lower())


def broken(outputs: list[Resource]) -> list[Resource]:
    """One good output of each kind, spoilt in one place each."""
    good = {kind_of(one): one for one in outputs if one.get("status") != "entered-in-error" and full(one)}
    spoilt = []
    for kind, change, _ in BROKEN.values():
        one = deepcopy(good[kind])
        change(one)
        spoilt.append(one)
    return spoilt


def full(resource: Resource) -> bool:
    return kind_of(resource) != "activity" or "valueQuantity" in resource


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Everything, judged in one run: the outputs, what else we say, the broken ones; each with its issues."""
    played = [one for story in STORIES for literal in (True, False) for one in outputs_of(story, literal=literal)]
    outputs = list({fhir.canonical(one): one for one in played}.values())
    every = {"outputs": outputs, "said": said(), "broken": broken(outputs)}
    flat = [one for group in every.values() for one in group]
    issues = iter(hapi_peer.validated(flat, known=[CODES], folder=tmp_path_factory.mktemp("validator")))
    return {name: [(one, next(issues)) for one in group] for name, group in every.items()}


def issues(pairs: list[tuple[Resource, list[Resource]]], *severities: str) -> set[tuple[str, str]]:
    """(place without numbers and ids, text) of the issues of these severities."""
    return {
        (re.sub(r"\[\d+\]|/\*.*?\*/", "", issue["expression"][0]), issue["diagnostics"])
        for _, found in pairs
        for issue in found
        if issue["severity"] in severities
    }


def test_all_kinds_of_outputs_were_judged_in_all_their_states(judged):
    states = {(kind_of(one), one.get("status")) for one, _ in judged["outputs"]}
    assert {kind for kind, _ in states} == {"activity", "interpretation", "flag", "provenance"}
    assert {status for kind, status in states if kind == "flag"} == {"active", "inactive", "entered-in-error"}
    assert {"final", "corrected", "entered-in-error"} <= {status for kind, status in states if kind == "activity"}
    assert {"preliminary", "corrected", "entered-in-error"} <= {s for kind, s in states if kind == "interpretation"}


def test_no_output_has_an_error(judged):
    assert issues(judged["outputs"], "error", "fatal") == set()


def test_nothing_else_we_say_has_an_error(judged):
    assert issues(judged["said"], "error", "fatal") == set()


@pytest.mark.parametrize("number", range(len(BROKEN)), ids=list(BROKEN))
def test_what_is_broken_is_found(judged, number):
    _, found = judged["broken"][number]
    place = list(BROKEN.values())[number][2]
    assert place in [issue["expression"][0] for issue in found if issue["severity"] in ("error", "fatal")]


def test_every_warning_was_reviewed_and_no_review_is_left_over(judged):
    section = PAGE.read_text(encoding="utf-8").partition("\n## Warnings of the validator\n")[2].partition("\n## ")[0]
    reviewed = {
        tuple(cell.strip(" `") for cell in line.split("|")[1:3]) for line in section.splitlines() if "| `" in line
    }
    alone = [(one, found) for one, found in judged["said"] if one["resourceType"] != "Bundle"]
    found = issues([*judged["outputs"], *alone], "warning")
    assert sorted({(place, text.partition(" (")[0]) for place, text in found}) == sorted(reviewed)
