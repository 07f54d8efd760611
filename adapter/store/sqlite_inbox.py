"""An inbox file: every message that was promised to a sender, in the order in which it was kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, select

from adapter.domain.message import Arrival, Header, Kept, Stored
from adapter.store import inbox_imports, inbox_pruning, inbox_search
from adapter.store.census import CodeSeen
from adapter.store.crash_points import reached
from adapter.store.faults import BytesPruned, CannotKeep
from adapter.store.file_beside import FileBeside
from adapter.store.file_changes import FileChanges
from adapter.store.imports import Imported, Mark
from adapter.store.inbox_rows import (
    add_messages,
    add_notes,
    earlier,
    last_seq,
    read_census,
    read_headers,
    read_message,
)
from adapter.store.inbox_tables import INBOX, answers, messages
from adapter.store.journey import Received
from adapter.store.notes import Notebook
from adapter.store.placing import place
from adapter.store.retention import Line, Portion
from adapter.store.sql_database import Database

HEADERS_AT_ONCE = 64
"""Headers in one transaction, behind which a message waits that comes meanwhile."""


class SqliteInbox:
    """The one writer of an inbox file, with its readers."""

    def __init__(self, path: Path, name: str) -> None:
        """Open or make the file; raises StoreTooNew or StoreBroken."""
        self.name = name
        self._database = Database(path, INBOX, promised=True)
        self._changes = FileChanges(path)
        self._notebook = Notebook()
        self._newest: int | None = None
        """The newest place, where this writer knows it: nobody else gives places."""

    def keep(self, batch: Sequence[Arrival]) -> list[Kept]:
        """Store a batch in one transaction, on disk on return; repeats of accepted messages store nothing.

        Raises CannotKeep (nothing of the batch was stored) or StoreBroken.
        """
        notes = self._notebook.take(everything=False)
        known, self._newest = self._newest, None
        try:
            with self._database.write() as connection:
                add_notes(connection, notes)
                newest = last_seq(connection) if known is None else known
                kept, new = place(batch, earlier(connection, batch), newest)
                add_messages(connection, new)
                reached("batch-written")
        except BaseException:
            self._notebook.give_back(notes)
            raise
        self._newest = newest + len(new)
        return kept

    def keep_imported(self, batch: Sequence[Arrival], mark: Mark) -> Mark:
        """Store what is new of a batch and how far its file was read, in one transaction, on disk on return.

        Gives the mark with what came of the batch. Raises CannotKeep (nothing of it was stored) or StoreBroken.
        """
        self._newest = None
        with self._database.write() as connection:
            return inbox_imports.keep_imported(connection, batch, mark)

    def flush(self) -> bool:
        """Write what was noted, at most a portion of the headers; gives whether more of them wait.

        Headers and census cost more than the messages, and nobody waits for them: they never ride along with a batch,
        and only the last portion is synced. Raises CannotKeep (it goes on waiting) or StoreBroken.
        """
        notes = self._notebook.take(headers=HEADERS_AT_ONCE)
        if not notes:
            return False
        more = len(notes.headers) == HEADERS_AT_ONCE
        try:
            with self._database.write_unsynced() if more else self._database.write() as connection:
                add_notes(connection, notes)
        except BaseException:
            self._notebook.give_back(notes)
            raise
        return more

    def prune(self, portion: Portion, line: Line) -> None:
        """Remove one portion and tell it in the audit line, in one transaction; raises CannotKeep or StoreBroken."""
        self._newest = None
        with self._database.write() as connection:
            inbox_pruning.remove(connection, portion, line)
            reached("portion-removed")
        reached("portion-pruned")

    def compact(self) -> None:
        """Give the room of what was removed back to the disk; for a file nobody else uses. Raises as `prune` does."""
        self._database.compact()

    def answered(self, rows: Sequence[tuple[int, str]]) -> None:
        """Note (place, answer code); written with the next `keep` or `flush`."""
        self._notebook.answered(rows)

    def note_irrelevant(self, headers: Sequence[Header]) -> None:
        """Note headers of irrelevant messages; written with a `flush`."""
        self._notebook.irrelevant(headers)

    def note_codes(self, rows: Sequence[CodeSeen]) -> None:
        """Note codes for the census; written with the next `flush`."""
        self._notebook.codes(rows)

    def note_panel(self, sender: str, codes: tuple[tuple[str, str, str], ...], at: datetime) -> None:
        """Note the unknown codes of one message."""
        self._notebook.panel(sender, codes, at)

    def after(self, seq: int, limit: int) -> list[Stored]:
        """At most `limit` messages behind a place, in order."""
        return self._changes.rows_behind(seq, partial(self._after, seq, limit))

    def _after(self, seq: int, limit: int) -> list[Stored]:
        with self._database.read() as connection:
            return _after(connection, seq, limit)

    def get(self, seq: int) -> Stored:
        """The message at a place; raises KeyError when there is none, or its bytes were pruned."""
        with self._database.read() as connection:
            return _get(connection, seq)

    def with_contents(self, source: str, digests: Sequence[str]) -> list[Stored]:
        """The FHIR messages of a source with these digests whose bytes are kept, each content once, in order."""
        with self._database.read() as connection:
            return inbox_search.with_contents(connection, source, digests)

    def last_seq(self) -> int:
        """The newest place, 0 when nothing was kept yet."""
        with self._database.read() as connection:
            return last_seq(connection)

    def census(self) -> list[CodeSeen]:
        """Codes that no table knows, most frequent first; without what still waits to be written."""
        with self._database.read() as connection:
            return read_census(connection)

    def irrelevant(self, limit: int) -> list[Header]:
        """The newest headers of irrelevant messages, newest first."""
        with self._database.read() as connection:
            return read_headers(connection, limit)

    def close(self) -> None:
        """Write what rides along, as far as there is room, and close the file."""
        try:
            with suppress(CannotKeep):
                while self.flush():
                    pass
        finally:
            self._changes.close()
            self._database.close()


class SqliteInboxReader(FileBeside):
    """An inbox file as another process reads it: it never writes, and a file not made yet is an empty inbox."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(path)
        self.name = name
        self._changes = FileChanges(path)

    def after(self, seq: int, limit: int) -> list[Stored]:
        """At most `limit` messages behind a place, in order."""
        return self._changes.rows_behind(seq, partial(self._after, seq, limit))

    def _after(self, seq: int, limit: int) -> list[Stored]:
        with self.reading() as connection:
            return _after(connection, seq, limit) if connection else []

    def close(self) -> None:
        """Close every connection."""
        self._changes.close()
        super().close()

    def get(self, seq: int) -> Stored:
        """The message at a place; raises KeyError when there is none, or its bytes were pruned."""
        with self.reading() as connection:
            if connection is None:
                raise KeyError(seq)
            return _get(connection, seq)

    def with_contents(self, source: str, digests: Sequence[str]) -> list[Stored]:
        """The FHIR messages of a source with these digests whose bytes are kept, each content once, in order."""
        with self.reading() as connection:
            return inbox_search.with_contents(connection, source, digests) if connection else []

    def last_seq(self) -> int:
        """The newest place, 0 when nothing was kept yet."""
        with self.reading() as connection:
            return last_seq(connection) if connection else 0

    def census(self) -> list[CodeSeen]:
        """Codes that no table knows, most frequent first."""
        with self.reading() as connection:
            return read_census(connection) if connection else []

    def irrelevant(self, limit: int) -> list[Header]:
        """The newest headers of irrelevant messages, newest first."""
        with self.reading() as connection:
            return read_headers(connection, limit) if connection else []

    def with_control_id(self, control_id: str) -> tuple[list[Received], list[Header]]:
        """Every message with this MSH-10, and what is kept of irrelevant ones with it."""
        with self.reading() as connection:
            if connection is None:
                return [], []
            kept = inbox_search.with_control_id(connection, self.name, control_id)
            return kept, inbox_search.headers_with_control_id(connection, control_id)

    def with_digests(self, digests: Sequence[str]) -> list[Received]:
        """Every message with one of these contents."""
        with self.reading() as connection:
            return inbox_search.with_digests(connection, self.name, digests) if connection else []

    def headers_by_sender(
        self, *, control_id: str | None, since: datetime | None, until: datetime | None
    ) -> dict[str, int]:
        """How many headers of irrelevant messages are kept of each sender, under these conditions."""
        with self.reading() as connection:
            if connection is None:
                return {}
            return inbox_search.headers_by_sender(connection, control_id=control_id, since=since, until=until)

    def mark_of(self, path: str, source: str) -> Mark | None:
        """How far a file was imported; None when it never was."""
        with self.reading() as connection:
            return inbox_imports.mark_of(connection, path, source) if connection else None

    def imported(self, source: str, arrivals: Sequence[Arrival]) -> Imported:
        """What of these was imported from a source before."""
        with self.reading() as connection:
            return inbox_imports.known_of(connection, source, arrivals) if connection else Imported()

    def answered_with(self, code: str) -> frozenset[int]:
        """The places of messages that got this answer."""
        query = select(answers.c.seq).where(answers.c.code == code)
        with self.reading() as connection:
            return frozenset(connection.execute(query).scalars() if connection else ())


def _after(connection: Connection, seq: int, limit: int) -> list[Stored]:
    query = select(messages).where(messages.c.seq > seq).order_by(messages.c.seq).limit(limit)
    return [read_message(row) for row in connection.execute(query).mappings()]


def _get(connection: Connection, seq: int) -> Stored:
    row = connection.execute(select(messages).where(messages.c.seq == seq)).mappings().one_or_none()
    if row is None:
        raise KeyError(seq)
    if not row["raw"] and inbox_pruning.emptied(connection, [seq]):
        raise BytesPruned(seq)
    return read_message(row)
