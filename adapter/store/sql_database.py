"""One SQLite file: one writer connection that syncs every commit, any number of readers that cannot write."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from threading import RLock, get_ident
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Connection,
    Dialect,
    Engine,
    String,
    Table,
    create_engine,
    event,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import QueuePool, StaticPool
from sqlalchemy.types import TypeDecorator

from adapter.store.faults import CannotKeep
from adapter.store.folder import prepare_file, prepare_folder
from adapter.store.migrations import Schema, migrate
from adapter.store.sql_group import Group, nothing_waits, sorted_faults
from adapter.store.sql_prepared import Prepared, cursor_of

BUSY_TIMEOUT_MS = 5_000
CHECKPOINT_PAGES = 1_000
CACHE_KIB = 16_384
READERS = 8

Insert = sqlite.Insert | postgresql.Insert
_INSERTS: dict[str, Callable[[Table], Insert]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Instant(TypeDecorator[datetime]):
    """An aware datetime as UTC text of fixed width, so that text order is time order."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Refuses a naive datetime with ValueError."""
        if value is None:
            return None
        return instant_column(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (the same)
        """The instant, in UTC."""
        return None if value is None else datetime.fromisoformat(value)


@lru_cache(maxsize=256)
def instant_column(value: datetime) -> str:
    """An aware datetime as its column holds it; raises ValueError for a naive one."""
    if value.tzinfo is None:
        raise ValueError("the store keeps aware datetimes only")
    return f"{value.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def insert_into(dialect: str, table: Table) -> Insert:
    """An INSERT that can say ON CONFLICT, in a dialect (`sqlite`, `postgresql`)."""
    return _INSERTS[dialect](table)


def upsert(connection: Connection, table: Table, rows: list[dict[str, Any]], keeping: tuple[str, ...] = ()) -> None:
    """Insert rows, replacing those with the same primary key except for the columns worth `keeping`."""
    if rows:
        _upserting(connection.dialect.name, table, keeping).run(connection, rows)


@cache
def _upserting(dialect: str, table: Table, keeping: tuple[str, ...]) -> Prepared:
    statement = _INSERTS[dialect](table)
    values = {c.name: statement.excluded[c.name] for c in table.columns if not (c.primary_key or c.name in keeping)}
    return Prepared(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values))


