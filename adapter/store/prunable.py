"""What of one inbox may go now, read beside its writer, in portions that one short transaction takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from typing import Protocol

from sqlalchemy import Connection

from adapter.store import inbox_pruning
from adapter.store.inbox_pruning import Candidate
from adapter.store.inbox_rows import last_seq
from adapter.store.retention import Horizon, Portion, Prune, PruneKind, older
from adapter.store.sqlite_inbox import SqliteInboxReader

ROWS = 200
"""Rows of one portion: removing them takes a few milliseconds."""
BYTES = 1024 * 1024
"""Bytes of one portion, beyond its first row."""
Page = Callable[[Connection, int], list[Candidate]]


class Settled(Protocol):
    """What the state tells of kept messages."""

    def cursor(self, inbox: str) -> int:
        """The last place of an inbox whose effects are committed."""

    def waiting_places(self, inbox: str) -> frozenset[int]:
        """The places of an inbox's messages in the work list."""

    def patients_by_digest(self, digests: Sequence[str]) -> dict[str, set[str]]:
        """For messages that gave facts, by digest, the patients of these facts."""

    def owed_patients(self, targets: Collection[str] | None) -> frozenset[str]:
        """Patients with a result that one of these targets (None: any) has not confirmed."""


class Told(Protocol):
    """A file that holds audit lines of prunes."""

    @property
    def name(self) -> str:
        """The file without its ending, as the lines tell it."""

    def reading(self) -> AbstractContextManager[Connection | None]:
        """One consistent picture of the file; None where it is not made yet."""


class Prunable:
    """One inbox beside the state that was made of it; nothing unresolved is ever among what may go."""

    def __init__(self, inbox: SqliteInboxReader, state: Settled, targets: Collection[str] | None) -> None:
        """`targets`: those results are sent to; None where that is not known, and then every target counts."""
        self._inbox = inbox
        self._state = state
        self._targets = targets

    def newest(self) -> datetime | None:
        """When the last message came; None for an empty inbox."""
        with self._inbox.reading() as connection:
            return None if connection is None else inbox_pruning.newest_reception(connection)

    def portions(self, horizon: Horizon) -> Iterator[Portion]:
        """All that may go, kind after kind; what is removed meanwhile does no harm."""
        yield from portions_of("headers", self._old(inbox_pruning.headers_behind, horizon.archive, horizon.now))
        yield from portions_of("archived", self._archived(horizon))
        yield from portions_of("copies", self._copies(horizon))
        if horizon.read is not None:
            yield from portions_of("read", self._read(horizon.read, horizon.now))

    def _old(self, page: Page, than: datetime, now: datetime) -> Iterator[Candidate]:
        return older(self._pages(page), than, now)

    def _pages(self, page: Page) -> Iterator[Candidate]:
        """Each page is a short look of its own: a long one would keep the writer's log from being taken in."""
        place = 0
        while True:
            with self._inbox.reading() as connection:
                rows = [] if connection is None else page(connection, place)
            if not rows:
                return
            yield from rows
            place = rows[-1].place

    def _archived(self, horizon: Horizon) -> Iterator[Candidate]:
        rows = self._old(inbox_pruning.archived_behind, horizon.archive, horizon.now)
        for part in _parts(rows):
            facts = self._state.patients_by_digest([row.digest for row in part])
            settled = self._settled(part)
            yield from (row for row in settled if row.answer not in inbox_pruning.REFUSALS and row.digest not in facts)

    def _copies(self, horizon: Horizon) -> Iterator[Candidate]:
        with self._inbox.reading() as connection:
            rows = [] if connection is None else list(inbox_pruning.copies_between(connection))
        yield from self._settled([row for row in rows if row.received_at < horizon.archive])

    def _read(self, than: datetime, now: datetime) -> Iterator[Candidate]:
        owed = self._state.owed_patients(self._targets)
        for part in _parts(self._old(inbox_pruning.read_behind, than, now)):
            facts = self._state.patients_by_digest([row.digest for row in part])
            for row in self._settled(part):
                accepted = row.answer == "AA" or (row.kind == "fhir" and row.answer is None)
                if accepted and row.digest in facts and not facts[row.digest] & owed:
                    yield row

    def _settled(self, rows: Sequence[Candidate]) -> list[Candidate]:
        """Rows the core has processed that wait for nothing, the newest of the inbox left out.

        The next message gets the place behind the newest row: without that row it would get a place that counts as
        processed already.
        """
        with self._inbox.reading() as connection:
            newest = 0 if connection is None else last_seq(connection)
        processed, waiting = self._state.cursor(self._inbox.name), self._state.waiting_places(self._inbox.name)
        return [row for row in rows if row.place <= processed and row.place < newest and row.place not in waiting]


def prunes(inbox: Told, limit: int) -> list[Prune]:
    """The last prunes of a file, newest first."""
    with inbox.reading() as connection:
        return [] if connection is None else inbox_pruning.read_prunes(connection, inbox.name, limit)


def last_emptied(inbox: SqliteInboxReader) -> int:
    """The last place whose bytes were pruned, 0 when none were."""
    with inbox.reading() as connection:
        return 0 if connection is None else inbox_pruning.last_emptied(connection)


def emptied(inbox: SqliteInboxReader, places: Sequence[int]) -> frozenset[int]:
    """Those of these places whose bytes were pruned."""
    with inbox.reading() as connection:
        return frozenset() if connection is None else frozenset(inbox_pruning.emptied(connection, places))


def _parts(rows: Iterator[Candidate]) -> Iterator[list[Candidate]]:
    while part := list(islice(rows, inbox_pruning.PAGE)):
        yield part


def portions_of(kind: PruneKind, rows: Iterable[Candidate]) -> Iterator[Portion]:
    """Rows of one kind, as many at once as one short transaction takes."""
    places: list[int] = []
    size = 0
    for row in rows:
        if places and (len(places) == ROWS or size + row.size > BYTES):
            yield Portion(kind=kind, places=tuple(places), count=len(places), bytes=size)
            places, size = [], 0
        places.append(row.place)
        size += row.size
    if places:
        yield Portion(kind=kind, places=tuple(places), count=len(places), bytes=size)
