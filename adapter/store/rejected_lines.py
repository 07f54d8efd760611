"""What could not be imported, byte for byte, in a private file of the store; beside it where it stood, and why."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from adapter.store.faults import StoreLocked
from adapter.store.folder import FILE_MODE, FOLDER_MODE

FOLDER = "imports"
LINES, PLACES = ".rejected.ndjson", ".rejected.places.ndjson"


class RejectedLines:
    """The rejected lines of one file, open for one process; what stood behind a place of it can be taken back."""

    def __init__(self, store: Path, name: str) -> None:
        """Open or make both files; raises StoreLocked while another import of the same file has them open."""
        folder = store / FOLDER
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        self.path = folder / f"{name}{LINES}"
        self.places = folder / f"{name}{PLACES}"
        self._lines = _opened(self.path)
        try:
            fcntl.flock(self._lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lines.close()
            raise StoreLocked("This file is being imported by another process already.") from None
        self._told = _opened(self.places)

    def back_to(self, lines_bytes: int, places_bytes: int) -> None:
        """Take back everything behind these sizes: what was written without its place in the store being kept."""
        for file, size in ((self._lines, lines_bytes), (self._told, places_bytes)):
            file.truncate(size)
            file.seek(size)

    def add(self, number: int, offset: int, reason: str, content: Iterable[bytes]) -> None:
        """One line: its number, where it began in the file, why it was rejected, and its bytes piece by piece."""
        at = self._lines.tell()
        for piece in content:
            self._lines.write(piece)
        size = self._lines.tell() - at
        self._lines.write(b"\n")
        told = {"number": number, "offset": offset, "size": size, "reason": reason, "at": at}
        self._told.write(json.dumps(told).encode() + b"\n")

    def written(self) -> tuple[int, int]:
        """The sizes of both files, with everything on the disk."""
        for file in (self._lines, self._told):
            file.flush()
            os.fdatasync(file.fileno())
        return self._lines.tell(), self._told.tell()

    def close(self) -> None:
        """Close both files; empty ones are not left behind."""
        empty = not self._lines.tell() and not self._lines.seek(0, os.SEEK_END)
        if empty:
            self.path.unlink(missing_ok=True)
            self.places.unlink(missing_ok=True)
        self._told.close()
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _opened(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    return os.fdopen(descriptor, "r+b")
