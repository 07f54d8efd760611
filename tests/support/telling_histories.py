"""Small histories in which every field that rules read makes a difference somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapter.domain.activity import Reported
from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    Coding,
    Event,
    HypersensitivityRecorded,
    PremedicationGiven,
    Version,
)
from adapter.domain.times import Moment, iso_moment
from adapter.domain.values import activity_of, read_value

PATIENT = "https://hospital.example/mrn|4711"
VERSIONS = "two versions of one result"
"""Which of them counts is decided by their times and states, so here a field may change anything."""
AS_OF = datetime(2025, 4, 20, tzinfo=UTC)


def at(text: str | None) -> Moment | None:
    """`03-10T10:00` of 2025, in UTC."""
    return iso_moment(f"2025-{text}:00Z") if text else None


def dose(key: str, started: str | None, **parts: Any) -> AsparaginaseAdministered:
    values = {"status": "completed", "product": "pegaspargase", "amount": Decimal(2500), "unit": "[IU]", "route": "IV"}
    return AsparaginaseAdministered(
        patient=PATIENT,
        source="ehr",
        key=f"MedicationAdministration/{key}",
        started=at(started),
        **{"version": Version(number=1), **values, **parts},
    )


def level(key: str, collected: str | None, text: str, **parts: Any) -> ActivityMeasured:
    values = {
        "status": "final",
        "version": Version(updated=at("03-15T08:00"), sent=at("03-15T08:00")),
        "specimen": f"S{key}",
        "lloq_iu_per_ml": Decimal("0.03"),
        "activity": activity_of(read_value([text]), Decimal(1)),
    }
    return ActivityMeasured(
        patient=PATIENT,
        source="lab",
        key=f"LAB/{key}/asparaginase-activity/1",
        letter="F",
        reported=Reported(value=text, unit="IU/mL", text=text),
        collected=at(collected),
        **{**values, **parts},
    )


def reaction(key: str, occurred: str | None, **parts: Any) -> HypersensitivityRecorded:
    values = {
        "verification": "confirmed",
        "product": "pegaspargase",
        "occurred_from": "reaction.onset",
        "concepts": ("urticaria",),
        "manifestations": (Coding(code="126485001", text="Urticaria"),),
    }
    return HypersensitivityRecorded(
        patient=PATIENT,
        source="ehr",
        key=f"AllergyIntolerance/{key}/1",
        record=f"AllergyIntolerance/{key}",
        occurred=at(occurred),
        **{"version": Version(number=1), **values, **parts},
    )


def drug(key: str, started: str | None, role: str, **parts: Any) -> PremedicationGiven:
    return PremedicationGiven(
        patient=PATIENT,
        source="ehr",
        key=f"MedicationAdministration/{key}",
        status="completed",
        version=Version(number=1),
        role=role,  # type: ignore[arg-type] - one of the four words
        started=at(started),
        **parts,
    )


def telling_histories() -> Iterator[tuple[str, tuple[Event, ...]]]:
    """Name and facts."""
    one = dose("d1", "03-03T10:00", ended=at("03-03T12:00"), ordered_amount=Decimal(2500))
    low = level("1", "03-10T10:00", "0.02")
    yield "a result in words", (one, level("1", "03-10T10:00", "see below"))
    yield "a level below quantification", (one, level("1", "03-10T10:00", "ND"))
    other_value = Version(updated=at("03-16T08:00"), sent=at("03-16T08:00"))
    yield VERSIONS, (one, low, level("1", "03-10T10:00", "0.3", version=other_value))
    yield "a level without any time but that of its message", (one, level("1", None, "0.02"))
    yield "a level with the time of its report", (one, level("1", None, "0.02", resulted=at("03-11T08:00")))
    received = level("1", None, "0.02", received_by_laboratory=at("03-10T18:00"), resulted=at("03-11T08:00"))
    yield "a level with the time of its receipt", (one, received)
    yield (
        "two levels and a reaction without a dose",
        (low, level("2", "03-10T12:00", "0.3"), reaction("a1", "03-10T09:00")),
    )
    nameless = dose("d0", None, request="ServiceRequest/1", part_of=("Procedure/2",), identifiers=("urn:a|1",))
    for name, value in (
        ("request", "ServiceRequest/1"),
        ("part_of", ("Procedure/2",)),
        ("identifiers", ("urn:a|1", "urn:a|2")),
    ):
        parts: dict[str, Any] = {"request": None, "part_of": (), "identifiers": (), name: value}
        second = dose("d2", "03-03T10:00", amount=Decimal(1250), **parts)
        third = dose("d3", "03-03T11:00", amount=Decimal(1250), identifiers=("urn:a|2",))
        drugs = (drug("p1", "03-03T09:30", "h1-antihistamine"), reaction("a1", "03-03T10:20"))
        yield f"rows of one dose joined by {name}", (nameless, second, third, level("1", "03-10T10:00", "0.02"), *drugs)
    twin = dose("d2", "03-03T10:00", ended=at("03-03T12:00"), status="in-progress")
    yield "a copy of a dose that seems to go on", (one, twin, level("1", "03-03T12:30", "0.02"), *_beside())
    yield "a reaction of one sign and loss of activity", (one, low, reaction("a1", "03-03T10:20"))
    nausea = reaction("a1", "03-03T10:20", concepts=("nausea",))
    yield "nausea alone", (one, level("1", "03-10T10:00", "0.3"), nausea)
    yield (
        "a severe reaction that nobody linked",
        (
            one,
            level("1", "03-10T10:00", "0.3"),
            reaction("a1", None, severity="severe", version=Version(number=1, updated=at("03-20T08:00"))),
        ),
    )
    yield (
        "a premedicated dose after a reaction, whose level is overdue",
        (
            dose("d1", "03-03T10:00"),
            reaction("a1", "03-03T10:20"),
            dose("d2", "04-08T10:00"),
            drug("p1", "04-08T09:30", "h1-antihistamine", ended=at("04-08T09:40")),
        ),
    )
    yield (
        "a steroid over days before a dose",
        (
            one,
            low,
            drug(
                "p1", "02-25T09:30", "corticosteroid", ended=at("03-02T09:30"), medication=Coding(code="X", text="Drug")
            ),
        ),
    )
    yield (
        "a record made before the dose began",
        (dose("d1", "03-03T10:00", version=Version(updated=at("03-01T08:00"))),),
    )
    yield "two samples of one specimen", (one, low, level("2", "03-12T10:00", "0.02", specimen="S1"))
    again = level("2", "03-12T10:00", "0.5", method="AHA")
    yield "two levels that contradict each other", (one, level("1", "03-10T10:00", "0.02", method="AHA"), again)
    yield "a refuted reaction", (one, low, reaction("a1", "03-03T10:20", verification="refuted", recorder="Dr A"))
    first = {"request": "ServiceRequest/1", "part_of": ("Procedure/2",)}
    far = dose("d3", "03-05T10:00", request="ServiceRequest/1"), dose("d4", "03-07T10:00", part_of=("Procedure/2",))
    yield (
        "rows of one dose on three days",
        (dose("d1", "03-03T10:00", **first), *far, level("1", "03-14T10:00", "0.02")),
    )


def _beside() -> tuple[Event, ...]:
    return reaction("a1", "03-03T10:20"), drug("p1", "03-03T09:30", "h1-antihistamine")
