"""One transaction of one thread that holds several parts, and what the driver raises sorted by what must be done."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from adapter.store.faults import CannotKeep, GroupUndone, StoreBroken

_RETRIED = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def nothing_waits() -> None:
    """Of a group whose parts are written at once."""


@dataclass(slots=True)
class Group:
    """The transaction of one thread that holds several parts; a part that fails undoes all of it."""

    thread: int
    connection: Connection
    settle: Callable[[], None]
    """Writes what waits to be written, before anybody may look for it."""
    failed: bool = False

    def __enter__(self) -> Connection:
        """Read in it."""
        return self.connection

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, _: object) -> None:
        """What the driver raised is told as everywhere."""
        if isinstance(fault, DBAPIError | sqlite3.Error):
            raise sorted_fault(fault) from None

    @contextmanager
    def part(self) -> Iterator[Connection]:
        """One part; raises GroupUndone after one that failed, for half of that may still stand."""
        self.whole()
        try:
            with sorted_faults():
                yield self.connection
        except BaseException:
            self.failed = True
            raise

    def whole(self) -> None:
        """Raises GroupUndone when a part has failed."""
        if self.failed:
            raise GroupUndone("What was to be written together is undone.")


@contextmanager
def sorted_faults() -> Iterator[None]:
    """Turn what the driver raises into what the caller must do; the text never holds a value of a row."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as fault:
        raise sorted_fault(fault) from None


def sorted_fault(raised: DBAPIError | sqlite3.Error) -> Exception:
    """What the caller must do about a fault of the driver."""
    fault = raised.orig if isinstance(raised, DBAPIError) else raised
    code = getattr(fault, "sqlite_errorcode", None)
    name = getattr(fault, "sqlite_errorname", None) or type(fault).__name__
    if code is not None and (code & 0xFF in _RETRIED or code == sqlite3.SQLITE_IOERR_SHMSIZE):
        return CannotKeep(f"The store cannot be written now ({name}).")
    return StoreBroken(f"The store cannot be trusted any more ({name}).")
