"""A file that another process writes, as this one reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine

from adapter.store.migrations import stored_version
from adapter.store.sql_database import reader_engine
from adapter.store.sql_group import sorted_faults


class FileBeside:
    """Opened when it is first there: a file not made yet holds nothing, and is looked for again with each question."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine: Engine | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """One consistent picture of the file; None where it is not made yet. Raises CannotKeep or StoreBroken."""
        engine = self._open()
        if engine is None:
            yield None
            return
        with sorted_faults(), engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _open(self) -> Engine | None:
        if self._engine is None and self._path.exists():
            engine = reader_engine(self._path)
            with sorted_faults(), engine.begin() as connection:
                made = stored_version(connection) > 0
            if not made:
                engine.dispose()
                return None
            self._engine = engine
        return self._engine
