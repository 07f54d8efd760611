"""Family names and birth dates of PID and Patient, for the check that a record number stands for one person."""

from __future__ import annotations

from collections.abc import Mapping

from adapter.domain.people import Person, person
from adapter.domain.problem import Problem
from adapter.domain.times import Moment
from adapter.ingest.fhir_fields import Resource
from adapter.ingest.fhir_reading import FhirReading, birth_date, elements, text_of
from adapter.ingest.hl7v2 import Message, Segment
from adapter.ingest.zones import Zone

_NAME, _BORN = 5, 7
"""PID-5 (every repetition, its first component) and PID-7."""


def people_named(
    message: Message, patients: Mapping[int, tuple[str | None, Problem | None]], zone: Zone, source: str
) -> tuple[Person, ...]:
    """The person of each PID that told a patient, by the places of the PID in the message."""
    named = [(message.segments[place], patient) for place, (patient, _) in patients.items() if patient]
    found = (_of_pid(segment, patient, zone, source) for segment, patient in named)
    return tuple(one for one in found if one)


def _of_pid(segment: Segment, patient: str, zone: Zone, source: str) -> Person | None:
    repeated = range(1, len(segment.repetitions(_NAME)) + 1)
    families = [segment.value(_NAME, number) or "" for number in repeated]
    return person(
        patient, families, _born(segment, zone), source=source, where=f"{segment.name}[{segment.occurrence}]-3"
    )


def _born(segment: Segment, zone: Zone) -> Moment | None:
    try:
        return zone.read(segment.value(_BORN) or "")
    except ValueError:
        return None


def person_of_resource(reading: FhirReading, patient: str, reference: str) -> Person | None:
    """The person of a Patient resource, by all of his names."""
    resource: Resource = reading.resource
    families = [text_of(name.get("family")) for name in elements(resource.get("name"))]
    born = birth_date(reading)
    return person(patient, families, born, source=reading.source, record=reference, where="Patient.identifier")
