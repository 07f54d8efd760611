"""Results of one message under one key: progress of one result, or several that must not hide each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adapter.domain.events import ActivityMeasured
from adapter.ingest.hl7v2 import Segment
from adapter.ingest.notes import Notes, at_field

PROGRESS = frozenset({"preliminary", "final", "corrected"})
"""One of each under one key is one result on its way; the latest of them counts, as over several messages."""
WITHDRAWN = "entered-in-error"
Read = tuple[ActivityMeasured, Segment]
"""An event and the OBX it was read from."""


def told_apart(read: Sequence[Read], notes: Notes) -> list[ActivityMeasured]:
    """The events in their order, each result with a key of its own (HL7 2.5, 7.4.2.4: OBX-4 tells results apart).

    Without OBX-4 nobody can say which of two values counts: both are kept and the second gets another key. A withdrawal
    beside a corrected value means the value before; beside another value it leaves that value preliminary.
    """
    if len(read) < 2:
        return [event for event, _ in read]
    groups: dict[tuple[str, str], list[Read]] = {}
    for event, row in read:
        groups.setdefault((event.patient, event.key), []).append((event, row))
    if len(groups) == len(read):
        return [event for event, _ in read]
    meant: dict[ActivityMeasured, ActivityMeasured] = {}
    for group in groups.values():
        meant.update(_meant(group, notes))
    return [meant[event] for event, _ in read]


def _meant(group: Sequence[Read], notes: Notes) -> dict[ActivityMeasured, ActivityMeasured]:
    rows = dict(reversed(group))
    ordered = sorted(dict.fromkeys(event for event, _ in group), key=lambda event: event.status == WITHDRAWN)
    doubtful = _withdrawn_beside_a_value(ordered)
    meant: dict[ActivityMeasured, ActivityMeasured] = {}
    statuses: set[str] = set()
    apart = 1
    for event in ordered:
        told = replace(event, status="preliminary") if doubtful and event.status == "final" else event
        alone = not meant or (told.status in PROGRESS - statuses and statuses <= PROGRESS)
        statuses.add(told.status)
        apart += not alone
        meant[event] = told if alone else replace(told, key=f"{event.key}#{apart}")
        if event.status != WITHDRAWN and (doubtful or not alone):
            notes.add(at_field("result-key-repeated", rows[event], 4))
    return meant


def _withdrawn_beside_a_value(events: Sequence[ActivityMeasured]) -> bool:
    """Whether a value and its withdrawal came together, with no word that the value is the newer."""
    statuses = {event.status for event in events}
    return WITHDRAWN in statuses and bool(statuses & PROGRESS) and "corrected" not in statuses
