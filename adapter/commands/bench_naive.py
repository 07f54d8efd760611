"""What interpretation is compared with: the least one could do with the same events, and two plain ways to do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, assert_never

from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    Event,
    HypersensitivityRecorded,
    PremedicationGiven,
    Recorded,
)
from adapter.domain.history import BEFORE_ALL
from adapter.fhir import validate


def sorted_and_touched(recorded: Sequence[Recorded]) -> int:
    """The raw limit: every event sorted by its time and looked at once."""
    return sum(len(item.event.key) for item in sorted(recorded, key=lambda item: time_of(item.event)))


def each_with_each(recorded: Sequence[Recorded]) -> int:
    """A plain way to link: every event compared with every other one by time and kind; no verdict, no words."""
    known = [(time_of(item.event), type(item.event)) for item in recorded]
    return sum(at < other and kind is not other_kind for at, kind in known for other, other_kind in known)


def through_models(resources: Sequence[dict[str, Any]]) -> Callable[[], int]:
    """A plain way to remember: every fact is a FHIR resource, read into a fhir.resources model before any rule runs."""
    return lambda: sum(len(validate(resource)) for resource in resources)


def time_of(event: Event) -> datetime:
    """When it happened, as far as known."""
    match event:
        case ActivityMeasured():
            at = event.collected
        case HypersensitivityRecorded():
            at = event.occurred
        case AsparaginaseAdministered() | PremedicationGiven():
            at = event.started
        case _:
            assert_never(event)
    return at.earliest if at else BEFORE_ALL


def resource_of(event: Event) -> dict[str, Any]:
    """The event as the small FHIR resource a hospital would send for it."""
    match event:
        case ActivityMeasured():
            return _observation(event)
        case AsparaginaseAdministered() | PremedicationGiven():
            return _administration(event)
        case HypersensitivityRecorded():
            return _allergy(event)
        case _:
            assert_never(event)


def _observation(event: ActivityMeasured) -> dict[str, Any]:
    quantity = {"value": "0.1", "unit": "IU/mL", "system": "http://unitsofmeasure.org", "code": "[IU]/mL"}
    return {
        "resourceType": "Observation",
        "id": _id(event.key),
        "status": "final" if event.status == "final" else "corrected",
        "code": {"coding": [{"system": "https://hospital.example/tests", "code": "ASPACT"}]},
        "subject": _subject(event),
        "effectiveDateTime": event.collected.text if event.collected else None,
        "valueQuantity": quantity,
        "specimen": {"display": event.specimen},
    }


def _administration(event: AsparaginaseAdministered | PremedicationGiven) -> dict[str, Any]:
    code = event.medication.code if event.medication else "unknown"
    return {
        "resourceType": "MedicationAdministration",
        "id": _id(event.key),
        "status": event.status,
        "medicationCodeableConcept": {"coding": [{"system": "https://hospital.example/formulary", "code": code}]},
        "subject": _subject(event),
        "effectivePeriod": {"start": event.started.text} if event.started else {},
        "dosage": {"dose": {"value": "2500", "unit": "IU/m2"}},
    }


def _allergy(event: HypersensitivityRecorded) -> dict[str, Any]:
    manifestation = [{"coding": [{"code": coding.code, "display": coding.text}]} for coding in event.manifestations]
    return {
        "resourceType": "AllergyIntolerance",
        "id": _id(event.record),
        "patient": _subject(event),
        "reaction": [{"manifestation": manifestation, "onset": event.occurred.text if event.occurred else None}],
    }


def _id(key: str) -> str:
    return key.replace("/", "-")[-64:]


def _subject(event: Event) -> dict[str, Any]:
    system, _, value = event.patient.partition("|")
    return {"identifier": {"system": system, "value": value}}
