"""One FHIR resource to events, identity facts and problems (fhir-interface 1.5-1.8, 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

from adapter.domain.events import Event, PatientRecord
from adapter.domain.message import Answer, Relevance, Translation
from adapter.domain.problems import problem
from adapter.ingest.code_lookup import Hit
from adapter.ingest.compiled import compiled
from adapter.ingest.demographics import person_of_resource
from adapter.ingest.fhir_bundle import SUPPORTING, fhir_stamp, reference_to
from adapter.ingest.fhir_check import is_retraction
from adapter.ingest.fhir_doses import (
    administered,
    dose_retracted,
    premedicated,
    premedication_retracted,
)
from adapter.ingest.fhir_drugs import UNSPECIFIED, Drug, Verdict, drug_of, judge_drug
from adapter.ingest.fhir_fields import Resource, ResourceMapping, Row
from adapter.ingest.fhir_links import told_by_links
from adapter.ingest.fhir_reactions import reaction_recorded, record_retracted
from adapter.ingest.fhir_reading import (
    FhirReading,
    Known,
    birth_date,
    elements,
    has_modifier,
    identifiers,
    replaced_by,
    subject,
    text_of,
    version,
)
from adapter.ingest.fhir_required import require
from adapter.ingest.patients import best_identifier
from adapter.knowledge.spec import Knowledge

UNKNOWN_PATIENT = ""
"""Patient of a retraction that names none: the fact's key tells whose record it was."""
OUTPUT_KEY_SYSTEM_END = "/sid/output-key"
"""Identifier systems of our own outputs end so, whatever the canonical base is."""
_DOSE, _PREMEDICATION, _REACTION = "AsparaginaseAdministered", "PremedicationGiven", "HypersensitivityRecorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undecided:
    """A row of a resource that no mapping took."""

    verdict: Verdict
    mapping: ResourceMapping
    drug: Drug
    refused: bool
    """Whether a table says that it is not ours."""


def translate_fhir(
    resource: dict[str, Any],
    knowledge: Knowledge,
    known: Known,
    *,
    source: str,
    zone: tzinfo | None = None,
    retracted: bool = False,
) -> Translation:
    """Translate one resource; nothing that can stand in it raises.

    `known("Patient/p1")` gives a resource of the same source or None. `zone` is the source's, for times that lack
    one. `retracted` says that the source deleted the resource: it then needs nothing but resourceType and id.
    """
    ready = compiled(knowledge)
    kind = text_of(resource.get("resourceType"))
    reading = FhirReading(resource=resource, kind=kind, ready=ready, known=known, source=source, zone=zone)
    if _is_our_own(resource):
        return _finished(reading, ())
    if kind in SUPPORTING:
        return _supporting(reading, retracted=retracted)
    if kind not in ready.resources:
        reading.notes.add(problem("resource-unsupported", where=kind if kind.isalpha() and len(kind) <= 64 else None))
        return _finished(reading, ())
    if retracted or is_retraction(resource):
        return _finished(reading, _retractions(reading))
    return _finished(reading, _events(reading))


def _is_our_own(resource: Resource) -> bool:
    """Whether we wrote the resource ourselves: a source may be a target too."""
    listed = resource.get("identifier")
    found = elements(listed) or elements([listed])
    return any(text_of(item.get("system")).endswith(OUTPUT_KEY_SYSTEM_END) for item in found)


def _supporting(reading: FhirReading, *, retracted: bool) -> Translation:
    """Remember a Patient, Medication or MedicationRequest; a deleted one still explains what it explained."""
    reference = reference_to(reading.resource)
    if retracted or reference is None:
        return _finished(reading, ())
    known = ((reference, reading.resource),)
    if reading.kind != "Patient":
        return _finished(reading, (), known=known)
    record = _patient_record(reading, reference)
    told = told_by_links(reading, reference, record.patient)
    person = person_of_resource(reading, record.patient, reference) if record.patient else None
    people = (person,) if person else ()
    return replace(_finished(reading, (), records=(record,), known=known), identities=told, people=people)


def _patient_record(reading: FhirReading, reference: str) -> PatientRecord:
    resource = reading.resource
    listed = identifiers(resource)
    return PatientRecord(
        source=reading.source,
        reference=reference,
        patient=best_identifier(listed, reading.ready.ranks),
        identifiers=tuple("|".join(pair) for pair in listed),
        deceased=resource.get("deceasedBoolean") is True or bool(resource.get("deceasedDateTime")),
        born=birth_date(reading),
        replaced_by=replaced_by(resource),
        version=version(reading, quiet=True),
    )


def _events(reading: FhirReading) -> tuple[Event, ...]:
    """The events of a resource: of the first mapping that knows its code."""
    undecided: list[_Undecided] = []
    for mapping in reading.ready.resources[reading.kind]:
        verdicts = [(row, drug, *_judge(reading, mapping, drug)) for row, drug in _drugs(reading, mapping)]
        ours = [(row, drug, hit) for row, drug, verdict, hit in verdicts if verdict == "ours" and hit]
        if ours:
            return _made(reading, mapping, ours)
        undecided += [
            _Undecided(verdict=verdict, mapping=mapping, drug=drug, refused=hit is not None)
            for _, drug, verdict, hit in verdicts
        ]
    _leave(reading, undecided)
    return ()


def _drugs(reading: FhirReading, mapping: ResourceMapping) -> list[tuple[Row, Drug]]:
    return [(row, drug_of(reading, mapping.codes, row)) for row in mapping.each(reading.resource)]


def _judge(reading: FhirReading, mapping: ResourceMapping, drug: Drug) -> tuple[Verdict, Hit | None]:
    return judge_drug(drug, mapping.table, mapping.mapping.select.near, reading.source)


