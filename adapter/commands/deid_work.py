"""The corpus without what identifies: first patient by patient until the product reads the same, then file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from adapter.commands.deid_bundle import only_entries, part_of_patient
from adapter.commands.deid_check import Comparison
from adapter.commands.deid_corpus import Corpus, Piece, body_in, message_in
from adapter.commands.deid_fhir import Body, body_out
from adapter.commands.deid_hl7 import envelope_out, message_out
from adapter.commands.deid_leaf import Gone, Means, Notes, Person
from adapter.commands.deid_leaks import leaks
from adapter.commands.deid_people import Name, references_in
from adapter.commands.deid_reading import Reading, reading_of
from adapter.commands.deid_times import day_of
from adapter.commands.play_folder import played
from adapter.fhir import dumps
from adapter.ingest.fhir_bundle import fhir_stamp
from adapter.ingest.hl7v2 import peek
from adapter.pipeline.parts import Parts
from adapter.store.memory_state import MemoryState

ATTEMPTS = 20
"""How many shifts are tried for one patient: a clock change between two of his times may tell them apart."""
LONGEST_LIST = 5
NOBODY: Name = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One piece as it may be shared, or why it may not."""

    raw: bytes | None
    notes: Notes
    why: tuple[str, ...] = ()
    left_out: bool = False
    """A FHIR resource of a type off the keep list: there is nothing of it to share."""
    reading: Reading = "nothing"