class Database:
    """One SQLite file as its owning process uses it."""

    def __init__(
        self, path: Path, schema: Schema, *, promised: bool = False, checkpoint_pages: int | None = None
    ) -> None:
        """Open for writing: makes the file, brings its schema up to date; raises StoreTooNew, StoreBroken.

        `promised`: senders are told that what stands here is on disk, so nothing is written, nor a repeat recognised,
        before that is true of what an earlier process left. `checkpoint_pages`: how long the log may grow.
        """
        prepare_folder(path.parent)
        prepare_file(path)
        self._folder = path.parent.absolute()
        self._lock = RLock()
        self._writer = _writer_engine(path, CHECKPOINT_PAGES if checkpoint_pages is None else checkpoint_pages)
        self._writing: Connection | None = None
        self._readers = reader_engine(path)
        self._promised = promised
        self._taken_over = False
        self._group: Group | None = None
        try:
            with self._begin() as connection:
                migrate(connection, schema, path.name)
            with suppress(CannotKeep):  # on a full disk the file can still be read
                self._take_over()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def write(self, *, settled: bool = True) -> Iterator[Connection]:
        """One transaction of the one writer, on disk when the block ends; raises CannotKeep or StoreBroken.

        Inside `together` it is a part of that one transaction, where what waits is written first, if it is to be
        `settled`.
        """
        if group := self._own_group():
            if settled:
                group.settle()
            with group.part() as connection:
                yield connection
            return
        with self._lock:
            if self._promised and not self._taken_over:
                self._take_over()
            with self._begin() as connection:
                yield connection

    @contextmanager
    def write_unsynced(self) -> Iterator[Connection]:
        """One transaction that comes to the disk with the next one of `write`: for what nobody was promised.

        It is there whole or not at all, and nothing that is written later is there without it. Raises as `write` does.
        """
        with self._lock:
            self._set("synchronous = NORMAL")
            try:
                with self.write() as connection:
                    yield connection
            finally:
                self._set("synchronous = FULL")

    def _set(self, setting: str) -> None:
        with sorted_faults():
            cursor_of(self._held()).execute(f"PRAGMA {setting}")

    @contextmanager
    def together(self, settle: Callable[[], None] = nothing_waits) -> Iterator[None]:
        """One transaction, and one sync, for all that this thread reads and writes inside.

        `settle` writes what its own parts have put off; it is called before others look, and is to be at the end.
        Raises CannotKeep or StoreBroken, and GroupUndone after a part that failed: nothing of the block was written.
        """
        with self.write() as connection:
            self._group = Group(thread=get_ident(), connection=connection, settle=settle)
            try:
                yield
                self._group.whole()
            finally:
                self._group = None

    def _own_group(self) -> Group | None:
        group = self._group
        return group if group and group.thread == get_ident() else None

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with sorted_faults():
            writing = self._held()
            with writing.begin():
                yield writing

    def _held(self) -> Connection:
        """The connection of all transactions: to take it from its pool each time would cost as much as a short one."""
        self._writing = self._writing or self._writer.connect()
        return self._writing

    def _take_over(self) -> None:
        """Move what an earlier process left in the write-ahead log into the file itself, and sync that.

        A process that was killed, or whose sync failed, leaves commits in the log that can be read and may never reach
        the disk, and no later sync of the log repairs that. Writing their pages anew does.
        """
        with sorted_faults(), closing(self._writer.raw_connection()) as connection:
            held, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if held:
            raise CannotKeep("The store cannot be written now (its log is being read).")
        self._taken_over = True

    def read(self, *, settled: bool = True) -> AbstractContextManager[Connection]:
        """One consistent picture of the file, beside the writer; inside `together` with what that has written.

        What waits there to be written is seen too, if it is to be `settled`.
        """
        group = self._own_group()
        if group and settled:
            group.settle()
        return group or self._beside()

    @contextmanager
    def _beside(self) -> Iterator[Connection]:
        with sorted_faults(), self._readers.begin() as connection:
            yield connection

    def compact(self) -> None:
        """Write the file anew without its free pages; it takes as much room again meanwhile, in the folder of the file.

        Raises CannotKeep or StoreBroken; the file stays whole.
        """
        with self._lock, sorted_faults(), closing(self._writer.raw_connection()) as connection:
            # Elsewhere what is written meanwhile would hold patient data in a folder for everybody.
            connection.execute(f"PRAGMA temp_store_directory = '{_quoted(self._folder)}'")
            connection.execute("VACUUM")
            connection.execute("PRAGMA temp_store_directory = ''")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Close every connection; the file is complete without it."""
        self._readers.dispose()
        if self._writing:
            self._writing.close()
        self._writer.dispose()


def _quoted(folder: Path) -> str:
    return str(folder).replace("'", "''")


def reader_engine(path: Path) -> Engine:
    """Connections that cannot write, checkpoint or create anything, also from another process."""
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro",
            uri=True,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT_MS / 1000,
        ),
        poolclass=QueuePool,
        pool_size=READERS,
        max_overflow=READERS,
    )
    _begin_with(engine, "BEGIN", ("query_only = ON", "wal_autocheckpoint = 0", f"cache_size = -{CACHE_KIB}"))
    return engine


def _writer_engine(path: Path, checkpoint_pages: int) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(path, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000),
        poolclass=StaticPool,
    )
    settings = (
        "journal_mode = WAL",
        "synchronous = FULL",
        f"wal_autocheckpoint = {checkpoint_pages}",
        f"cache_size = -{CACHE_KIB}",
    )
    _begin_with(engine, "BEGIN IMMEDIATE", settings)
    return engine


def _begin_with(engine: Engine, statement: str, settings: tuple[str, ...]) -> None:
    """Let our statement, not the driver, open transactions: the driver's own would leave out the reads."""

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, record: object) -> None:  # noqa: ARG001 (SQLAlchemy's signature)
        connection.isolation_level = None
        for setting in settings:
            connection.execute(f"PRAGMA {setting}").fetchall()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Straight to the driver: it is the same for every transaction, and nobody looks at it on its way.
        connection.connection.cursor().execute(statement)
