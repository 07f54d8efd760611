"""MedicationAdministration to AsparaginaseAdministered and PremedicationGiven (fhir-interface 1.6)."""

from __future__ import annotations

from typing import cast, get_args

from adapter.domain.events import (
    AdministrationStatus,
    AsparaginaseAdministered,
    Coding,
    PremedicationGiven,
    PremedicationRole,
    Route,
)
from adapter.domain.problems import problem
from adapter.domain.times import Moment
from adapter.domain.units import DOSE_UNITS
from adapter.ingest.code_lookup import Hit
from adapter.ingest.fhir_amounts import amount_of, given_amount, infusion_end, lot_of, ordered_amount
from adapter.ingest.fhir_drugs import Drug, one_product
from adapter.ingest.fhir_fields import FhirField, ResourceMapping, Row
from adapter.ingest.fhir_reading import (
    FhirReading,
    concepts_of,
    fact_key,
    identifiers,
    moment_at,
    place,
    reference_of,
    triplets,
    version,
)
from adapter.ingest.fhir_required import is_required, look_up_concept

_STATUSES: tuple[str, ...] = get_args(AdministrationStatus)
_ROLES: tuple[str, ...] = get_args(PremedicationRole)
_ROUTES: tuple[str, ...] = get_args(Route)


def administered(
    reading: FhirReading, mapping: ResourceMapping, row: Row, *, drug: Drug, hit: Hit, patient: str
) -> AsparaginaseAdministered:
    """One row of a dose of asparaginase."""
    key, order = fact_key(reading), version(reading)
    hit, contradicted = one_product(drug, hit, mapping.table, reading.source)
    if contradicted:
        reading.notes.add(problem("product-conflict", where="MedicationAdministration.medication"))
    status = _status(reading, mapping, row)
    started, ended = _times(reading, mapping, row, status)
    units = mapping.field("amount").table
    quantity = next(iter(mapping.field("amount").values(row)), None)
    given = given_amount(amount_of(quantity, units, reading.source), drug.medication, units, reading.source)
    request = _references(mapping.field("request"), row)
    asked = _literal(mapping.field("request"), row)
    unit = given.unit if given else None
    if given and unit not in DOSE_UNITS:
        said = "The unit of the dose is in no table; the amount says nothing of how much was given."
        reading.notes.add(problem("code-unmapped", where="MedicationAdministration.dosage.dose", text=said))
    route, route_text = _route(mapping, row, reading.source)
    return AsparaginaseAdministered(
        patient=patient,
        source=reading.source,
        key=key,
        status=status,
        version=order,
        product=hit.row.target,
        started=started,
        ended=ended,
        amount=given.number if given else None,
        unit=unit,
        ordered_amount=ordered_amount(reading, asked, drug.medication, unit, units),
        route=route,
        route_text=route_text,
        request=request[0] if request else None,
        part_of=request_parts(mapping.field("part_of"), row),
        identifiers=tuple("|".join(pair) for pair in identifiers(reading.resource)),
        medication=coding_of(hit),
        lot=lot_of(drug.medication),
        status_reason=mapping.field("status_reason").text(row),
        remarks=tuple(reading.notes.remarks),
    )


def premedicated(
    reading: FhirReading, mapping: ResourceMapping, row: Row, hit: Hit, patient: str
) -> PremedicationGiven | None:
    """One drug of the premedication list; None when the table names a role the rules do not know."""
    if hit.row.target not in _ROLES:
        return None
    key, order = fact_key(reading), version(reading)
    status = _status(reading, mapping, row)
    started, ended = _times(reading, mapping, row, status)
    return PremedicationGiven(
        patient=patient,
        source=reading.source,
        key=key,
        status=status,
        version=order,
        role=cast("PremedicationRole", hit.row.target),
        started=started,
        ended=ended,
        medication=coding_of(hit),
        route_text=_route(mapping, row, reading.source)[1],
        remarks=tuple(reading.notes.remarks),
    )


def dose_retracted(reading: FhirReading, patient: str, product: str, hit: Hit | None) -> AsparaginaseAdministered:
    """The withdrawal of a dose record, which needs nothing but its key."""
    return AsparaginaseAdministered(
        patient=patient,
        source=reading.source,
        key=fact_key(reading),
        status="entered-in-error",
        version=version(reading, quiet=True),
        product=product,
        started=None,
        identifiers=tuple("|".join(pair) for pair in identifiers(reading.resource)),
        medication=coding_of(hit) if hit else None,
    )


def premedication_retracted(reading: FhirReading, patient: str, role: str, hit: Hit | None) -> PremedicationGiven:
    """The withdrawal of a premedication record."""
    return PremedicationGiven(
        patient=patient,
        source=reading.source,
        key=fact_key(reading),
        status="entered-in-error",
        version=version(reading, quiet=True),
        role=cast("PremedicationRole", role if role in _ROLES else _ROLES[0]),
        started=None,
        medication=coding_of(hit) if hit else None,
    )


def coding_of(hit: Hit) -> Coding:
    """The coding that led to a row; its text alone when it matched by text."""
    return Coding(code=hit.code, system=hit.system or None, text=hit.text or hit.row.label or None)


def request_parts(spec: FhirField, row: Row) -> tuple[str, ...]:
    """Every reference of a field, as `Type/id` or `<system>|<value>`."""
    return tuple(_references(spec, row))


def _references(spec: FhirField, row: Row) -> list[str]:
    return [reference for value in spec.values(row) if (reference := reference_of(value))]


def _literal(spec: FhirField, row: Row) -> str:
    found = spec.first(row)
    reference = found[0].get("reference") if found and isinstance(found[0], dict) else None
    return reference if isinstance(reference, str) else ""


def _status(reading: FhirReading, mapping: ResourceMapping, row: Row) -> AdministrationStatus:
    """The status of the closed list; one that is not on it is unknown, with its problem."""
    spec = mapping.field("status")
    code = spec.text(row) or ""
    known = spec.table.find(code, "", reading.source)
    if known and known.target in _STATUSES:
        return cast("AdministrationStatus", known.target)
    reading.notes.add(problem("fhir-invalid", where=f"{reading.kind}.status"))
    return "unknown"


def _times(
    reading: FhirReading, mapping: ResourceMapping, row: Row, status: str
) -> tuple[Moment | None, Moment | None]:
    spec = mapping.field("started")
    started, path = moment_at(reading, spec, row)
    if path is None and _is_required(spec, mapping, row, status, reading.source):
        reading.notes.add(problem("fhir-invalid", where=f"{reading.kind}.{place(spec.paths[-1], row)}"))
    ended, _ = moment_at(reading, mapping.field("ended"), row)
    return started, ended or infusion_end(reading.resource, started)


def _is_required(spec: FhirField, mapping: ResourceMapping, row: Row, status: str, source: str) -> bool:
    """Whether the mapping wants the time; a status off the list counts as unknown."""
    wanted = spec.spec.required
    if wanted and wanted.field == "status":
        return status in wanted.values
    return is_required(spec, mapping, row, source)


def _route(mapping: ResourceMapping, row: Row, source: str) -> tuple[Route | None, str | None]:
    spec = mapping.field("route")
    concept = next(concepts_of(spec.values(row)), None)
    if concept is None:
        return None, None
    named = triplets(concept)
    hit = look_up_concept(spec, named, source)
    said = next((text for _, text, _ in reversed(named) if text), None)
    return cast("Route", hit.row.target) if hit and hit.row.target in _ROUTES else None, said
