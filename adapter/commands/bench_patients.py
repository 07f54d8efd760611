"""Synthetic patients of any number of events, the same for the same seed: courses of all products, as hospitals give.

Nothing here is a real patient.  A patient is made when asked for and forgotten by the maker, so a hundred thousand of
them need no more memory than one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count, islice
from random import Random

from adapter.domain.activity import Activity, Reported
from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    Coding,
    Event,
    HypersensitivityRecorded,
    PremedicationGiven,
    PremedicationRole,
    Recorded,
    Version,
)
from adapter.domain.times import Moment, exact_moment, moment

SYSTEM = "https://hospital.example/bench"
FIRST_DAY = datetime(2018, 6, 4, 9, 0, tzinfo=UTC)
LLOQ_IU_PER_ML = Decimal("0.03")
EVENTS_OF_A_PATIENT = range(2, 19)
"""How many events a patient of the hundred thousand has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regimen:
    """How one product is given and measured."""

    product: str
    every_days: Decimal
    amount: Decimal
    unit: str
    sampled_after_h: tuple[int, ...]
    sampled_share: float
    """Share of the doses after which a level is taken."""


REGIMENS = (
    Regimen(
        product="pegaspargase",
        every_days=Decimal(14),
        amount=Decimal(2500),
        unit="[IU]/m2",
        sampled_after_h=(168, 330),
        sampled_share=0.9,
    ),
    Regimen(
        product="crisantaspase",
        every_days=Decimal("2.5"),
        amount=Decimal(25000),
        unit="[IU]/m2",
        sampled_after_h=(47,),
        sampled_share=0.5,
    ),
    Regimen(
        product="calaspargase",
        every_days=Decimal(21),
        amount=Decimal(2500),
        unit="[IU]/m2",
        sampled_after_h=(480,),
        sampled_share=0.8,
    ),
    Regimen(
        product="recombinant-crisantaspase",
        every_days=Decimal(2),
        amount=Decimal(25),
        unit="mg/m2",
        sampled_after_h=(46,),
        sampled_share=0.3,
    ),
    Regimen(
        product="native-ecoli",
        every_days=Decimal(3),
        amount=Decimal(5000),
        unit="[IU]/m2",
        sampled_after_h=(70,),
        sampled_share=0.5,
    ),
    Regimen(
        product="unspecified-asparaginase",
        every_days=Decimal(14),
        amount=Decimal(2500),
        unit="[IU]/m2",
        sampled_after_h=(168,),
        sampled_share=0.9,
    ),
)
PREMEDICATION: tuple[tuple[PremedicationRole, str], ...] = (
    ("corticosteroid", "Hydrocortisone"),
    ("h1-antihistamine", "Diphenhydramine"),
    ("leukaemia-steroid", "Dexamethasone"),
)
REACTIONS = (
    ("urticaria", "126485001", "Urticaria", "mild"),
    ("anaphylaxis", "39579001", "Anaphylaxis", "severe"),
    ("nausea", "422587007", "Nausea", None),
)


def patients(seed: int) -> Iterator[tuple[str, list[Recorded]]]:
    """Different patients without end, each with a number of events as hospitals see them."""
    for number in count():
        size = Random(f"{seed}/{number}/size").choice(EVENTS_OF_A_PATIENT)  # noqa: S311 - repeatable, not secret
        yield patient(number, size, seed)


def patient(number: int, events: int, seed: int) -> tuple[str, list[Recorded]]:
    """The key of one patient and exactly so many events, in the order in which they happened."""
    random = Random(f"{seed}/{number}")  # noqa: S311 - repeatable, not secret
    key = f"{SYSTEM}|{number}"
    return key, arrived(islice(_life(key, random), events))


def arrived(events: Iterator[Event] | Sequence[Event]) -> list[Recorded]:
    """Events with their order of arrival."""
    return [Recorded(arrival=arrival, event=event) for arrival, event in enumerate(events, start=1)]


def _life(key: str, random: Random) -> Iterator[Event]:
    """Courses of one product after another: a patient is switched after some doses."""
    first, at = random.randrange(len(REGIMENS)), FIRST_DAY
    number = count(1)
    for turn in count(first):
        regimen = REGIMENS[turn % len(REGIMENS)]
        for _ in range(random.choice((3, 6, 12, 24))):
            name = f"{key.rpartition('|')[2]}-{next(number)}"
            yield from _dose_with_levels(key, name, at, regimen, random)
            at += timedelta(days=float(regimen.every_days), minutes=random.randrange(-90, 90))


def _dose_with_levels(key: str, name: str, at: datetime, regimen: Regimen, random: Random) -> Iterator[Event]:
    if random.random() < 0.3:
        yield from _premedication(key, name, at, random)
    dose = _dose(key, name, at, regimen, random)
    yield dose
    if random.random() < 0.04:
        yield _reaction(key, name, at, regimen, random)
    if random.random() < regimen.sampled_share:
        taken = at + timedelta(hours=2 + random.choice(regimen.sampled_after_h), minutes=random.randrange(-60, 60))
        yield from _level(key, name, taken, random)


