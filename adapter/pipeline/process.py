"""Process: one kept message becomes events, findings, wanted resources and one commit; so does the passing of time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from traceback import extract_tb

from adapter.domain.events import Event, Recorded
from adapter.domain.message import MessageRef, Parked, PatientResult, PatientState, Stored, Translation, Work
from adapter.domain.outputs import Change
from adapter.domain.problems import problem
from adapter.pipeline.audience import owed_again, withheld
from adapter.pipeline.interpreting import interpreted
from adapter.pipeline.kinship import Kinship, kinship, said
from adapter.pipeline.parts import JsonObject, Parts, State
from adapter.pipeline.remembering import Step, is_newest
from adapter.pipeline.renumbered import Moved, Reading, in_their_places, links_of_others, moved
from adapter.pipeline.understand import newest_known, understand
from adapter.pipeline.wrong_merge import REASON, all_aside, join_two_people
from adapter.pipeline.wrong_patient import checked
from adapter.store.crash_points import reached
from adapter.store.faults import CannotKeep, StoreBroken


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    """One committed step: what was understood and what it changed."""

    work: Work
    translations: tuple[Translation, ...]
    fault: str | None = None
    """Kind and place in our source of the fault of ours that parked the message; never its text."""
    unreadable: bool = False
    """The message could not be read again: its bytes are no longer kept. Nothing was changed."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every operation on every resource, patient by patient."""
        return tuple(change for result in self.work.results for change in result.changes)


def process(
    stored: Stored,
    message: MessageRef,
    parts: Parts,
    now: datetime,
    *,
    told: tuple[Translation, ...] | None = None,
) -> Processed:
    """Translate one kept message, re-interpret the patients it touches, and commit everything at once.

    `told`: what it says, where it was read ahead (`read_ahead`) with these parts.
    A fault of ours on the way parks the message as `internal-error`, with no other effect: it must not stop the feed.
    Raises CannotKeep or StoreBroken, as the store does.
    """
    reached("taken")
    try:
        done = _worked_out(stored, message, parts, now, told=told)
        reached("understood")
        parts.state.commit(done.work)
    except (CannotKeep, StoreBroken):
        raise
    except Exception as fault:  # noqa: BLE001 - a bug of ours must not lose the message: it waits in the work list
        done = _quarantined(message, now, fault_place(fault))
        parts.state.commit(done.work)
    return done


def reread(message: MessageRef, parts: Parts, now: datetime, *, released: bool = False) -> Processed:
    """Read a message that was understood before with the tables of now, in place of its earlier reading.

    `released`: a person took it out of the work list, so a record number that it waited for is right.
    What it says as before keeps its place in the order of arrival, so reading it again changes nothing by itself.
    Raises CannotKeep or StoreBroken, as the store does.
    """
    stored = _kept(message, parts)
    if stored is None:
        return Processed(work=Work(at=now), translations=(), unreadable=True)
    try:
        accepted = released and parts.state.reason(message) == REASON
        done = _worked_out(stored, message, parts, now, again=True, accepted=accepted)
        parts.state.commit(done.work)
    except (CannotKeep, StoreBroken):
        raise
    except Exception as fault:  # noqa: BLE001 - as in `process`: the message waits in the work list, the others go on
        done = _quarantined(message, now, fault_place(fault))
        done = replace(done, work=_anew(done.work, message))
        parts.state.commit(done.work)
    return done


def _kept(message: MessageRef, parts: Parts) -> Stored | None:
    """A kept message; None once it was pruned."""
    try:
        return parts.read(message)
    except KeyError:
        return None


def _anew(work: Work, message: MessageRef) -> Work:
    """The cursor stands, problems were counted by the first reading, and what need not wait leaves the work list."""
    resolved = work.resolved if work.parked else (*work.resolved, message)
    return replace(work, message=None, problems=(), resolved=resolved)


