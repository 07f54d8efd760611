"""Every golden case of mappings/golden, run through the translation with the demo tables."""

from __future__ import annotations

import dataclasses
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from adapter.domain.times import Moment
from adapter.fhir import loads
from adapter.ingest.translate import SenderRules, fhir_resources, translate_fhir, translate_hl7
from adapter.knowledge.load import load_knowledge

MAPPINGS = Path(__file__).parents[2] / "mappings"
CASES = sorted((MAPPINGS / "golden").glob("*.yaml"))
KNOWLEDGE, _ = load_knowledge([MAPPINGS / "demo"], base=MAPPINGS)


def plain(value):
    match value:
        case Moment():
            return value.text
        case Decimal():
            return str(value)
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case bool() | None:
            return value
        case _ if dataclasses.is_dataclass(value):
            named = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return {key: item for key, item in named.items() if item not in (None, [], {}, False)}
        case _:
            return str(value)


def event_of(event):
    return {"event": type(event).__name__, **{key: item for key, item in plain(event).items() if key != "source"}}


def outcome(text):
    if text.lstrip().startswith("{"):
        known = {}
        found = []
        for item in fhir_resources(loads(text)):
            done = translate_fhir(item.resource, KNOWLEDGE, known.get, source="play", zone=UTC)
            known.update(done.known)
            found.append(done)
    else:
        raw = text.rstrip("\n").replace("\n", "\r").encode() + b"\r"
        found = translate_hl7(raw, KNOWLEDGE, lambda _sender: SenderRules(), source="play")
    told = {
        "relevance": found[-1].relevance,
        "events": [event_of(event) for done in found for event in done.events],
        "problems": [{"code": p.code, "severity": p.severity, "where": p.where} for d in found for p in d.problems],
        "ack": found[-1].answer.code,
    }
    return {**told, "parked": found[-1].parked} if found[-1].parked else told


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden_case_comes_out_as_it_was_accepted(path):
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert outcome(case["input"]) == case["expect"]


def test_there_are_golden_cases_for_every_mapping():
    told = {yaml.safe_load(path.read_text(encoding="utf-8"))["mapping"] for path in CASES}
    assert told == {f"{path.parent.name}/{path.name}" for path in [*MAPPINGS.glob("v2/*"), *MAPPINGS.glob("fhir/*")]}
