"""Recall: everything that is known of one patient, under whichever of his identifiers, and what a step adds to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapter.domain.events import Event, HypersensitivityRecorded, PatientRecord, Recorded
from adapter.domain.history import fact_name
from adapter.domain.identities import Group
from adapter.domain.message import MessageRef, PatientState
from adapter.domain.outputs import Change, Written
from adapter.pipeline.parts import State
from adapter.store.encoding import replaces, resource_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one message adds to what is remembered, and what its earlier reading had added."""

    message: MessageRef | None = None
    recorded: tuple[Recorded, ...] = ()
    superseded: tuple[Recorded, ...] = ()
    records: tuple[PatientRecord, ...] = ()
    recalled: Mapping[str, PatientState] = field(default_factory=dict)
    """What was remembered of patients before the step, as far as it was asked for already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """One patient's facts, records and outputs under his surviving identifier, and where each fact came from."""

    recorded: tuple[Recorded, ...]
    records: tuple[PatientRecord, ...]
    surviving: tuple[PatientRecord, ...]
    """The records that name the surviving identifier."""
    written: tuple[Written, ...]
    homes: Mapping[str, str] = field(default_factory=dict)
    """`<source>|<key>` -> the patient it was recorded for, of facts of another identifier than the surviving one."""

    def owners(self, changes: Sequence[Change]) -> Iterator[tuple[str, str]]:
        """(resource id, patient) of new resources about a fact of another identifier: an unlink takes them along."""
        for change in changes:
            # The key of a notice may carry the attempt of the output it is about.
            home = self.homes.get(change.about) or self.homes.get(change.about.rpartition("/r")[0])
            if home:
                yield change.after.id, home


def remembered(group: Group, step: Step, state: State) -> Remembered:
    """All that is known of a patient after a step."""
    events = tuple(row.event for row in step.recorded)
    states = [step.recalled.get(patient) or state.recall(patient, events) for patient in group]
    recorded = _each_once([row for known in states for row in _concerning(known, step)])
    records = (
        *(r for known in states for r in known.records if not _renewed(r, step)),
        *(r for r in step.records if r.patient in group),
    )
    written = tuple(output for known in states for output in known.written)
    surviving = tuple(record for record in records if record.patient == group[0])
    if len(group) == 1:
        return Remembered(recorded=recorded, records=records, surviving=surviving, written=written)
    return Remembered(
        recorded=tuple(_under(group, row) for row in recorded),
        records=tuple(replace(record, patient=group[0]) for record in records),
        surviving=surviving,
        written=written,
        homes=_homes(group, recorded),
    )


def _each_once(rows: Sequence[Recorded]) -> tuple[Recorded, ...]:
    """What arrived at different places differs, and to ask each row whether it does goes through all it says."""
    if len({row.arrival for row in rows}) == len(rows):
        return tuple(rows)
    return tuple(dict.fromkeys(rows))


def is_newest(record: PatientRecord, state: State) -> bool:
    """Whether no newer version of a Patient is known; an older one says nothing of him any more."""
    held = state.known(record.source, record.reference)
    return held is None or replaces(record.version, resource_version(held))


def _renewed(record: PatientRecord, step: Step) -> bool:
    """Whether a step tells a newer version of a Patient, who may have another number there."""
    return any(
        (new.source, new.reference) == (record.source, record.reference) and replaces(new.version, record.version)
        for new in step.records
    )


def _under(group: Group, row: Recorded) -> Recorded:
    """A fact as the surviving identifier's, when it is one of the group's."""
    if row.event.patient == group[0] or row.event.patient not in group:
        return row
    return replace(row, event=replace(row.event, patient=group[0]))


def _homes(group: Group, recorded: Sequence[Recorded]) -> dict[str, str]:
    ordered = sorted(recorded, key=lambda row: row.arrival)
    homes = {fact_name(row.event): row.event.patient for row in ordered if row.event.patient in group}
    return {fact: patient for fact, patient in homes.items() if patient != group[0]}


def _concerning(known: PatientState, step: Step) -> list[Recorded]:
    """What one identifier's history is made of: the remembered facts and the new ones; a moved fact is seen by both."""
    patient = known.patient
    standing = [row for row in known.recorded if row not in step.superseded]
    held = {fact_key(r.event) for r in standing if r.event.patient == patient}
    held.update(fact_key(r.event) for r in step.recorded if r.event.patient == patient)
    return [
        *standing,
        *(r for r in step.recorded if r.event.patient == patient or fact_key(r.event) in held),
    ]


def fact_key(event: Event) -> tuple[str, str, str]:
    """What makes two events versions of one fact: kind, source and key (the record, for a reaction row)."""
    key = event.record if isinstance(event, HypersensitivityRecorded) else event.key
    return type(event).__name__, event.source, key
