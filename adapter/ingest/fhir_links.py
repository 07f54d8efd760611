"""Patient.link: which patient record of a source ended in which, as its own and the other resource say."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.domain.identities import IdentityTold
from adapter.ingest.fhir_fields import Resource
from adapter.ingest.fhir_reading import (
    REPLACED_BY,
    FhirReading,
    elements,
    identifiers,
    reference_of,
    surviving,
    text_of,
    version,
)
from adapter.ingest.patients import best_identifier

REPLACES = "replaces"
"""The link of a surviving record to one that ended in it."""


def told_by_links(reading: FhirReading, reference: str, patient: str | None) -> tuple[IdentityTold, ...]:
    """What a Patient says of other records; it waits for those nobody knows yet, and says nothing without a number."""
    if patient is None:
        return ()
    return tuple(dict.fromkeys(_told(reading, reference, patient)))


def _told(reading: FhirReading, reference: str, patient: str) -> Iterator[IdentityTold]:
    at = version(reading, quiet=True).updated
    for link in elements(reading.resource.get("link")):
        kind = link.get("type")
        other = _patient_of(reading, link.get("other")) if kind in (REPLACED_BY, REPLACES) else None
        if other and other != patient:
            survivor, absorbed = (patient, other) if kind == REPLACES else (other, patient)
            yield IdentityTold(
                source=reading.source, key=reference, status="merged", survivor=survivor, absorbed=absorbed, at=at
            )


def _patient_of(reading: FhirReading, other: object) -> str | None:
    """The patient of the other end: by the identifier in the link, else by the Patient known from the source."""
    if not isinstance(other, dict):
        return None
    own = best_identifier(identifiers({"identifier": [other.get("identifier")]}), reading.ready.ranks)
    if own or not text_of(other.get("reference")):
        return own
    reference = reference_of(other)
    found: Resource | None = reading.known(reference)
    patient, missing = surviving(reading, found) if found else (None, reference)
    if missing:
        reading.park("unknown-patient", "link", missing)
    return patient
