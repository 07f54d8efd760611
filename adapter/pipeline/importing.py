"""Lines of a file on their way into the inbox: looked at, gathered, kept together with how far the file was read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol

from adapter.domain.message import IMPORT, Arrival
from adapter.fhir import UnreadableJsonError, loads
from adapter.ingest.fhir_bundle import reference_to
from adapter.pipeline.parts import JsonObject
from adapter.store.imports import Mark
from adapter.transport.import_files import Piece, UnreadableFile

TOGETHER_LINES = 500
TOGETHER_BYTES = 4 * 1024 * 1024
PORTION_ENTRIES = 200
PORTION_BYTES = 1024 * 1024
REASONS: Mapping[str, str] = {
    "not-utf8": "the bytes are no UTF-8",
    "not-json": "not one JSON value (NaN is none, nor a number of more than 100 digits)",
    "key-twice": "a key stands twice in one object",
    "too-deep": "nested too deeply",
    "no-resource-type": "no JSON object with a resourceType",
    "too-large": "larger than http.body_limit_bytes",
}
_OF_TEXT = {
    "a key stands twice in one object": "key-twice",
    "nested too deeply": "too-deep",
}


class Rejects(Protocol):
    """Where lines go that cannot be taken."""

    def add(self, number: int, offset: int, reason: str, content: Iterable[bytes]) -> None:
        """Note one line."""

    def written(self) -> tuple[int, int]:
        """The sizes of its two files, with everything on the disk."""


Keep = Callable[[Sequence[Arrival], Mark], Mark]
"""Keeps arrivals and the mark behind them, on disk on return. Raises CannotKeep or StoreBroken."""
TailOf = Callable[[int], str]
"""A mark of the bytes before a place of the file."""


def fault_of(raw: bytes, *, is_entry: bool = False) -> str | None:
    """Why a line, or an entry of a Bundle, cannot be taken; None when it can."""
    return _read(raw, is_entry=is_entry)[1]


def _read(raw: bytes, *, is_entry: bool = False) -> tuple[JsonObject, str | None]:
    """The resource of a line, empty in an entry that is a deletion, and why it cannot be taken."""
    try:
        raw.decode()
        body = loads(raw)
    except UnicodeDecodeError:
        return {}, "not-utf8"
    except UnreadableJsonError as fault:
        return {}, _OF_TEXT.get(str(fault), "not-json")
    resource = body.get("resource") if is_entry and isinstance(body, dict) else body
    if is_entry and resource is None and isinstance(body, dict) and body.get("request"):
        return {}, None  # a deletion
    if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str) and resource["resourceType"]:
        return resource, None
    return {}, "no-resource-type"


def _unversioned(resource: JsonObject) -> str | None:
    """`Type/id` of a resource that states no version; of such a one the content that is read last counts."""
    meta = resource.get("meta")
    versioned = isinstance(meta, dict) and (meta.get("versionId") or meta.get("lastUpdated"))
    return None if versioned else reference_to(resource)


@dataclass(slots=True, kw_only=True)
class Gathered:
    """Pieces that wait for the disk together."""

    arrivals: list[Arrival] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    pieces: int = 0
    size: int = 0
    offset: int = 0
    number: int = 0

    @property
    def full(self) -> bool:
        """Whether it is time to keep them."""
        return self.pieces >= TOGETHER_LINES or self.size >= TOGETHER_BYTES

    def passed(self, piece: Piece) -> None:
        """A piece was taken or rejected."""
        self.pieces += 1
        self.offset, self.number = piece.end, piece.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One file on its way."""

    mark: Mark
    keep: Keep
    rejects: Rejects
    tail_of: TailOf
    clock: Callable[[], datetime]
    progress: Callable[[Mark], None] = lambda _: None
    """Told what is on disk."""

    def take(self, pieces: Iterable[Piece], arrivals: Arrivals) -> Mark:
        """Keep every piece, a group at a time; gives the mark behind the last one.

        Raises whatever keeping raises, and UnreadableFile when what stands before the damage is kept.
        """
        mark, gathered = self.mark, Gathered(offset=self.mark.offset, number=self.mark.number)
        try:
            for piece in pieces:
                self._gather(piece, gathered, arrivals)
                if gathered.full:
                    mark = self._kept(mark, gathered, arrivals.taken(), done=False)
                    gathered = Gathered(offset=mark.offset, number=mark.number)
        except UnreadableFile:
            self._kept(mark, gathered, arrivals.taken(), done=False)
            raise
        return self._kept(mark, gathered, arrivals.taken(), done=True)

    def _gather(self, piece: Piece, gathered: Gathered, arrivals: Arrivals) -> None:
        reason = arrivals.take(piece)
        if reason:
            self.rejects.add(piece.number, piece.offset, reason, piece.large or (piece.raw,))
            gathered.reasons[reason] = gathered.reasons.get(reason, 0) + 1
        gathered.size += len(piece.raw)
        gathered.passed(piece)

    def _kept(self, mark: Mark, gathered: Gathered, arrivals: Sequence[Arrival], *, done: bool) -> Mark:
        reasons = dict(mark.reasons)
        for reason, count in gathered.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
        # What is rejected is on disk before the place behind it is: after a crash it is there once.
        rejected_bytes, places_bytes = self.rejects.written() if gathered.reasons else _sizes(mark)
        behind = replace(
            mark,
            offset=gathered.offset,
            number=gathered.number,
            tail=self.tail_of(gathered.offset),
            reasons=reasons,
            rejected_bytes=rejected_bytes,
            places_bytes=places_bytes,
            done=done,
            at=self.clock(),
        )
        kept = self.keep(arrivals, behind)
        self.progress(kept)
        return kept


