"""What is known of patients, in memory: events, patient records, supporting resources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from adapter.domain.events import Event, PatientRecord, Recorded
from adapter.store.encoding import (
    event_text,
    fact_key,
    json_text,
    kind_of,
    read_object,
    replaces,
    resource_version,
    text_hash,
    travels,
    unversioned,
)

EventPlace = tuple[str, str, str, str, str]
"""(patient, source, fact key, kind, content hash)"""


class MemoryFacts:
    """Every distinct version of every event, and the newest of everything else."""

    def __init__(self) -> None:
        self._events: dict[EventPlace, Recorded] = {}
        self._by_patient: dict[str, set[EventPlace]] = {}
        self._by_fact: dict[tuple[str, str], set[EventPlace]] = {}
        self._records: dict[tuple[str, str], PatientRecord] = {}
        self._known: dict[tuple[str, str], str] = {}

    @property
    def patients(self) -> set[str]:
        """Every patient with an event."""
        return {patient for patient, places in self._by_patient.items() if places}

    def add_events(self, rows: Iterable[Recorded]) -> None:
        """Add events; one received again is known already, and without a version it counts as the newest again."""
        for row in rows:
            event, place = row.event, _place(row)
            before = self._events.get(place)
            if before is None:
                self._by_patient.setdefault(event.patient, set()).add(place)
                self._by_fact.setdefault((event.source, fact_key(event)), set()).add(place)
            if before is None or (unversioned(event) and row.arrival > before.arrival):
                self._events[place] = row

    def read_from(self, digests: Sequence[str]) -> tuple[Recorded, ...]:
        """The events that were read from messages with these digests, in order of arrival."""
        found = [(row.arrival, place[4], row) for place, row in self._events.items() if row.origin in digests]
        return tuple(row for *_, row in sorted(found, key=lambda entry: entry[:2]))

    def remove_events(self, rows: Iterable[Recorded]) -> None:
        """Remove what a newer reading of the same message no longer says."""
        for row in rows:
            place = _place(row)
            if self._events.pop(place, None):
                self._by_patient[row.event.patient].discard(place)
                self._by_fact[row.event.source, fact_key(row.event)].discard(place)

    def history(self, patient: str, facts: Sequence[Event]) -> tuple[Recorded, ...]:
        """The patient's own events, and every version of the facts he holds (or of `facts`) wherever they are held."""
        own = self._by_patient.get(patient, set())
        keys = {(source, key) for _, source, key, kind, _ in own if kind != "ActivityMeasured"}
        keys |= {(event.source, fact_key(event)) for event in facts if travels(event)}
        places = own.union(self._versions(keys))
        rows = sorted((self._events[place].arrival, place[2], place[4], place) for place in places)
        return tuple(self._events[place] for *_, place in rows)

    def holders(self, new: Sequence[Event]) -> tuple[str, ...]:
        """The patients of these events, and those who hold another version of the same facts."""
        found = {event.patient for event in new}
        found.update(place[0] for place in self._versions({(e.source, fact_key(e)) for e in new if travels(e)}))
        return tuple(sorted(found))

    def _versions(self, keys: set[tuple[str, str]]) -> set[EventPlace]:
        return {place for key in keys for place in self._by_fact.get(key, ()) if place[3] != "ActivityMeasured"}

    def add_records(self, rows: Iterable[PatientRecord]) -> None:
        """Take over what Patient resources tell; an older version than the stored one changes nothing."""
        for record in rows:
            before = self._records.get((record.source, record.reference))
            if before is None or replaces(record.version, before.version):
                self._records[record.source, record.reference] = record

    def records_of(self, patient: str) -> tuple[PatientRecord, ...]:
        """The newest records that name this patient, by source and reference."""
        places = sorted(place for place, record in self._records.items() if record.patient == patient)
        return tuple(self._records[place] for place in places)

    def named_by(self, reference: str) -> tuple[str, ...]:
        """The patients whom a reference names, whatever its source, in order."""
        found = {r.patient for (_, there), r in self._records.items() if there == reference and r.patient is not None}
        return tuple(sorted(found))

    def add_known(self, source: str, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Take over supporting resources; an older version than the stored one changes nothing."""
        for reference, resource in rows:
            before = self.known(source, reference)
            if before is None or replaces(resource_version(resource), resource_version(before)):
                self._known[source, reference] = json_text(resource)

    def known(self, source: str, reference: str) -> dict[str, Any] | None:
        """A supporting resource of a source, None when it was never received."""
        text = self._known.get((source, reference))
        return None if text is None else read_object(text)


def _place(row: Recorded) -> EventPlace:
    event = row.event
    return (event.patient, event.source, fact_key(event), kind_of(event), text_hash(event_text(event)))
