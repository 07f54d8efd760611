"""Which patients are one person, in memory: what was told of it, and whose history each is read under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from adapter.domain.identities import Group, IdentityTold, Membership, Statements
from adapter.domain.people import Person


class MemoryIdentities:
    """What every origin says of identities, and everybody who is read under another record."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], tuple[IdentityTold, ...]] = {}
        self._people: set[Person] = set()
        self._survivors: dict[str, str] = {}
        self._others: dict[str, set[str]] = {}

    def put(self, rows: Iterable[Statements]) -> None:
        """Take over what origins say now, in place of what they said before."""
        for row in rows:
            self._said[row.source, row.origin] = row.told

    def said_by(self, source: str, origin: str) -> tuple[IdentityTold, ...]:
        """What one origin says of identities."""
        return self._said.get((source, origin), ())

    def told_about(self, patients: Sequence[str]) -> tuple[Statements, ...]:
        """What origins say of these patients, by source and origin."""
        wanted = set(patients)
        found = {place: tuple(t for t in told if wanted.intersection(t.pair)) for place, told in self._said.items()}
        return tuple(Statements(source=s, origin=o, told=found[s, o]) for s, o in sorted(found) if found[s, o])

    def add_people(self, rows: Iterable[Person]) -> None:
        """Take over whom numbers stand for; a Patient resource says it in its newest version only."""
        for row in rows:
            if row.record:
                self._people = {one for one in self._people if (one.source, one.record) != (row.source, row.record)}
            self._people.add(replace(row, where=""))

    def people_of(self, patient: str) -> tuple[Person, ...]:
        """Whom a number was said to stand for."""
        found = [one for one in self._people if one.patient == patient]
        return tuple(sorted(found, key=lambda one: (one.source, one.record, one.born, " ".join(one.family))))

    def move(self, rows: Iterable[Membership]) -> None:
        """Note under whom patients are read."""
        moved = list(rows)
        for row in moved:
            before = self._survivors.pop(row.patient, None)
            if before is not None:
                self._others[before].discard(row.patient)
        for row in moved:
            if row.survivor != row.patient:
                self._survivors[row.patient] = row.survivor
                self._others.setdefault(row.survivor, set()).add(row.patient)

    def survivor(self, patient: str) -> str:
        """The record a patient is read under: his own unless he was merged."""
        return self._survivors.get(patient, patient)

    def group_of(self, patient: str) -> Group:
        """Everybody who is the same person as a patient, the surviving record first."""
        survivor = self.survivor(patient)
        return (survivor, *sorted(self._others.get(survivor, ())))
