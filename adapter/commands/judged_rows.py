"""The rows of a message that could be ours, each with the verdict on its codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Literal

from adapter.domain.message import Arrival, Translation
from adapter.ingest.code_lookup import Hit, Triplet
from adapter.ingest.compiled import compiled
from adapter.ingest.fhir_bundle import FhirItem, fhir_resources
from adapter.ingest.fhir_drugs import drug_of, judge_drug
from adapter.ingest.fhir_fields import Resource, ResourceMapping, Row
from adapter.ingest.fhir_reading import FhirReading, Known
from adapter.ingest.hl7v2 import Message, NotHl7, Segment, read_message
from adapter.ingest.result_mapping import ResultMapping
from adapter.ingest.scopes import Scope, walk
from adapter.ingest.translate import translate_fhir
from adapter.knowledge.paths import read_v2_path
from adapter.knowledge.spec import Knowledge, Select
from adapter.pipeline.parts import Parts

Verdict = Literal["ours", "near", "other", "unresolved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The codes at one place, and whether they are ours."""

    where: str
    triplets: tuple[Triplet, ...]
    verdict: Verdict
    hit: Hit | None
    select: Select
    at: tuple[Segment, int] | None = None
    """The field of an HL7 message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One OBX with its neighbourhood, read by one mapping."""

    judged: Judged
    scope: Scope
    results: ResultMapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    """One resource, or one row of it, read by one mapping."""

    judged: Judged
    row: Row
    mapping: ResourceMapping
    prefix: str
    """Where the resource stands: `Bundle.entry[2].resource.`, or nothing."""


def message_of(arrival: Arrival, parts: Parts) -> Message | None:
    """The segments of an HL7 message; None for bytes that hold none."""
    try:
        return read_message(arrival.raw, parts.rules_at(arrival.listener)(arrival.sender).default_charset)
    except NotHl7:
        return None


def result_rows(message: Message, sender: str, knowledge: Knowledge) -> tuple[list[ResultRow], list[Judged]]:
    """Every result of a message with its verdict, and the verdict on every order."""
    rows: list[ResultRow] = []
    orders: list[Judged] = []
    for results in compiled(knowledge).results:
        path = read_v2_path(results.mapping.select.codes[0])
        walked = walk(message, sender, results.mapping.for_each or "OBX")
        for scope in walked.scopes:
            judged = _judged(scope.row, path.field if path else 3, results, sender)
            rows.append(ResultRow(judged=judged, scope=scope, results=results))
        orders += [_judged(o.request, 4, results, sender) for o in walked.orders if o.request]
    return rows, orders


def _judged(segment: Segment, number: int, results: ResultMapping, sender: str) -> Judged:
    verdict, hit, triplets = results.tests.judge(segment, number, sender)
    where = f"{segment.name}[{segment.occurrence}]-{number}"
    select = results.mapping.select
    return Judged(where=where, triplets=triplets, verdict=verdict, hit=hit, select=select, at=(segment, number))


def _nothing(_reference: str) -> None:
    return None


def resource_rows(
    body: Any,  # noqa: ANN401 - any JSON
    source: str,
    knowledge: Knowledge,
    known: Known = _nothing,
) -> list[ResourceRow]:
    """Every resource of a body that a mapping reads, row by row, with the verdict on its drug or substance."""
    found: dict[str, Resource] = {}
    rows: list[ResourceRow] = []
    for item in fhir_resources(body):
        if item.resource is None:
            continue
        if item.reference:
            found[item.reference] = item.resource
        prefix = entry_prefix(body, item.index)
        rows += _rows_of(item.resource, prefix, source, lambda name: found.get(name) or known(name), knowledge)
    return rows


def translated_resources(
    body: Any,  # noqa: ANN401 - any JSON
    knowledge: Knowledge,
    known: Known,
    *,
    source: str,
    zone: tzinfo | None,
) -> Iterator[tuple[FhirItem, Translation]]:
    """What each resource of a body says; what the body itself tells of others goes before what is known of them."""
    told: dict[str, Resource] = {}
    for item in fhir_resources(body):
        if item.resource is not None:
            read = translate_fhir(
                item.resource, knowledge, lambda name: told.get(name) or known(name), source=source, zone=zone
            )
            told.update(read.known)
            yield item, read


def entry_prefix(body: Any, index: int) -> str:  # noqa: ANN401 - any JSON
    """The FHIRPath that leads to a resource of a body, with a point behind it; nothing for a resource alone."""
    bundle = isinstance(body, dict) and body.get("resourceType") == "Bundle"
    return f"Bundle.entry[{index}].resource." if bundle else ""


def _rows_of(resource: Resource, prefix: str, source: str, known: Known, knowledge: Knowledge) -> Iterator[ResourceRow]:
    ready = compiled(knowledge)
    kind = str(resource.get("resourceType"))
    reading = FhirReading(resource=resource, kind=kind, ready=ready, known=known, source=source, zone=None)
    for mapping in ready.resources.get(kind, ()):
        select = mapping.mapping.select
        for row in mapping.each(resource):
            drug = drug_of(reading, mapping.codes, row)
            verdict, hit = judge_drug(drug, mapping.table, select.near, source)
            where = f"{prefix}{'' if prefix else f'{kind}.'}{select.codes[-1].removeprefix(f'{kind}.')}"
            judged = Judged(where=where, triplets=drug.triplets, verdict=verdict, hit=hit, select=select)
            yield ResourceRow(judged=judged, row=row, mapping=mapping, prefix=prefix)
