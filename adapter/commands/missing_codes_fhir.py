"""Which codes of a FHIR body stand in no table: drugs that look like ours, and units of doses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from adapter.commands.missing_codes import (
    LONGEST_CODE_CHARS,
    LONGEST_SYSTEM_CHARS,
    LONGEST_TEXT_CHARS,
    MissingCode,
    shown,
)
from adapter.domain.units import DOSE_UNITS
from adapter.fhir import UnreadableJsonError, loads
from adapter.ingest.code_lookup import TEXT_SYSTEM
from adapter.ingest.compiled import compiled
from adapter.ingest.fhir_amounts import amount_of, given_amount
from adapter.ingest.fhir_bundle import SUPPORTING, fhir_resources
from adapter.ingest.fhir_check import is_retraction
from adapter.ingest.fhir_drugs import Drug, drug_of, judge_drug
from adapter.ingest.fhir_fields import Resource, ResourceMapping, Row
from adapter.ingest.fhir_reading import FhirReading, Triplet, text_of
from adapter.knowledge.spec import Knowledge

Known = Callable[[str], Resource | None]
DRUG_NAME = re.compile(r"[^\W\d_](?!.*\d{5})[\w .,/()%+-]{0,39}")
"""What the name of a drug looks like; any other text without a code is not shown."""


def fhir_missing(raw: bytes, knowledge: Knowledge, known: Known, *, source: str) -> Iterator[MissingCode]:
    """Every drug that looks like ours and every unit of one of our doses that a table should have and has not."""
    try:
        items = fhir_resources(loads(raw))
    except UnreadableJsonError:
        return
    told: dict[str, Resource] = {}
    for item in items:
        if item.resource is None or is_retraction(item.resource):
            continue
        if item.reference and text_of(item.resource.get("resourceType")) in SUPPORTING:
            told[item.reference] = item.resource
        yield from _missing(item.resource, knowledge, lambda name: told.get(name) or known(name), source)


def _missing(resource: Resource, knowledge: Knowledge, known: Known, source: str) -> Iterator[MissingCode]:
    ready = compiled(knowledge)
    kind = text_of(resource.get("resourceType"))
    reading = FhirReading(resource=resource, kind=kind, ready=ready, known=known, source=source, zone=None)
    near: list[MissingCode] = []
    for mapping in ready.resources.get(kind, ()):
        rows = [(row, drug_of(reading, mapping.codes, row)) for row in mapping.each(resource)]
        verdicts = [(row, drug, _verdict(mapping, drug, source)) for row, drug in rows]
        ours = [(row, drug) for row, drug, verdict in verdicts if verdict == "ours"]
        if ours:  # the first mapping that knows the drug reads the resource
            yield from _units(mapping, ours, source)
            return
        near += [_drug(mapping, drug, kind, source) for _, drug, verdict in verdicts if verdict == "near"]
    yield from dict.fromkeys(near)


def _verdict(mapping: ResourceMapping, drug: Drug, source: str) -> str:
    verdict, _ = judge_drug(drug, mapping.table, mapping.mapping.select.near, source)
    return verdict


def _drug(mapping: ResourceMapping, drug: Drug, kind: str, source: str) -> MissingCode:
    code, text, system = _named(drug.triplets)
    field = "code" if kind == "AllergyIntolerance" else "medication"
    code, system = shown(code, LONGEST_TEXT_CHARS), shown(system, LONGEST_SYSTEM_CHARS)
    return MissingCode(
        table=mapping.table.name,
        sender=source,
        code=code,
        system=system,
        text=shown(text, LONGEST_TEXT_CHARS),
        where=f"{kind}.{field}",
        example=f"{kind}.{field} = {system or '*'}|{code or '*'}",
    )


def _named(triplets: Sequence[Triplet]) -> Triplet:
    """The first coding; a drug that has only a text is looked up by that."""
    coded = next((one for one in triplets if one[0]), None)
    if coded:
        return coded
    text = next((text for _, text, _ in triplets if text), "")
    return (text if DRUG_NAME.fullmatch(text) else ""), "", TEXT_SYSTEM


def _units(mapping: ResourceMapping, rows: Sequence[tuple[Row, Drug]], source: str) -> Iterator[MissingCode]:
    amount = mapping.field("amount")
    for row, drug in rows:
        quantity = next(iter(amount.values(row)), None)
        dose = amount_of(quantity, amount.table, source)
        given = given_amount(dose, drug.medication, amount.table, source)
        if given is None or not given.unit or given.unit in DOSE_UNITS:
            continue
        unit = shown(given.unit, LONGEST_CODE_CHARS)
        yield MissingCode(
            table=amount.table.name,
            sender=source,
            code=unit,
            system="",
            text="",
            where="MedicationAdministration.dosage.dose",
            example=f"MedicationAdministration.dosage.dose = * {unit or '*'}",
        )
