"""Every message read by both sides: what differs, and what of it the patients' findings rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adapter.commands.diff_corpus import File, Supporting
from adapter.commands.diff_kin import FACT, tokens_of
from adapter.commands.diff_message import Changed, Said, Weight, changes_of, same, weight_of
from adapter.commands.diff_progress import Advance
from adapter.commands.diff_sides import Sides
from adapter.commands.play_folder import BEFORE_ANY_STAMP, SOURCE, Piece, pieces, stamp_of
from adapter.domain.message import MessageRef, Work
from adapter.pipeline.parts import State
from adapter.pipeline.understand import understand
from adapter.store.memory_state import MemoryState


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChange:
    """One message that is read otherwise."""

    file: str
    number: int
    control_id: str | None
    kind: str | None
    """MSH-9, or FHIR."""
    sender: str | None
    weight: Weight
    changes: tuple[Changed, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "file": self.file,
            "message": self.number,
            "type": self.kind,
            "sender": self.sender,
            "control_id": self.control_id,
            "weight": self.weight,
            "changes": [change.as_dict() for change in self.changes],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A message that says something about a patient on either side, ready to be played."""

    piece: Piece
    at: datetime
    tokens: frozenset[str]
    """What it is about: messages that share one are played together."""
    same: bool
    """Whether both sides read the same in it."""

    @property
    def says_facts(self) -> bool:
        """Whether an event comes of it on either side; where none comes of any, there is no finding."""
        return any(token.startswith(FACT) for token in self.tokens)


@dataclass(slots=True, kw_only=True)
class Survey:
    """What came of all messages."""

    messages: int = 0
    relevant: int = 0
    """Relevant to either side."""
    changed: list[MessageChange] = field(default_factory=list)
    ours: list[Ours] = field(default_factory=list)
    clock: datetime = BEFORE_ANY_STAMP
    """The time of the last message."""


@dataclass(slots=True, kw_only=True)
class _Clock:
    """The clock of `play`: never behind, and before the first stamp at that stamp."""

    now: datetime | None = None

    def moved(self, stamps: Sequence[datetime]) -> datetime | None:
        """To the latest stamp of a file; None while there was none yet."""
        self.now = max([*([self.now] if self.now else []), *stamps], default=None)
        return self.now


def surveyed(
    files: Sequence[File],
    sides: Sides,
    supporting: Supporting,
    as_of: datetime | None,
    advance: Advance,
) -> Survey:
    """Read every message with both sides; `advance` hears of the bytes of each message that is done."""
    survey, clock = Survey(), _Clock()
    sides = sides.on(MemoryState())
    unstamped: list[Ours] = []
    first: datetime | None = None
    for file in files:
        read = list(_read(file, sides, supporting, survey, advance))
        stamps = [stamp for _, stamp in read if stamp]
        first = first or min(stamps, default=None)
        at = clock.moved(stamps)
        found = [replace(ours, at=at or ours.at) for ours, _ in read if ours]
        (survey.ours if at else unstamped).extend(found)
    start = first or as_of or BEFORE_ANY_STAMP
    survey.ours[:0] = [replace(ours, at=start) for ours in unstamped]
    survey.clock = clock.now or start
    return survey


def _read(
    file: File, sides: Sides, supporting: Supporting, survey: Survey, advance: Advance
) -> Iterator[tuple[Ours | None, datetime | None]]:
    """Each message of a file: what of it is ours, and its stamp. What differs goes into the survey."""
    raw = file.read()
    for piece in pieces(file.shown, raw, sides.new.parts.knowledge, fhir=file.holds_fhir(raw)):
        after = understand(piece.arrival, sides.new.parts)
        before = after if sides.same_messages else understand(piece.arrival, sides.old.parts)
        survey.messages += 1
        survey.relevant += any(t.relevance == "relevant" for t in (*before, *after))
        alike = same(before, after)
        if not alike:
            survey.changed += _changed(piece, before, after)
        tokens = tokens_of(piece, (*before, *after), supporting)
        ours = Ours(piece=piece, at=BEFORE_ANY_STAMP, tokens=tokens, same=alike) if tokens else None
        advance(len(piece.arrival.raw))
        _remember(survey.messages, after, sides.new.parts.state)
        yield ours, stamp_of(piece, after)


def _remember(number: int, said: Said, state: State) -> None:
    """What others refer to is known to the messages behind it, as in `play`: its newest version received so far."""
    known = tuple(pair for translation in said for pair in translation.known)
    if known:
        message = MessageRef(inbox=SOURCE, seq=number, source=SOURCE)
        state.commit(Work(at=BEFORE_ANY_STAMP, message=message, known=known))


def _changed(piece: Piece, before: Said, after: Said) -> Iterator[MessageChange]:
    changes = changes_of(piece, before, after)
    if changes:
        arrival = piece.arrival
        yield MessageChange(
            file=piece.file,
            number=piece.number,
            control_id=arrival.control_id or None,
            kind=arrival.message_type or ("FHIR" if arrival.kind == "fhir" else None),
            sender=arrival.sender or None,
            weight=weight_of(changes),
            changes=changes,
        )
