"""Histories of any number of events that are hard to interpret fast: much of one kind, and every way to be unclear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, islice

from adapter.commands.bench_patients import activity, arrived
from adapter.domain.activity import Reported
from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    Event,
    HypersensitivityRecorded,
    PremedicationGiven,
    Recorded,
    Version,
)
from adapter.domain.times import Moment, exact_moment, moment

PATIENT = "https://hospital.example/bench|shape"
START = datetime(2018, 6, 4, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
VALUES = ("0.45", "0.05", "<0.03", "0.12", "0.9")


def _dose(number: int, at: datetime | None, **parts: object) -> AsparaginaseAdministered:
    given: dict[str, object] = {
        "patient": PATIENT,
        "source": "ehr",
        "key": f"MedicationAdministration/d{number}",
        "status": "completed",
        "version": Version(number=1),
        "product": "pegaspargase",
        "started": exact_moment(at) if at else None,
        "ended": exact_moment(at + HOUR) if at else None,
        "amount": Decimal(2500),
        "unit": "[IU]/m2",
        "route": "IV",
    }
    return AsparaginaseAdministered(**{**given, **parts})  # type: ignore[arg-type]  # each part is checked by its reader


def _level(number: int, at: datetime, text: str, **parts: object) -> ActivityMeasured:
    reported = exact_moment(at + DAY)
    taken: dict[str, object] = {
        "patient": PATIENT,
        "source": "lab",
        "key": f"LAB/{number}/asparaginase-activity/1",
        "status": "final",
        "letter": "F",
        "version": Version(updated=reported, sent=reported),
        "activity": activity(text),
        "reported": Reported(value=text, unit="IU/mL", text=text),
        "collected": exact_moment(at),
        "specimen": f"S{number}",
        "lloq_iu_per_ml": Decimal("0.03"),
    }
    return ActivityMeasured(**{**taken, **parts})  # type: ignore[arg-type]  # each part is checked by its reader


def _reaction(number: int, at: Moment | None, **parts: object) -> HypersensitivityRecorded:
    seen: dict[str, object] = {
        "patient": PATIENT,
        "source": "ehr",
        "key": f"AllergyIntolerance/a{number}/1",
        "record": f"AllergyIntolerance/a{number}",
        "verification": "confirmed",
        "version": Version(number=1),
        "product": "pegaspargase",
        "occurred": at,
        "occurred_from": "reaction.onset",
        "concepts": ("urticaria",),
        "severity": "severe" if number % 7 == 0 else "mild",
    }
    return HypersensitivityRecorded(**{**seen, **parts})  # type: ignore[arg-type]  # each part is checked by its reader


def _drug(name: str, at: datetime, **parts: object) -> PremedicationGiven:
    given: dict[str, object] = {
        "patient": PATIENT,
        "source": "ehr",
        "key": f"MedicationAdministration/{name}",
        "status": "completed",
        "version": Version(number=1),
        "role": "corticosteroid",
        "started": exact_moment(at),
    }
    return PremedicationGiven(**{**given, **parts})  # type: ignore[arg-type]  # each part is checked by its reader


def _levels_of_one_dose() -> Iterator[Event]:
    yield _dose(0, START)
    yield from (_level(n, START + timedelta(minutes=90 + 7 * n), VALUES[n % 5]) for n in count(1))


def _tubes_of_one_instant() -> Iterator[Event]:
    yield _dose(0, START)
    yield from (_level(n, START + 7 * DAY, VALUES[n % 5]) for n in count(1))


def _low_levels_of_one_day() -> Iterator[Event]:
    yield _dose(0, START)
    yield from (_level(n, START + 7 * DAY + timedelta(seconds=n), "<0.03", specimen="S") for n in count(1))


def _doses_never_measured() -> Iterator[Event]:
    yield from (_dose(n, START + 2 * n * DAY, product="crisantaspase") for n in count(1))


def _doses_never_closed() -> Iterator[Event]:
    for n in count(1):
        yield _dose(n, START + 14 * n * DAY, status="in-progress", ended=None)
        yield _level(n, START + 14 * n * DAY + 7 * DAY, "0.4")


def _an_end_far_in_the_future() -> Iterator[Event]:
    yield _dose(0, START, ended=exact_moment(START.replace(year=9998)), product="calaspargase")
    for n in count(1):
        yield _dose(n, START + 14 * n * DAY)
        yield _level(n, START + 14 * n * DAY + 7 * DAY, "0.4")
        yield _reaction(n, exact_moment(START + 14 * n * DAY + 6 * DAY))


def _every_dose_inactivated() -> Iterator[Event]:
    for n in count(1):
        yield _dose(n, START + 14 * n * DAY)
        yield _level(n, START + 14 * n * DAY + 7 * DAY, "<0.03")


def _every_dose_with_a_reaction() -> Iterator[Event]:
    for n in count(1):
        yield _dose(n, START + 14 * n * DAY)
        yield _reaction(n, exact_moment(START + 14 * n * DAY + HOUR / 2))


def _reactions_without_dates() -> Iterator[Event]:
    for n in count(1):
        yield _dose(n, START + 14 * n * DAY)
        yield _reaction(n, None, version=Version(number=1, updated=exact_moment(START + 14 * n * DAY)))


def _doses_without_times() -> Iterator[Event]:
    for n in count(1):
        yield _dose(n, None, request=f"MedicationRequest/{n}")
        yield _reaction(n, exact_moment(START + 14 * n * DAY))


def _reactions_known_by_day() -> Iterator[Event]:
    for n in count(1):
        at = START + 2 * n * DAY
        yield _dose(n, at, product="crisantaspase")
        yield _reaction(n, moment(at.year, at.month, at.day, zone=UTC, zone_from="field"))


def _reactions_of_one_day() -> Iterator[Event]:
    yield _dose(0, START, ended=exact_moment(START + 3650 * DAY))
    yield from (_reaction(n, exact_moment(START + n * 2 * HOUR)) for n in count(1))


def _rows_of_one_dose() -> Iterator[Event]:
    yield from (_dose(n, START + timedelta(minutes=n), amount=Decimal(n)) for n in count(1))


def _doses_joined_by_orders() -> Iterator[Event]:
    """Every row names an order of its own and that of the next row."""
    for n in count(1):
        yield _dose(n, START + 3 * n * DAY, part_of=(f"Procedure/{n}", f"Procedure/{n + 1}"), amount=Decimal(n))


def _drugs_before_every_dose() -> Iterator[Event]:
    for n in count(1):
        at = START + 3 * n * DAY
        yield _dose(n, at)
        yield _drug(f"h{n}", at - HOUR)
        yield _drug(f"l{n}", at - HOUR, role="leukaemia-steroid", ended=exact_moment(at.replace(year=at.year + 50)))


def _levels_without_a_dose() -> Iterator[Event]:
    for n in count(1):
        yield _dose(n, START + n * DAY, status="not-done")
        yield _level(n, START + n * DAY + HOUR, "0.4")


def _two_families_in_turn() -> Iterator[Event]:
    for n in count(1):
        at = START + 8 * n * DAY
        yield _dose(n, at, product=("pegaspargase", "crisantaspase")[n % 2])
        yield _level(n, at + 7 * DAY, "0.4")


def _versions_of_one_result() -> Iterator[Event]:
    yield _dose(0, START)
    for n in count(1):
        sent = exact_moment(START + 8 * DAY + timedelta(minutes=n))
        yield _level(0, START + 7 * DAY, VALUES[n % 5], status="corrected", version=Version(updated=sent, sent=sent))


SHAPES: dict[str, Callable[[], Iterator[Event]]] = {
    "levels of one dose": _levels_of_one_dose,
    "tubes of one instant": _tubes_of_one_instant,
    "low levels of one day, one specimen": _low_levels_of_one_day,
    "doses never measured": _doses_never_measured,
    "doses never closed": _doses_never_closed,
    "one end far in the future": _an_end_far_in_the_future,
    "every dose inactivated": _every_dose_inactivated,
    "every dose with a reaction": _every_dose_with_a_reaction,
    "reactions without dates": _reactions_without_dates,
    "doses without times": _doses_without_times,
    "reactions known by their day": _reactions_known_by_day,
    "reactions during one dose": _reactions_of_one_day,
    "rows of one dose": _rows_of_one_dose,
    "doses joined by their orders": _doses_joined_by_orders,
    "drugs before every dose": _drugs_before_every_dose,
    "levels without a dose": _levels_without_a_dose,
    "two families in turn": _two_families_in_turn,
    "versions of one result": _versions_of_one_result,
}


def history_of(shape: str, events: int) -> tuple[str, list[Recorded]]:
    """Patient and exactly so many events of one shape."""
    return PATIENT, arrived(islice(SHAPES[shape](), events))