def _sizes(mark: Mark) -> tuple[int, int]:
    return mark.rejected_bytes, mark.places_bytes


class Arrivals(Protocol):
    """Makes arrivals of pieces."""

    def take(self, piece: Piece) -> str | None:
        """Take a piece; gives why it cannot be taken."""

    def taken(self) -> list[Arrival]:
        """The arrivals of everything that was taken since the last time."""


@dataclass(slots=True, kw_only=True)
class OfLines:
    """Each line an arrival."""

    source: str
    name: str
    clock: Callable[[], datetime]
    _taken: list[Arrival] = field(default_factory=list)

    def take(self, piece: Piece) -> str | None:
        """Look at a line, and take it if it is a resource."""
        if piece.large:
            return "too-large"
        resource, reason = _read(piece.raw)
        if reason is None:
            file = f"{self.name}:{piece.number}"
            kind, target = str(resource["resourceType"]), _unversioned(resource)
            self._taken.append(_arrival(piece.raw, kind, file, self.source, self.clock(), target))
        return reason

    def taken(self) -> list[Arrival]:
        """The lines that were taken since the last time."""
        told, self._taken = self._taken, []
        return told


@dataclass(slots=True, kw_only=True)
class OfEntries:
    """The entries of a large Bundle in portions, each a Bundle that is whole in itself."""

    source: str
    name: str
    clock: Callable[[], datetime]
    needed_by: Callable[[list[bytes]], list[bytes]]
    """Further entries that these refer to by the names of the Bundle."""
    kind: Literal["collection", "history"] = "collection"
    _waiting: list[Piece] = field(default_factory=list)

    def take(self, piece: Piece) -> str | None:
        """Look at an entry, and take it if it holds a resource or a deletion."""
        if piece.large:
            return "too-large"
        reason = fault_of(piece.raw, is_entry=True)
        if reason is None:
            self._waiting.append(piece)
        return reason

    def taken(self) -> list[Arrival]:
        """The portions of the entries that were taken since the last time."""
        told = [self._portion(part) for part in _portions(self._waiting)]
        self._waiting = []
        return told

    def _portion(self, pieces: Sequence[Piece]) -> Arrival:
        entries = [piece.raw for piece in pieces]
        needed = [entry for entry in self.needed_by(entries) if fault_of(entry, is_entry=True) is None]
        listed = b",".join([*needed, *entries])
        raw = b'{"resourceType":"Bundle","type":"%s","entry":[%s]}' % (self.kind.encode(), listed)
        file = f"{self.name}:{pieces[0].number}-{pieces[-1].number}"
        return _arrival(raw, "Bundle", file, self.source, self.clock())


def _portions(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    part: list[Piece] = []
    size = 0
    for piece in pieces:
        if part and (len(part) >= PORTION_ENTRIES or size + len(piece.raw) > PORTION_BYTES):
            yield part
            part, size = [], 0
        part.append(piece)
        size += len(piece.raw)
    if part:
        yield part


def _arrival(
    raw: bytes, kind: str, file: str, source: str, received_at: datetime, target: str | None = None
) -> Arrival:
    return Arrival(
        kind="fhir",
        source=source,
        listener=IMPORT,
        raw=raw,
        received_at=received_at,
        message_type=kind[:64],
        digest=hashlib.sha256(raw).hexdigest(),
        target=target,
        file=file,
    )
