"""What polls have seen of their servers: how far, and the content of every resource they had kept.

It only saves asking and keeping twice: without this file the next poll reaches further back, and nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import BigInteger, Column, MetaData, String, Table, Text, delete, func, select

from adapter.store.file_beside import FileBeside
from adapter.store.migrations import Schema
from adapter.store.sql_database import Database, Instant, upsert
from adapter.store.sql_rows import asked, one_of

FILE = "polls.db"
DELETED = "deleted"
"""Stands for the content of a resource its server no longer has."""

metadata = MetaData()

marks = Table(
    "poll_marks",
    metadata,
    Column("source", Text, primary_key=True),
    Column("resource_type", String(40), primary_key=True),
    Column("url", Text, nullable=False),
    Column("mark", Instant, nullable=False),
    Column("read_with", Text, nullable=False),
)

seen = Table(
    "poll_seen",
    metadata,
    Column("source", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("content", String(64), nullable=False),
    Column("place", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

complete = Table(
    "poll_complete",
    metadata,
    Column("source", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)

POLLS = Schema(name="polls", tables=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Up to when one resource type of a server is known, by the server's own time."""

    url: str
    mark: datetime
    read_with: str
    """The mappings it was read with: others may find something in what these left out."""


class Polls:
    """The one writer of the file."""

    def __init__(self, folder: Path) -> None:
        """Open or make the file; raises StoreTooNew or StoreBroken."""
        self._database = Database(folder / FILE, POLLS)

    def start_behind(self, last_place: int) -> bool:
        """Forget everything when the inbox holds less than was kept by polls: it was lost or restored since.

        True when it was so.
        """
        with self._database.write() as connection:
            newest = connection.execute(select(func.coalesce(func.max(seen.c.place), 0))).scalar_one()
            if newest <= last_place:
                return False
            for table in (marks, seen, complete):
                connection.execute(delete(table))
        return True

    def mark(self, source: str, resource_type: str) -> Mark | None:
        """How far one resource type of a source is known; None before its first whole poll."""
        query = select(marks).where(marks.c.source == source, marks.c.resource_type == resource_type)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return Mark(url=row["url"], mark=row["mark"], read_with=row["read_with"]) if row else None

    def put_mark(self, source: str, resource_type: str, mark: Mark) -> None:
        """Note how far it is known now; raises CannotKeep or StoreBroken."""
        values = {"url": mark.url, "mark": mark.mark, "read_with": mark.read_with}
        with self._database.write() as connection:
            upsert(connection, marks, [{"source": source, "resource_type": resource_type, **values}])

    def contents(self, source: str, references: Sequence[str]) -> dict[str, str]:
        """The content that was last kept of these resources."""
        found: dict[str, str] = {}
        with self._database.read() as connection:
            for texts in asked(references):
                query = select(seen.c.reference, seen.c.content).where(
                    seen.c.source == source, one_of(seen.c.reference, len(texts))
                )
                found.update((reference, content) for reference, content in connection.execute(query, texts))
        return found

    def put_contents(self, source: str, contents: Mapping[str, str], place: int) -> None:
        """Note what was kept, up to a place of the inbox; raises CannotKeep or StoreBroken."""
        rows = [{"source": source, "reference": r, "content": c, "place": place} for r, c in contents.items()]
        with self._database.write() as connection:
            upsert(connection, seen, rows)

    def put_complete(self, source: str, at: datetime) -> None:
        """Note that a source was polled whole; raises CannotKeep or StoreBroken."""
        with self._database.write() as connection:
            upsert(connection, complete, [{"source": source, "at": at}])

    def last_complete(self) -> dict[str, datetime]:
        """When each source was last polled whole, by our clock."""
        with self._database.read() as connection:
            return {row["source"]: row["at"] for row in connection.execute(select(complete)).mappings()}

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class PollsReader(FileBeside):
    """The file as another process reads it."""

    def last_complete(self) -> dict[str, datetime]:
        """When each source was last polled whole; empty when nothing was ever polled."""
        with self.reading() as connection:
            rows = connection.execute(select(complete)).mappings().all() if connection else []
            return {row["source"]: row["at"] for row in rows}
