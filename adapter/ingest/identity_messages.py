"""ADT^A34, A35, A37 and A40: which patient records one message joins, or parts (HL7 v2.5.1 chapter 3).

Where a merge names its records is fixed by the message structures of the standard (ADT_A30, ADT_A39, ADT_A37), and
there is no code to choose a mapping by; what differs between sites is the assigning authority, and that is a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from adapter.domain.identities import IdentityTold
from adapter.domain.problems import Problem, problem
from adapter.domain.times import Moment
from adapter.ingest.compiled import Compiled
from adapter.ingest.hl7v2 import Message, Segment
from adapter.ingest.notes import Notes, at_field
from adapter.ingest.patients import best_identifier, hl7_patient, identifiers_at, patient_key
from adapter.ingest.zones import Zone
from adapter.knowledge.paths import V2Path

MERGES = frozenset({"ADT^A34", "ADT^A35", "ADT^A37", "ADT^A40"})
"""Merges and an unlink of patient records: identity facts, kept whatever they hold."""
NEVER_MERGES = frozenset({"ORU^R01", "ORU"})
"""How nearly all messages that are read name their type."""
NO_EVENT = "ADT"
"""A type that leaves the event to EVN-1: `ADT`, `ADT^^ADT_A39`."""
UNLINK = "ADT^A37"
ACCOUNT_MERGE = "ADT^A35"
"""Joins two accounts of one patient (MRG-3 into PID-18); the patient is the same before and after."""
_PLACES = {
    name: V2Path(segment=name, field=number, repetition="*", component=None, subcomponent=None)
    for name, number in (("PID", 3), ("MRG", 1))
}
_OF_AN_ACCOUNT = "Two accounts of one patient were joined; that changes no patient record."
_ONE_RECORD = "Both sides name the same patient record; nothing was joined or parted."

Identifiers = list[tuple[str, str]]
"""(system, value) of every mapped identifier of one side."""


@dataclass(slots=True, kw_only=True)
class IdentityReading:
    """One merge or unlink while it is read."""

    message: Message
    kind: str
    source: str
    sender: str
    zone: Zone
    ready: Compiled
    notes: Notes
    patients: dict[int, tuple[str | None, Problem | None]]
    """Whom each PID is about, by its place in the message."""
    told: list[IdentityTold] = field(default_factory=list)
    parked: str | None = None


def spelled(message_type: str) -> str:
    """The type of a message as the standard writes it: without blanks, in capitals; `ADT` alone has no event."""
    kind, _, event = (part.strip().upper() for part in message_type.partition("^"))
    return f"{kind}^{event}" if event else kind


def identity_kind(message_type: str, message: Message) -> str | None:
    """Which of MERGES a message is: by MSH-9, and where that names no event by EVN-1; None for any other."""
    if message_type in NEVER_MERGES:
        return None
    kind = spelled(message_type)
    if kind == NO_EVENT:
        kind = spelled(f"{NO_EVENT}^{message.get('EVN-1') or ''}")
    return kind if kind in MERGES else None


def read_identities(reading: IdentityReading) -> None:
    """Read what the message joins or parts into `told`; a side nobody can be known by is a problem and waits."""
    header = reading.message.segments[0]
    if reading.kind == ACCOUNT_MERGE:
        reading.notes.add(at_field("merge-received", header, 9, _OF_AN_ACCOUNT))
        return
    for segment in reading.message.named("PID"):
        ready = reading.ready
        reading.patients[segment.index] = hl7_patient(
            segment, (), ready.identifier_systems, ready.ranks, reading.sender
        )
    at = _happened(reading)
    unlinks = reading.kind == UNLINK
    for first, second in _records(reading.message) if unlinks else _merges(reading.message):
        sides = [_side(reading, one) for one in (first, second)]
        if all(sides):
            _tell(reading, *sides, at=at)
    if reading.told or not reading.parked:
        reading.notes.add(at_field("merge-received", header, 9, None if reading.told else _ONE_RECORD))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Absent:
    """A segment that should stand there."""

    name: str
    occurrence: int


def _merges(message: Message) -> Iterator[tuple[Segment | _Absent, Segment | _Absent]]:
    """Each MRG with the PID before it: MRG-1 ends in PID-3. Several pairs may follow each other (ADT_A39)."""
    above: Segment | None = None
    paired, count = True, 0
    for segment in message.segments:
        if segment.name == "PID":
            if not paired:
                yield above or _Absent(name="PID", occurrence=1), _Absent(name="MRG", occurrence=count + 1)
            above, paired = segment, False
        elif segment.name == "MRG":
            paired, count = True, count + 1
            yield above or _Absent(name="PID", occurrence=1), segment
    if not paired or not count:
        yield above or _Absent(name="PID", occurrence=1), _Absent(name="MRG", occurrence=count + 1)


def _records(message: Message) -> Iterator[tuple[Segment | _Absent, Segment | _Absent]]:
    """The two PID of an unlink (ADT_A37)."""
    found: list[Segment | _Absent] = list(message.named("PID"))
    while not found or len(found) % 2:
        found.append(_Absent(name="PID", occurrence=len(found) + 1))
    yield from zip(found[::2], found[1::2], strict=True)


def _side(reading: IdentityReading, segment: Segment | _Absent) -> Identifiers:
    """The mapped identifiers of one record; none with the problem that keeps it from being known."""
    found: Identifiers = []
    if isinstance(segment, Segment):
        found = identifiers_at(_PLACES[segment.name], segment, reading.ready.identifier_systems, reading.sender)
    if not found:
        told = _unknown(segment)
        reading.notes.add(told)
        reading.parked = reading.parked or told.code
    return found


def _unknown(segment: Segment | _Absent) -> Problem:
    number = _PLACES[segment.name].field
    if isinstance(segment, Segment):
        filled = any(part.strip() for part in segment.repetitions(number))
        return at_field("unknown-authority" if filled else "patient-missing", segment, number)
    name, occurrence = segment.name, segment.occurrence
    return problem("patient-missing", where=f"{name}[{occurrence}]-{number}", location=f"{name}^{occurrence}^{number}")


def _tell(reading: IdentityReading, first: Identifiers, second: Identifiers, *, at: Moment | None) -> None:
    for survivor, absorbed in _pairs(first, second, reading.ready.ranks):
        reading.told.append(
            IdentityTold(
                source=reading.source,
                key=reading.message.get("MSH-10") or "",
                status="unlinked" if reading.kind == UNLINK else "merged",
                survivor=survivor,
                absorbed=absorbed,
                at=at,
            )
        )


def _pairs(first: Identifiers, second: Identifiers, ranks: dict[str, int]) -> list[tuple[str, str]]:
    """Each identifier of the second record with that of the first by the same authority, else with its best one.

    The first may list numbers of the second as old ones of its own, and both may share a number of a third authority.
    """
    shared = set(first) & set(second)
    own = [one for one in first if one not in shared]
    other = [one for one in second if one not in shared]
    if not own:
        own = list(first)
    elif not other:
        other = list(second)
    return [
        (survivor, patient_key(system, value))
        for system, value in dict.fromkeys(other)
        if (survivor := best_identifier([one for one in own if one[0] == system] or own, ranks))
    ]


def _happened(reading: IdentityReading) -> Moment | None:
    """EVN-2, else MSH-7."""
    for path in ("EVN-2", "MSH-7"):
        text = reading.message.get(path)
        if text:
            segment = reading.message.first(path[:3]) or reading.message.segments[0]
            try:
                at = reading.zone.read(text)
            except ValueError:
                reading.notes.add(at_field("time-unreadable", segment, int(path[4:])), severity="warning")
                continue
            if at.zone_from == "unknown":
                reading.notes.add(at_field("zone-missing", segment, int(path[4:])))
            return at
    return None
