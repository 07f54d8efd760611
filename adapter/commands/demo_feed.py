"""Turns the scripted patients into what the hospital's systems would send: ORU messages and FHIR resources."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from adapter.commands import demo_resources
from adapter.commands.demo_faults import OruMessage
from adapter.commands.demo_oru import ASPARAGINASE_TEST, Order, Person, Row, oru
from adapter.commands.demo_resources import Resource
from adapter.commands.demo_story import Dose, Level, Story

INFUSION_STARTS_AT_H = 10
ORPHAN_LEVELS_FROM_DAYS_AGO = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedResource:
    """One FHIR resource as it is posted to the adapter, before or after the laboratory feed."""

    body: Resource
    after_feed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One scripted patient with a name and a record number."""

    person: Person
    story: Story


def dose_start(now: datetime, days_ago: int) -> datetime:
    """10:00 UTC of the day so many days before `now`."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(hours=INFUSION_STARTS_AT_H) - timedelta(days=days_ago)


def dose_end(now: datetime, dose: Dose) -> datetime:
    """The end of the administration, from which hours are counted."""
    return dose_start(now, dose.days_ago) + timedelta(minutes=dose.infusion_minutes)


def messages_of(case: Case, *, now: datetime) -> tuple[OruMessage, ...]:
    """All ORU messages of one patient in the order in which they arrive, duplicates included."""
    messages: list[OruMessage] = []
    for anchor, group, level in _levels(case.story, now):
        control_id = f"{case.person.mrn}-{len(messages) + 1}"
        messages.append(_message(case.person, level, anchor=anchor, group=group, control_id=control_id))
        if level.delivery == "same-bytes-twice":
            messages.append(messages[-1])
        if level.delivery == "again-with-new-control-id":
            messages.append(_message(case.person, level, anchor=anchor, group=group, control_id=f"{control_id}R"))
    return tuple(messages)


def samples_of(story: Story) -> int:
    """How many different samples a story reports: versions of one specimen are one sample."""
    specimens = {(number, level.specimen) for number, dose in enumerate(story.doses) for level in dose.levels}
    return len(specimens) + len({level.specimen for level in story.levels_without_dose})


def resources_of(case: Case, *, now: datetime) -> tuple[PostedResource, ...]:
    """The patient's doses, premedication and allergy records."""
    posted: list[PostedResource] = []
    for number, dose in enumerate(case.story.doses, 1):
        posted += _dose_resources(case.person, dose, number=number, now=now)
    return tuple(posted)


def _dose_resources(person: Person, dose: Dose, *, number: int, now: datetime) -> list[PostedResource]:
    start = dose_start(now, dose.days_ago)
    given = demo_resources.administration(person, dose, number=number, started=start)
    posted = [PostedResource(body=given, after_feed=dose.after_feed)]
    for drug in dose.premedication:
        key = f"premedication-{number}-{drug.drug.lower()}"
        posted.append(PostedResource(body=demo_resources.premedication(person, drug, key=key, dose_started=start)))
    for reaction in dose.reactions:
        record = demo_resources.allergy(person, reaction, dose.drug, number=number, dose_started=start)
        posted.append(PostedResource(body=record))
        if reaction.retracted:
            withdrawn = demo_resources.retracted(record, at=now - timedelta(minutes=5))
            posted.append(PostedResource(body=withdrawn, after_feed=True))
    return posted


def _levels(story: Story, now: datetime) -> list[tuple[datetime, str, Level]]:
    placed = [
        (dose_end(now, dose), str(number), level) for number, dose in enumerate(story.doses, 1) for level in dose.levels
    ]
    orphans_from = dose_start(now, ORPHAN_LEVELS_FROM_DAYS_AGO)
    return placed + [(orphans_from, "0", level) for level in story.levels_without_dose]


def _message(person: Person, level: Level, *, anchor: datetime, group: str, control_id: str) -> OruMessage:
    collected = anchor + timedelta(hours=level.hours)
    reported = collected + timedelta(hours=level.reported_after_h)
    order = Order(
        service=ASPARAGINASE_TEST,
        filler=f"F{person.mrn}{group}{level.specimen}",
        collected=None if level.without_collection_time else collected,
        reported=reported,
        rows=(_row(level),),
    )
    return OruMessage(
        raw=oru(
            control_id=control_id,
            sent=reported + timedelta(minutes=1),
            person=person,
            order=order,
            shape=level.shape,
        ),
        control_id=control_id,
        patient=person.mrn,
        about="asparaginase",
        answer=level.answer,
    )


def _row(level: Level) -> Row:
    return Row(
        test=ASPARAGINASE_TEST,
        value=level.value,
        unit=level.unit if level.value else "",
        status=level.status,
        value_type=level.value_type,
        laboratory_flag=level.laboratory_flag,
        reference_range=">=0.10",
    )


def arrivals(random: Random, posted: list[PostedResource], *, sent_twice: int) -> tuple[PostedResource, ...]:
    """The resources in a shuffled order of arrival, a few of them sent twice; late ones stay late and in order."""
    early = [resource for resource in posted if not resource.after_feed]
    late = [resource for resource in posted if resource.after_feed]
    early += [replace(resource) for resource in random.sample(early, k=min(sent_twice, len(early)))]
    random.shuffle(early)
    return (*early, *late)
