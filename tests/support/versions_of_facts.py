"""Facts of one patient in several versions, and the history they make in either order of arrival."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from adapter.domain.activity import Activity, Reported
from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    HypersensitivityRecorded,
    Recorded,
    Version,
)
from adapter.domain.history import History, resolve
from adapter.domain.times import exact_moment

ME = "https://hospital.example/mrn|1"
OTHER = "https://hospital.example/mrn|2"
NOON = datetime(2025, 3, 10, 12, 0, tzinfo=UTC)


def at(minutes):
    return exact_moment(NOON + timedelta(minutes=minutes))


def result(value, *, updated=0, sent=0, letter="F", status="final", patient=ME, key="LAB/1", **parts):
    number = Decimal(value) if value else None
    return ActivityMeasured(
        patient=patient,
        source="lab",
        key=key,
        status=status,
        letter=letter,
        version=Version(updated=None if updated is None else at(updated), sent=None if sent is None else at(sent)),
        activity=Activity(kind="number", low=number, high=number, number=number) if number is not None else None,
        reported=Reported(value=value, unit="IU/mL", text=value or ""),
        **parts,
    )


def dose(number=None, *, updated=None, status="completed", patient=ME, key="MedicationAdministration/1", **parts):
    return AsparaginaseAdministered(
        patient=patient,
        source="ehr",
        key=key,
        status=status,
        version=Version(number=number, updated=None if updated is None else at(updated)),
        product="pegaspargase",
        started=at(0),
        **parts,
    )


def reaction(row, number=None, *, verification="confirmed", patient=ME):
    return HypersensitivityRecorded(
        patient=patient,
        source="ehr",
        key=f"AllergyIntolerance/1/{row}",
        record="AllergyIntolerance/1",
        verification=verification,
        version=Version(number=number),
        occurred=at(row),
    )


def known(*events) -> History:
    return resolve(ME, [Recorded(arrival=number, event=event) for number, event in enumerate(events, start=1)])


def either_way(*events) -> History:
    forward, backward = known(*events), known(*reversed(events))
    assert forward == backward
    return forward
