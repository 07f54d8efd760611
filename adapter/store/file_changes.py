"""Whether a store file was written since somebody looked: asked many times a second, it must cost next to nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

Found = TypeVar("Found")


class FileChanges:
    """Looks at one file over a connection of its own, so that every commit of every other connection is seen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._nothing: tuple[int, int] | None = None

    def rows_behind(self, seq: int, read: Callable[[], list[Found]]) -> list[Found]:
        """What `read` finds behind a place; not asked again before something is committed, where it found nothing."""
        version = self._version()  # first: what is committed while the file is read makes it another
        if version and self._nothing == (version, seq):
            return []
        found = read()
        if not found:
            self._nothing = (version, seq)
        return found

    def close(self) -> None:
        """Close the connection."""
        self._nothing = None  # the next connection counts from where this one did
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _version(self) -> int:
        """A number that every commit changes; 0 where it cannot be told, and the file has to be read."""
        with suppress(sqlite3.Error):
            if self._connection is None:
                self._connection = sqlite3.connect(
                    f"file:{quote(str(self._path.absolute()))}?mode=ro", uri=True, check_same_thread=False
                )
            # The number begins anew with every connection, and is at least 1 then.
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            return int(version)
        self.close()
        return 0