def _dose(key: str, name: str, at: datetime, regimen: Regimen, random: Random) -> AsparaginaseAdministered:
    drawn = random.random()
    dose = AsparaginaseAdministered(
        patient=key,
        source="ehr",
        key=f"MedicationAdministration/{name}",
        status="completed",
        version=Version(number=1, updated=exact_moment(at + timedelta(hours=3))),
        product=regimen.product,
        started=exact_moment(at),
        ended=exact_moment(at + timedelta(hours=2)),
        amount=regimen.amount,
        unit=regimen.unit,
        route="IV" if random.random() < 0.8 else "IM",
        identifiers=(f"urn:bench|{name}",),
        medication=Coding(code=regimen.product, system="https://hospital.example/formulary"),
    )
    if drawn < 0.02:
        return replace(dose, status="not-done", ended=None)
    if drawn < 0.04:
        return replace(dose, started=_day(at), ended=None)
    if drawn < 0.06:
        return replace(dose, status="stopped", ordered_amount=regimen.amount * 4)
    return replace(dose, status="in-progress", ended=None) if drawn < 0.07 else dose


def _premedication(key: str, name: str, at: datetime, random: Random) -> Iterator[Event]:
    given = exact_moment(at - timedelta(minutes=30))
    for role, drug in random.sample(PREMEDICATION, k=random.choice((1, 2))):
        yield PremedicationGiven(
            patient=key,
            source="ehr",
            key=f"MedicationAdministration/{name}-{role}",
            status="completed",
            version=Version(number=1, updated=given),
            role=role,
            started=given,
            medication=Coding(code=drug.lower(), text=drug),
        )


def _reaction(key: str, name: str, at: datetime, regimen: Regimen, random: Random) -> HypersensitivityRecorded:
    concept, code, text, severity = random.choice(REACTIONS)
    dated = random.random()
    return HypersensitivityRecorded(
        patient=key,
        source="ehr",
        key=f"AllergyIntolerance/{name}/1",
        record=f"AllergyIntolerance/{name}",
        verification="confirmed",
        version=Version(number=1, updated=exact_moment(at + timedelta(days=1))),
        product=regimen.product,
        occurred=None if dated < 0.1 else _day(at) if dated < 0.2 else exact_moment(at + timedelta(minutes=40)),
        occurred_from="reaction.onset",
        manifestations=(Coding(code=code, text=text),),
        concepts=(concept,),
        severity=severity,  # type: ignore[arg-type]  # drawn from a table of such words
    )


def _level(key: str, name: str, taken: datetime, random: Random) -> Iterator[Event]:
    """A result, in some cases preliminary first or corrected later."""
    final = _result(key, name, taken, _value(random), random)
    if random.random() < 0.08:
        yield replace(final, status="preliminary", letter="P", version=_reported(taken, hours=6))
    yield final
    if random.random() < 0.06:
        yield _result(key, name, taken, _value(random), random, status="corrected", letter="C", hours=50)


def _value(random: Random) -> str:
    """In most cases adequate, else below quantification or low."""
    drawn = random.random()
    if drawn < 0.06:
        return "<0.03"
    return f"0.0{random.randrange(31, 99)}" if drawn < 0.14 else f"0.{random.randrange(11, 95)}"


def _result(
    key: str,
    name: str,
    taken: datetime,
    text: str,
    random: Random,
    *,
    status: str = "final",
    letter: str = "F",
    hours: int = 24,
) -> ActivityMeasured:
    return ActivityMeasured(
        patient=key,
        source="lab",
        key=f"LAB/{name}/asparaginase-activity/1",
        status=status,  # type: ignore[arg-type]  # one of two words
        letter=letter,
        version=_reported(taken, hours=hours),
        activity=activity(text),
        reported=Reported(value=text, unit="IU/mL", text=text),
        collected=exact_moment(taken) if random.random() < 0.96 else None,
        received_by_laboratory=exact_moment(taken + timedelta(hours=2)),
        specimen=f"S-{name}",
        lloq_iu_per_ml=LLOQ_IU_PER_ML,
        method="MAAT" if random.random() < 0.2 else "AHA",
    )


def activity(text: str) -> Activity:
    """`0.35` and `<0.03` as the interval in IU/mL they stand for."""
    number = Decimal(text.removeprefix("<"))
    if text.startswith("<"):
        return Activity(kind="below", low=Decimal(0), high=number, high_included=False, comparator="<", number=number)
    return Activity(kind="number", low=number, high=number, number=number)


def _reported(taken: datetime, *, hours: int) -> Version:
    at = exact_moment(taken + timedelta(hours=hours))
    return Version(updated=at, sent=at)


def _day(at: datetime) -> Moment:
    return moment(at.year, at.month, at.day, zone=UTC, zone_from="field")