def _worked_out(
    stored: Stored,
    message: MessageRef,
    parts: Parts,
    now: datetime,
    *,
    told: tuple[Translation, ...] | None = None,
    again: bool = False,
    accepted: bool = False,
) -> Processed:
    read = understand(stored.arrival, parts) if told is None else told
    translations = checked(read, parts.state, accepted=accepted)
    known = newest_known(reference for t in _in_turn(translations) for reference in t.known)
    if not accepted and join_two_people(links_of_others(message, known, parts), translations, parts.state):
        translations, known = tuple(map(all_aside, translations)), {}
    released, freed, waiting = _release(message, known, translations, parts, now)
    readings = [(message, _in_turn(translations)), *released]
    every = [t for _, translated in readings for t in translated]
    moving = moved(message, known, parts, partial(_kept, parts=parts), [ref for ref, _ in released])
    step = _step(message, readings, moving, parts.state, again=again)
    links = tuple(row for ref, translated in readings for row in said(ref, translated, parts.state))
    statements = (*moving.statements, *links)
    kin = kinship(statements, parts.state)
    results = _interpreted(step, every if again else (), moving.before, kin, parts, now)
    waits = _parked(message, translations, now)
    unchanged = owed_again(kin.groups, results, parts.targets, parts.state)
    stranded = tuple(left for ref, read in moving.readings if (left := _parked(ref, read, now)))
    work = Work(
        at=now,
        message=message,
        events=step.recorded,
        superseded=step.superseded,
        patients=step.records,
        statements=statements,
        people=tuple(person for t in every for person in t.people),
        memberships=kin.memberships,
        known=tuple((reference, resource) for t in every for reference, resource in t.known),
        results=results,
        parked=waits,
        waiting=(*waiting, *stranded),
        resolved=tuple(dict.fromkeys((*freed, *_answered_twins(message, waits, parts.state)))),
        problems=(*(p for t in every for p in t.problems), *(p for left in stranded for p in left.problems)),
        deliver_to=tuple(target.name for target in parts.targets),
        withheld=withheld(results, parts.targets, unchanged),
        owed_again=unchanged,
    )
    return Processed(work=_anew(work, message) if again else work, translations=translations)


def _in_turn(translations: Sequence[Translation]) -> tuple[Translation, ...]:
    """As it happened: a history Bundle tells the newest first."""
    return tuple(sorted(translations, key=lambda translation: translation.turn))


def _answered_twins(message: MessageRef, waits: Parked | None, state: State) -> list[MessageRef]:
    """Parked copies of a message that now needs to wait no longer."""
    return state.twins(message) if message.digest and waits is None else []


def fault_place(fault: BaseException) -> str:
    """`KeyError at linking.py:41`: what a person needs to find a bug, and nothing of what the message said."""
    frame = extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} at {frame.filename.rpartition('/')[2]}:{frame.lineno}"


def _quarantined(message: MessageRef, now: datetime, fault: str) -> Processed:
    broken = Translation(relevance="relevant", problems=(problem("internal-error"),), parked="internal-error")
    work = Work(at=now, message=message, parked=_parked(message, (broken,), now), problems=broken.problems)
    return Processed(work=work, translations=(broken,), fault=fault)


def reassess(patient: str, parts: Parts, now: datetime) -> Processed:
    """Interpret one patient again because time has passed."""
    result = interpreted(parts.state.group(patient), Step(), parts, now)
    work = Work(
        at=now,
        results=(result,),
        deliver_to=tuple(target.name for target in parts.targets),
        withheld=withheld((result,), parts.targets),
    )
    parts.state.commit(work)
    return Processed(work=work, translations=())


def _release(
    message: MessageRef, known: Mapping[str, JsonObject], told: Sequence[Translation], parts: Parts, now: datetime
) -> tuple[list[Reading], tuple[MessageRef, ...], tuple[Parked, ...]]:
    """Messages that waited for what just arrived, read again; those that wait no longer, and those that wait on.

    One that waits on may wait for something else now: its Medication came, its Patient did not yet.
    """
    if not known:
        return [], (), ()
    widened = replace(parts, arrived=known)
    released = [
        (waiting, _in_turn(checked(understand(stored.arrival, widened), parts.state, beside=told)))
        for waiting in parts.state.waiting_for(message.source, tuple(known))
        if waiting != message and (stored := _kept(waiting, parts))
    ]
    waits = [(ref, _parked(ref, translations, now)) for ref, translations in released]
    freed = tuple(ref for ref, left in waits if left is None)
    return released, freed, tuple(left for _, left in waits if left)


