"""What sources told at their hooks and was not followed yet: records to read there, and how far events are known.

It outlives a restart between the answer to a notification and what follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import BigInteger, Column, MetaData, Table, Text, delete, select

from adapter.store.migrations import Schema
from adapter.store.sql_database import Database, Instant, upsert

FILE = "hooks.db"

metadata = MetaData()

to_read = Table(
    "hook_reads",
    metadata,
    Column("source", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("place", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

subscriptions = Table(
    "hook_subscriptions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("subscription", Text, primary_key=True),
    Column("known", BigInteger, nullable=False),
    Column("at", Instant),
    sqlite_with_rowid=False,
)

HOOKS = Schema(name="hooks", tables=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvents:
    """Up to which number the events of a subscription are known, and when the newest of them was."""

    known: int
    at: datetime | None


class HookNotes:
    """The one writer of the file."""

    def __init__(self, folder: Path) -> None:
        """Open or make the file; raises StoreTooNew or StoreBroken."""
        self._database = Database(folder / FILE, HOOKS)

    def put_reads(self, source: str, references: Sequence[str], place: int) -> None:
        """Note what is to be read at a source, as told by the arrival at a place; raises CannotKeep or StoreBroken."""
        rows = [{"source": source, "reference": reference, "place": place} for reference in references]
        with self._database.write() as connection:
            upsert(connection, to_read, rows)

    def reads(self, source: str, limit: int) -> dict[str, int]:
        """What is to be read, with the place that told it last; in the order in which it was told."""
        query = select(to_read.c.reference, to_read.c.place).where(to_read.c.source == source)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(to_read.c.place, to_read.c.reference).limit(limit))
            return {row[0]: row[1] for row in rows}

    def settle_reads(self, source: str, done: Mapping[str, int]) -> None:
        """Forget what was read, unless it was told again meanwhile; raises CannotKeep or StoreBroken."""
        with self._database.write() as connection:
            for reference, place in done.items():
                this = (to_read.c.source == source, to_read.c.reference == reference, to_read.c.place <= place)
                connection.execute(delete(to_read).where(*this))

    def known(self, source: str, subscription: str) -> KnownEvents | None:
        """How far the events of a subscription are known; None before its first notification."""
        query = select(subscriptions).where(
            subscriptions.c.source == source, subscriptions.c.subscription == subscription
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return KnownEvents(known=row["known"], at=row["at"]) if row else None

    def put_known(self, source: str, subscription: str, known: KnownEvents) -> None:
        """Note how far they are known now; raises CannotKeep or StoreBroken."""
        row = {"source": source, "subscription": subscription, "known": known.known, "at": known.at}
        with self._database.write() as connection:
            upsert(connection, subscriptions, [row])

    def close(self) -> None:
        """Close the file."""
        self._database.close()
