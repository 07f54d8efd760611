"""Patient.link: which patient record of a source ended in which, as its own and the other resource say."""

from __future__ import annotations

from adapter.domain.identities import IdentityTold
from adapter.ingest.compiled import compiled
from adapter.ingest.fhir_fields import Resource
from adapter.ingest.fhir_reading import (
    REPLACED_BY,
    FhirReading,
    Known,
    elements,
    identifiers,
    reference_of,
    surviving,
    text_of,
    version,
)
from adapter.ingest.patients import best_identifier
from adapter.knowledge.spec import Knowledge

REPLACES = "replaces"
"""The link of a surviving record to one that ended in it."""


def named_by(resource: Resource, knowledge: Knowledge, known: Known, *, source: str) -> str | None:
    """The patient a Patient resource names, by its own number or that of the record it ended in."""
    ready = compiled(knowledge)
    reading = FhirReading(resource=resource, kind="Patient", ready=ready, known=known, source=source, zone=None)
    return surviving(reading, resource)[0]


def told_by_links(reading: FhirReading, reference: str, patient: str | None) -> tuple[IdentityTold, ...]:
    """What a Patient says of other records; it waits for those nobody knows yet, and says nothing without a number."""
    if patient is None:
        return ()
    at = version(reading, quiet=True).updated
    pairs = (
        *((patient, absorbed) for absorbed in _others(reading, reference, REPLACES) if absorbed),
        *((survivor, patient) for survivor in _only(reading, reference, _others(reading, reference, REPLACED_BY))),
    )
    return tuple(
        IdentityTold(source=reading.source, key=reference, status="merged", survivor=survivor, absorbed=absorbed, at=at)
        for survivor, absorbed in dict.fromkeys(pairs)
        if survivor != absorbed
    )


def _others(reading: FhirReading, reference: str, kind: str) -> list[str | None]:
    """The patients of the other ends of one kind of link; None for one that is not known."""
    links = [link for link in elements(reading.resource.get("link")) if link.get("type") == kind]
    return [
        _patient_of(reading, other, reference)
        for link in links
        if isinstance(other := link.get("other"), dict) and reference_of(other)
    ]


def _only(reading: FhirReading, reference: str, survivors: list[str | None]) -> list[str]:
    """The one record a record ended in; of two nobody can choose, so it waits for a version that names one."""
    found = set(survivors)
    if len(found) > 1 and None not in found:
        reading.park("replaced-by-several", "link", reference)
    return [one for one in found if one] if len(found) == 1 else []


def _patient_of(reading: FhirReading, other: Resource, own: str) -> str | None:
    """The patient of the other end: by the identifier in the link, else by the Patient known from the source."""
    told = best_identifier(identifiers({"identifier": [other.get("identifier")]}), reading.ready.ranks)
    if told:
        return told
    reference = reference_of(other)
    if not text_of(other.get("reference")):
        reading.park("unknown-authority", "link", own)
        return None
    found: Resource | None = reading.known(reference)
    patient, missing, passed = surviving(reading, found) if found else (None, reference, ())
    if missing:
        reading.park("unknown-patient", "link", missing, own, *dict.fromkeys((reference, *passed)))
    elif patient is None:
        reading.park("unknown-authority", "link", own, reference, *passed)
    return patient
