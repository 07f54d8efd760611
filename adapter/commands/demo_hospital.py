"""A synthetic hospital day, the same for the same seed: what is sent, and what must come of it.

The expectation is worked out from the script alone and never asks the product's own rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from adapter.commands import demo_resources
from adapter.commands.demo_cast_levels import ADEQUATE, BELOW_TARGET, ON_TARGET
from adapter.commands.demo_cast_open import NOTHING_TO_CONCLUDE
from adapter.commands.demo_cast_reactions import OTHER_PRODUCTS, REACTIONS
from adapter.commands.demo_faults import OruMessage, unusable_messages
from adapter.commands.demo_feed import (
    Case,
    PostedResource,
    arrivals,
    dose_start,
    messages_of,
    resources_of,
    samples_of,
)
from adapter.commands.demo_laboratory import everyday_message, person
from adapter.commands.demo_resources import Resource
from adapter.commands.demo_story import Dose, Level, RaisedFlag, Story, Verdict

CAST = (*ON_TARGET, *BELOW_TARGET, *NOTHING_TO_CONCLUDE, *REACTIONS, *OTHER_PRODUCTS)
RELEVANT_SHARE = 0.04
LOOK_ALIKE_SHARE = 0.06
RESOURCES_SENT_TWICE = 4
FIRST_SCRIPTED_MRN = 900101
FIRST_ROUTINE_MRN = 910001


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientExpectation:
    """What must stand at the end of the day for one patient."""

    patient: str
    """`<system>|<value>`"""
    name: str
    """Given name and record number: unlike any other of the day."""
    slug: str
    label: str
    verdicts: tuple[Verdict, ...]
    """One per dose in order of time, then one per level without a dose."""
    flags: tuple[RaisedFlag, ...]
    """Flags active at the end of the day."""
    closed_topics: tuple[str, ...]
    """Topics that were raised and are no longer active, provided messages keep their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayExpectation:
    """The end state of the whole day, counted from the script."""

    patients: tuple[PatientExpectation, ...]
    received: int
    aa: int
    ae: int
    asparaginase: int
    """Messages that carry the mapped activity code, repeats and unusable ones included."""
    near_misses: int
    irrelevant: int
    parked: int
    samples: int
    """Different samples of identifiable patients: as many activity Observations."""
    earliest_dose: date
    """A target must be monitored from here, or older doses raise only their safety Flags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One synthetic day: FHIR resources and laboratory messages in order of arrival.

    The expectation holds when three steps are each read to the end before the next begins: patients and resources,
    the ORUs (those of one patient in order), the resources that come after the feed.
    """

    seed: int
    now: datetime
    patients: tuple[Resource, ...]
    resources: tuple[PostedResource, ...]
    """Everything posted beside the patients; those with `after_feed` come after the last ORU."""
    oru: tuple[OruMessage, ...]
    expected: DayExpectation


def build_day(seed: int, messages: int = 2000, *, now: datetime) -> Day:
    """The synthetic day of a seed: `messages` ORUs, 4 % of them about asparaginase, dated relative to `now`.

    Raises ValueError when `now` has no zone or `messages` is too few to hold the script.
    """
    if now.tzinfo is None:
        raise ValueError("the demo day needs a time with a zone")
    random = Random(seed)  # noqa: S311 - a day must be repeatable, not secret
    broken = unusable_messages(now=now)
    scripted = _scripted(random)
    scripted_messages = [messages_of(case, now=now) for case in scripted]
    wanted = round(messages * RELEVANT_SHARE) - len(broken) - sum(map(len, scripted_messages))
    routine = _routine(random, count=max(wanted, 0))
    groups = [*scripted_messages, *(messages_of(case, now=now) for case in routine), *((fault,) for fault in broken)]
    everyday = messages - sum(map(len, groups))
    if everyday < 0:
        raise ValueError(f"a demo day needs at least {messages - everyday} messages")
    feed = _interleaved(random, groups, everyday=everyday, now=now)
    cases = (*scripted, *routine)
    posted = [resource for case in cases for resource in resources_of(case, now=now)]
    return Day(
        seed=seed,
        now=now,
        patients=tuple(demo_resources.patient(case.person, recorded=dose_start(now, 60)) for case in cases),
        resources=arrivals(random, posted, sent_twice=RESOURCES_SENT_TWICE),
        oru=feed,
        expected=_expectation(cases, feed, now=now),
    )


def patient_resources(day: Day) -> tuple[Resource, ...]:
    """The Patients the hospital's own FHIR server would already hold."""
    return day.patients


def _scripted(random: Random) -> tuple[Case, ...]:
    return tuple(
        Case(person=person(random, str(FIRST_SCRIPTED_MRN + number)), story=story) for number, story in enumerate(CAST)
    )


def _routine(random: Random, *, count: int) -> tuple[Case, ...]:
    return tuple(
        Case(person=person(random, str(FIRST_ROUTINE_MRN + number)), story=_routine_story(random))
        for number in range(count)
    )


def _routine_story(random: Random) -> Story:
    level = Level(hours=random.randint(300, 370) / 2, value=f"0.{random.randint(25, 99)}", reported_after_h=18)
    return Story(
        slug="routine",
        label="Routine day-7 level",
        doses=(Dose(days_ago=random.randint(10, 13), levels=(level,)),),
        verdicts=(ADEQUATE,),
    )


def _interleaved(
    random: Random, groups: Sequence[tuple[OruMessage, ...]], *, everyday: int, now: datetime
) -> tuple[OruMessage, ...]:
    """The feed: everyday messages with the groups strewn in, the order inside each group kept."""
    turns = [number for number, group in enumerate(groups) for _ in group] + [-1] * everyday
    random.shuffle(turns)
    waiting = [iter(group) for group in groups]
    first = now - timedelta(hours=12)
    step = timedelta(hours=11) / len(turns)
    return tuple(
        next(waiting[turn]) if turn >= 0 else _everyday(random, number, sent=first + number * step)
        for number, turn in enumerate(turns)
    )


def _everyday(random: Random, number: int, *, sent: datetime) -> OruMessage:
    control_id = f"E{number:06d}"
    look_alike = random.random() < LOOK_ALIKE_SHARE
    raw = everyday_message(random, control_id=control_id, sent=sent, look_alike=look_alike)
    return OruMessage(raw=raw, control_id=control_id, patient=None, about="everyday", answer="AA")


def _expectation(cases: tuple[Case, ...], feed: tuple[OruMessage, ...], *, now: datetime) -> DayExpectation:
    return DayExpectation(
        patients=tuple(_patient_expectation(case) for case in cases),
        received=len(feed),
        aa=sum(message.answer == "AA" for message in feed),
        ae=sum(message.answer == "AE" for message in feed),
        asparaginase=sum(message.about == "asparaginase" for message in feed),
        near_misses=sum(message.about == "near-miss" for message in feed),
        irrelevant=sum(message.about == "everyday" for message in feed),
        parked=sum(message.parked for message in feed),
        samples=sum(samples_of(case.story) for case in cases),
        earliest_dose=min(dose_start(now, dose.days_ago) for case in cases for dose in case.story.doses).date(),
    )


def _patient_expectation(case: Case) -> PatientExpectation:
    story = case.story
    return PatientExpectation(
        patient=f"{demo_resources.MRN_SYSTEM}|{case.person.mrn}",
        name=f"{case.person.given_name} {case.person.mrn}",
        slug=story.slug,
        label=story.label,
        verdicts=story.verdicts,
        flags=story.flags,
        closed_topics=story.closed_topics,
    )