@dataclass(slots=True, kw_only=True)
class Work:
    """A corpus in work, and what was decided for each patient."""

    corpus: Corpus
    means: Means
    parts: Parts
    attempts: dict[Name, int] = field(default_factory=dict)
    refused: dict[Name, tuple[str, ...]] = field(default_factory=dict)
    """Patients of whose messages something else is read afterwards, and where; messages of nobody by their name."""
    names: dict[Name, frozenset[Gone]] = field(default_factory=dict)
    """What names each patient anywhere in the corpus: a message that lacks his name may hold it where codes stand."""

    def person(self, name: Name | None) -> Person:
        """The patient a name stands for, with the days all his times move."""
        who = self.corpus.people.who(name) if name else NOBODY
        days = self.means.pseudonyms.days(who, self.attempts.get(who, 0))
        return Person(name=who, days=days, seen=self.corpus.people.seen.get(who))

    def settle(self, progress: Callable[[int], None]) -> None:
        """Find for each patient a shift with which the product reads the same."""
        for number, (who, pieces) in enumerate(self.corpus.by_patient().items(), start=1):
            wrong = self._differences(who, pieces)
            while wrong and self._may_help(who, wrong):
                self.attempts[who] = self.attempts.get(who, 0) + 1
                wrong = self._differences(who, pieces)
            if wrong:
                self.refused[who] = tuple(wrong[:LONGEST_LIST])
            progress(number)
        for piece in self.corpus.pieces:
            if piece.kind == "hl7v2" and not any(piece.people):
                wrong = self._differences(NOBODY, [piece])
                if wrong:
                    self.refused[piece.shown] = tuple(wrong[:LONGEST_LIST])

    def _may_help(self, who: Name, wrong: Sequence[str]) -> bool:
        """Whether another shift may be read the same: each message is, and only what comes of them together is not."""
        together = all(place.startswith(("findings", "unlinked")) for place in wrong)
        return together and self.attempts.get(who, 0) + 1 < ATTEMPTS

    def made(self, piece: Piece) -> Made:
        """One piece of the corpus as it may be shared, after the leak check."""
        notes = Notes()
        if piece.kind == "unreadable":
            return Made(raw=None, notes=notes, why=("neither an HL7 v2 message nor one FHIR resource in JSON",))
        raw, body = self._out(self.corpus.raw(piece), piece, self.means, notes)
        if raw is None:
            return Made(raw=None, notes=notes, left_out=body is not None)
        whose = dict.fromkeys(self.corpus.people.who(name) for name in piece.people if name)
        notes.gone += [gone for who in whose for gone in self.names.get(who, ())]
        found = leaks(notes, self.means)
        keys = whose or {piece.shown: None}
        wrong = [f"read otherwise afterwards: {place}" for key in keys for place in self.refused.get(key, ())]
        why = tuple(dict.fromkeys((*wrong, *found)))
        return Made(raw=None if why else raw, notes=notes, why=why, reading=self._reading(piece))

    def _reading(self, piece: Piece) -> Reading:
        """What the check had of this message to compare."""
        if piece.kind == "envelope":
            return "nothing"
        return reading_of(piece.shown, self.corpus.raw(piece), self.parts)

    def _out(self, raw: bytes, piece: Piece, means: Means, notes: Notes) -> tuple[bytes | None, Body | None]:
        if piece.kind == "envelope":
            return envelope_out(raw, means, self.person(None), notes), None
        if piece.kind == "hl7v2":
            message = message_in(raw)
            person = self.person(piece.people[0] if piece.people else None)
            return (message_out(message, person, means, notes) if message else None), None
        body = body_in(raw)
        return self._body_out(body or {}, piece.people, means, notes)

    def _body_out(
        self, body: dict[str, Any], people: Sequence[Name | None], means: Means, notes: Notes
    ) -> tuple[bytes | None, Body]:
        names = {self.corpus.people.who(name) for name in people if name}
        whole = self.person(next(iter(names), None)) if len(names) < 2 else None
        out = body_out(
            body,
            lambda place: self.person(people[place] if place < len(people) else None),
            whole,
            means,
            notes,
        )
        return (None if out.json is None else dumps(out.json, indent=True) + b"\n"), out

    def _differences(self, who: Name, pieces: list[Piece]) -> list[str]:
        """Play the messages of one patient as they came and as they may be shared, and compare."""
        before: dict[str, bytes] = {}
        after: dict[str, bytes] = {}
        # Whether a facility is named so or otherwise is decided by an option, and tables know the names as sent.
        means = replace(self.means, facilities="keep")
        notes = Notes()
        messages = sorted(self._of_patient(who, pieces), key=lambda message: message[0].start)
        for piece, raw, people in messages:
            new, old = self._pair(raw, piece, people, means, notes)
            if new is not None:
                before[piece.shown], after[piece.shown] = old, new
        if who != NOBODY:
            self.names[who] = frozenset(gone for gone in notes.gone if gone.level == "name")
        person = self.person(who)
        as_of = _behind_the_last(before)
        comparison = Comparison(days=person.days)
        plays = [
            played(bodies, replace(self.parts, state=MemoryState()), as_of=at)
            for bodies, at in ((before, as_of), (after, as_of + timedelta(days=person.days)))
        ]
        return list(dict.fromkeys(comparison.differences(*plays)))

    def _pair(
        self, raw: bytes, piece: Piece, people: Sequence[Name | None], means: Means, notes: Notes
    ) -> tuple[bytes | None, bytes]:
        """A message afterwards and before, the latter without what is left out as a whole."""
        body = body_in(raw) if piece.kind == "fhir" else None
        if body is None:
            return self._out(raw, piece, means, notes)[0], raw
        new, out = self._body_out(body, people, means, notes)
        return new, dumps(only_entries(body, out.entries))

    def _of_patient(self, who: Name, pieces: list[Piece]) -> Iterator[tuple[Piece, bytes, Sequence[Name | None]]]:
        """The messages of one patient, Bundles reduced to him, with the records he is told about in others."""
        taken = {piece.start for piece in pieces}
        wanted: list[str] = []
        for piece in pieces:
            raw = self.corpus.raw(piece)
            if piece.kind == "fhir":
                mine = [bool(name and self.corpus.people.who(name) == who) for name in piece.people]
                body, people = part_of_patient(body_in(raw) or {}, mine, piece.people)
                wanted += references_in(body)
                raw = dumps(body)
                yield piece, raw, people
            else:
                yield piece, raw, piece.people
        while wanted:
            place = self.corpus.supporting.get(wanted.pop())
            if place is None or self.corpus.pieces[place].start in taken:
                continue
            piece = self.corpus.pieces[place]
            taken.add(piece.start)
            raw = self.corpus.raw(piece)
            wanted += references_in(body_in(raw) or {})
            yield piece, raw, piece.people


def _behind_the_last(bodies: dict[str, bytes]) -> datetime:
    """Two days behind the last stamp: the same distance before and afterwards."""
    days = [day for name, raw in bodies.items() if (day := _stamped(name, raw))]
    return datetime.combine(max(days, default=date(2000, 1, 1)), time(12), UTC) + timedelta(days=2)


def _stamped(name: str, raw: bytes) -> date | None:
    if name.endswith(".hl7"):
        return day_of(peek(raw).sent.partition("^")[0])
    stamp = fhir_stamp(body_in(raw))
    return stamp.date() if stamp else None
