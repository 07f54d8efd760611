"""Application answers that go to another address: kept in a file of their own until whoever they are for has them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Condition, Thread

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, func, select

from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.file_beside import FileBeside
from adapter.store.migrations import Schema
from adapter.store.sql_database import Database, Instant

FILE = "answers.db"
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
ANSWERS = Schema(name="answers", tables=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One answer in the order in which it was made."""

    id: int
    made_at: datetime
    body: bytes


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
        self._closing = False
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

    def close(self) -> None:
        """Write what was handed over, as far as there is room, and close the file."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        self._database.close()

    def _run(self) -> None:
        try:
            while batch := self._next():
                if self._written(batch):
                    with self._changed:
                        for _ in batch:
                            self._waiting.popleft()
                elif self._rested():
                    return
        except StoreBroken as broken:
            self._on_broken(broken)

    def _next(self) -> list[dict[str, object]]:
        """The oldest ones, which stay where they are until they are written; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return [self._waiting[place] for place in range(min(len(self._waiting), BATCH_LIMIT))]

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