def _made(reading: FhirReading, mapping: ResourceMapping, rows: list[tuple[Row, Drug, Hit]]) -> tuple[Event, ...]:
    if has_modifier(reading.resource):
        reading.park(
            "modifier-unknown", "implicitRules" if reading.resource.get("implicitRules") else "modifierExtension"
        )
        return ()
    field = mapping.field("patient")
    found = field.first(rows[0][0])
    where = field.paths[0].text.removeprefix(f"{reading.kind}.") if field.paths else "subject"
    patient = subject(reading, found[0] if found else None, where)
    if patient is None:
        return ()
    made = [_event(reading, mapping, row, drug=drug, hit=hit, patient=patient) for row, drug, hit in rows]
    return tuple(event for event in made if event)


def _event(
    reading: FhirReading, mapping: ResourceMapping, row: Row, *, drug: Drug, hit: Hit, patient: str
) -> Event | None:
    reading.notes.remarks.clear()
    require(reading, mapping, row)
    match mapping.mapping.event:
        case "AsparaginaseAdministered":
            return administered(reading, mapping, row, drug=drug, hit=hit, patient=patient)
        case "PremedicationGiven":
            return premedicated(reading, mapping, row, hit, patient)
        case "HypersensitivityRecorded":
            return reaction_recorded(reading, mapping, row, hit, patient)
        case _:
            return None


def _leave(reading: FhirReading, undecided: list[_Undecided]) -> None:
    """What becomes of a resource no mapping knows: it waits, it is named, or it is another matter."""
    missing = [reference for one in undecided if one.verdict == "unresolved" for reference in one.drug.missing]
    if missing:
        reading.park("medication-unresolved", "medication", *dict.fromkeys(missing))
        return
    for one in undecided:
        if one.verdict == "near" and one.mapping.mapping.event != _PREMEDICATION:
            reading.park("product-unmapped", _code_element(one.mapping))
            return
        if one.verdict == "near":
            said = "The drug looks like premedication and is in no table."
            reading.notes.add(problem("near-miss", where=f"{reading.kind}.medication", text=said))
    if not any(one.verdict == "near" or one.refused for one in undecided):
        _report(reading, undecided)


def _report(reading: FhirReading, undecided: list[_Undecided]) -> None:
    """A drug of no table, where a mapping wants to hear of it."""
    for one in undecided:
        wish = one.mapping.mapping.select.otherwise
        if wish != "ignore" and one.drug.triplets:
            found = problem("code-unmapped", where=f"{reading.kind}.{_code_element(one.mapping)}")
            reading.notes.add(found, severity="error" if wish == "reject" else "warning")


def _code_element(mapping: ResourceMapping) -> str:
    return "code" if mapping.mapping.event == _REACTION else "medication"


def _retractions(reading: FhirReading) -> tuple[Event, ...]:
    """The withdrawal of whatever the record was: by its code, or of every kind it may have been."""
    patient = _patient_of_retraction(reading)
    found: list[tuple[str, Hit | None]] = []
    for mapping in reading.ready.resources[reading.kind]:
        verdicts = [_judge(reading, mapping, drug) for _, drug in _drugs(reading, mapping)]
        hit = next((hit for verdict, hit in verdicts if verdict == "ours"), None)
        if hit:
            return (_retraction(reading, mapping.mapping.event, patient, hit),)
        found.append((mapping.mapping.event, None))
    if _names_another_drug(reading):
        return ()
    return tuple(_retraction(reading, event, patient, None) for event, _ in found)


def _retraction(reading: FhirReading, event: str, patient: str, hit: Hit | None) -> Event:
    match event:
        case "PremedicationGiven":
            return premedication_retracted(reading, patient, hit.row.target if hit else "", hit)
        case "HypersensitivityRecorded":
            return record_retracted(reading, patient, hit.row.target if hit else None)
        case _:
            return dose_retracted(reading, patient, hit.row.target if hit else UNSPECIFIED, hit)


def _names_another_drug(reading: FhirReading) -> bool:
    """Whether the codes were all readable and are no business of ours."""
    for mapping in reading.ready.resources[reading.kind]:
        for _, drug in _drugs(reading, mapping):
            verdict, _ = _judge(reading, mapping, drug)
            if verdict != "other" or not any(code for code, _, _ in drug.triplets):
                return False
    return True


def _patient_of_retraction(reading: FhirReading) -> str:
    """The patient if the record still tells; a retraction never waits for one."""
    attempt = FhirReading(
        resource=reading.resource,
        kind=reading.kind,
        ready=reading.ready,
        known=reading.known,
        source=reading.source,
        zone=reading.zone,
    )
    element = reading.resource.get("patient" if reading.kind == "AllergyIntolerance" else "subject")
    return subject(attempt, element, "subject") or UNKNOWN_PATIENT


def _finished(
    reading: FhirReading,
    events: tuple[Event, ...],
    *,
    records: tuple[PatientRecord, ...] = (),
    known: tuple[tuple[str, Resource], ...] = (),
) -> Translation:
    problems = tuple(reading.notes.problems)
    errors = tuple(found for found in problems if found.severity == "error")
    relevance: Relevance = "irrelevant"
    if events or known or reading.parked:
        relevance = "relevant"
    elif reading.notes.has("near-miss"):
        relevance = "near-miss"
    return Translation(
        relevance=relevance,
        events=events,
        patients=records,
        known=known,
        problems=problems,
        parked=reading.parked,
        waits_for=tuple(dict.fromkeys(reading.waits_for)),
        answer=Answer(code="AE", errors=errors) if errors else Answer(code="AA"),
        stamp=fhir_stamp(reading.resource),
        mapping_hash=reading.ready.knowledge.hash,
    )
