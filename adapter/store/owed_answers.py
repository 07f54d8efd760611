"""Application answers that go to another address: kept in a file of their own until whoever they are for has them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Condition, Thread

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    delete,
    func,
    select,
    text,
)

from adapter.store.crash_points import reached
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.file_beside import FileBeside
from adapter.store.inbox_pruning import PAGE, Candidate, tell
from adapter.store.inbox_tables import prunes
from adapter.store.migrations import Schema
from adapter.store.retention import Line, Portion
from adapter.store.sql_database import Database, Instant

NAME = "answers"
FILE = f"{NAME}.db"
WAITING_LIMIT = 100_000
"""Answers held in memory while nothing can be written; further ones are lost, and that is told."""
BATCH_LIMIT = 500
RETRY_S = 1.0

metadata = MetaData()
owed = Table(
    "owed_answers",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("listener", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("owed_answers_by_listener", owed.c.listener, owed.c.id)
prunes.to_metadata(metadata)

_PRUNING = """
CREATE TABLE prunes (
    at VARCHAR(27) NOT NULL, kind VARCHAR(12) NOT NULL, "by" TEXT NOT NULL, older_than VARCHAR(27) NOT NULL,
    count BIGINT NOT NULL, bytes BIGINT NOT NULL, PRIMARY KEY (at, kind)
)
"""
"""Written out: what a step makes does not change when the tables above do."""


def _to_pruning(connection: Connection) -> None:
    """From version 1 to 2: what was pruned, and when."""
    connection.execute(text(_PRUNING))


ANSWERS = Schema(name=NAME, tables=metadata, steps=(_to_pruning,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One answer in the order in which it was made."""

    id: int
    made_at: datetime
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spare:
    """A portion to remove, and whoever waits until it is gone."""

    portion: Portion
    line: Line
    gone: Future[None] = field(default_factory=Future)


class OwedAnswers:
    """The only writer of the file; whoever hands an answer over never waits for the disk."""

    def __init__(
        self,
        path: Path,
        *,
        on_lost: Callable[[], None],
        on_broken: Callable[[StoreBroken], None],
        limit: int = WAITING_LIMIT,
    ) -> None:
        self._database = Database(path, ANSWERS)
        self._on_lost, self._on_broken = on_lost, on_broken
        self._limit = limit
        self._changed = Condition()
        self._waiting: deque[dict[str, object]] = deque()
        self._spare: deque[_Spare] = deque()
        self._closing = False
        self._ended = False
        self._thread = Thread(target=self._run, name="owed-answers", daemon=True)
        self._thread.start()

    def owe(self, listener: str, body: bytes, at: datetime) -> None:
        """Hand one answer over, to be on disk in a moment."""
        with self._changed:
            if len(self._waiting) < self._limit:
                self._waiting.append({"listener": listener, "made_at": at, "body": body})
                self._changed.notify()
                return
        self._on_lost()

    def prune(self, portion: Portion, line: Line) -> None:
        """Remove a portion and tell it in the audit line, in one transaction; raises CannotKeep or StoreBroken."""
        spare = _Spare(portion=portion, line=line)
        with self._changed:
            if self._ended:
                raise CannotKeep("The file of answers is closed.")
            self._spare.append(spare)
            self._changed.notify()
        spare.gone.result()

    def compact(self) -> None:
        """Give the room of what was removed back to the disk; for a file nobody else uses. Raises as `prune` does."""
        self._database.compact()

    def close(self) -> None:
        """Write what was handed over, as far as there is room, and close the file."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        self._database.close()

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except StoreBroken as broken:
            self._on_broken(broken)
        finally:
            with self._changed:
                self._ended = True
                for spare in self._spare:
                    spare.gone.set_exception(CannotKeep("The file of answers is closed."))

    def _turn(self) -> bool:
        """Remove a portion that is to go, then write what waits; whether there is a next turn."""
        batch, spare = self._next()
        if spare:
            self._prune(spare)
        if not batch:
            return spare is not None
        if not self._written(batch):
            return not self._rested()
        with self._changed:
            for _ in batch:
                self._waiting.popleft()
        return True

    def _next(self) -> tuple[list[dict[str, object]], _Spare | None]:
        """The oldest answers, which stay where they are until they are written, and a portion; neither at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._spare or self._closing)
            batch = [self._waiting[place] for place in range(min(len(self._waiting), BATCH_LIMIT))]
            return batch, self._spare.popleft() if self._spare else None

    def _prune(self, spare: _Spare) -> None:
        try:
            with self._database.write() as connection:
                connection.execute(delete(owed).where(owed.c.id.in_(spare.portion.places)))
                tell(connection, spare.portion, spare.line)
                reached("answers-removed")
            reached("answers-pruned")
        except StoreBroken as broken:
            spare.gone.set_exception(broken)
            raise
        except Exception as fault:  # noqa: BLE001 - whoever prunes tells it; answers are written all the same
            spare.gone.set_exception(fault)
        else:
            spare.gone.set_result(None)

    def _written(self, batch: Sequence[dict[str, object]]) -> bool:
        try:
            with self._database.write() as connection:
                connection.execute(owed.insert(), batch)
        except CannotKeep:
            return False
        return True

    def _rested(self) -> bool:
        """Wait before the next attempt; whether the end came meanwhile."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closing, RETRY_S)


class OwedAnswersReader(FileBeside):
    """The file as the process that sends reads it: it never writes, and a file not made yet holds nothing."""

    name = NAME

    def after(self, listener: str, last: int, limit: int) -> list[Owed]:
        """The next answers of a port behind an id, in order. Raises CannotKeep or StoreBroken."""
        query = (
            select(owed.c.id, owed.c.made_at, owed.c.body)
            .where(owed.c.listener == listener, owed.c.id > last)
            .order_by(owed.c.id)
            .limit(limit)
        )
        with self.reading() as connection:
            return [Owed(**row) for row in connection.execute(query).mappings()] if connection else []

    def waiting(self, listener: str, last: int) -> int:
        """How many answers of a port lie behind an id."""
        query = select(func.count()).where(owed.c.listener == listener, owed.c.id > last)
        with self.reading() as connection:
            return int(connection.execute(query).scalar_one()) if connection else 0

    def last_id(self) -> int:
        """The id of the newest answer of all ports, 0 when there is none."""
        query = select(func.coalesce(func.max(owed.c.id), 0))
        with self.reading() as connection:
            return int(connection.execute(query).scalar_one()) if connection else 0

    def listeners(self) -> list[str]:
        """The ports that have answers here."""
        query = select(owed.c.listener).distinct().order_by(owed.c.listener)
        with self.reading() as connection:
            return list(connection.execute(query).scalars()) if connection else []

    def sizes_behind(self, listener: str, place: int) -> list[Candidate]:
        """The next answers of a port without their bytes, in the order in which they were made."""
        query = (
            select(
                owed.c.id.label("place"), owed.c.made_at.label("received_at"), func.length(owed.c.body).label("size")
            )
            .where(owed.c.listener == listener, owed.c.id > place)
            .order_by(owed.c.id)
            .limit(PAGE)
        )
        with self.reading() as connection:
            return [Candidate(**row) for row in connection.execute(query).mappings()] if connection else []