def _step(message: MessageRef, taken: Sequence[Reading], moving: Moved, state: State, *, again: bool) -> Step:
    """The events of these readings in the next places of arrival, and what earlier readings of them said otherwise."""
    readings = (*taken, *moving.readings)
    events = [(event, ref.digest) for ref, translated in readings for t in translated for event in t.events]
    before = _read_before(readings, state)
    now_said = {event for event, _ in events} if before or again else frozenset()
    if again:
        kept = {row.event for row in before} | _known(now_said, state)
    else:
        read_again = {event for _, translated in moving.readings for t in translated for event in t.events}
        kept = {row.event for row in before} & read_again
    new = [one for one in events if one[0] not in kept] if kept else events
    recalled = _recalled([event for event, _ in new], state)
    return Step(
        message=message,
        recorded=in_their_places(_placed(new, recalled.values()), before, moving),
        superseded=tuple(row for row in before if row.event not in now_said),
        records=tuple(
            record for _, told in readings for t in told for record in t.patients if is_newest(record, state)
        ),
        recalled=recalled,
    )


def _known(events: Collection[Event], state: State) -> set[Event]:
    """Those of these events that stand already, whatever message said them: a message sent twice has them once."""
    asked = tuple(events)
    held = {row.event for patient in state.holders(asked) for row in state.recall(patient, asked).recorded}
    return held & set(asked)


def _read_before(readings: Sequence[Reading], state: State) -> tuple[Recorded, ...]:
    digests = tuple(dict.fromkeys(ref.digest for ref, _ in readings if ref.digest))
    sources = {ref.source for ref, _ in readings}
    return tuple(row for row in state.read_from(digests) if row.event.source in sources) if digests else ()


def _recalled(new: Sequence[Event], state: State) -> dict[str, PatientState]:
    """What is remembered of the patients these events touch."""
    return {patient: state.recall(patient, new) for patient in state.holders(new)} if new else {}


def _placed(events: Sequence[tuple[Event, str]], recalled: Iterable[PatientState]) -> tuple[Recorded, ...]:
    """Give events the next places in the order of arrival of the patients they touch."""
    last = max((row.arrival for remembered in recalled for row in remembered.recorded), default=0)
    return tuple(
        Recorded(arrival=last + n, event=event, origin=origin) for n, (event, origin) in enumerate(events, start=1)
    )


def _interpreted(
    step: Step,
    read_again: Sequence[Translation],
    before: Sequence[str],
    kin: Kinship,
    parts: Parts,
    now: datetime,
) -> tuple[PatientResult, ...]:
    """The patients a step touches; of messages read again also those whose facts stay, for policies may be others."""
    told = [row.event for row in (*step.recorded, *step.superseded)]
    told += [event for translation in read_again for event in translation.events]
    touched = dict.fromkeys(parts.state.holders(told))
    touched.update(dict.fromkeys(record.patient for record in step.records if record.patient))
    touched.update(dict.fromkeys(before))
    touched.update(dict.fromkeys(kin.groups))
    groups = dict.fromkeys(kin.of(patient) for patient in touched if patient)
    return tuple(interpreted(group, step, parts, now) for group in groups)


def _parked(message: MessageRef, translations: Sequence[Translation], now: datetime) -> Parked | None:
    reason = next((t.parked for t in translations if t.parked), None)
    if reason is None:
        return None
    return Parked(
        message=message,
        reason=reason,
        problems=tuple(p for t in translations for p in t.problems),
        waits_for=tuple(reference for t in translations for reference in t.waits_for),
        parked_at=now,
    )
