"""Frames that never ended, kept apart for whoever asks what a sender tried to say; none was acknowledged."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

FILES_LIMIT = 1000
BYTES_LIMIT = 64 * 1024 * 1024
SUFFIX = ".torn"
STAMP = "%Y%m%dT%H%M%S.%fZ"
_NAME = re.compile(r"[^A-Za-z0-9_-]")


class TornFrames:
    """A folder of fragments, one file each, the oldest going first when there are too many or too much."""

    def __init__(self, folder: Path, *, files_limit: int = FILES_LIMIT, bytes_limit: int = BYTES_LIMIT) -> None:
        """The folder is made with mode 0700; raises OSError when it cannot be."""
        self._folder = folder
        self._files_limit = files_limit
        self._bytes_limit = bytes_limit
        self._number = 0
        folder.mkdir(mode=0o700, exist_ok=True)

    def keep(self, fragment: bytes, listener: str, at: datetime) -> Path | None:
        """Write one fragment as it came; None when there is no room for it, which keeps nobody from working.

        The name tells when (UTC) and where it came in: `20260131T120000.000001Z-default-1.torn`.
        """
        if len(fragment) > self._bytes_limit:
            return None
        self._number += 1
        stamp = at.strftime(STAMP)
        path = self._folder / f"{stamp}-{_NAME.sub('_', listener)}-{self._number}{SUFFIX}"
        try:
            self._make_room(len(fragment))
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(fragment)
        except OSError:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return None
        return path

    def _make_room(self, size: int) -> None:
        kept = sorted(self._folder.glob(f"*{SUFFIX}"))
        sizes = {path: path.stat().st_size for path in kept}
        total = sum(sizes.values()) + size
        for path in kept:
            if len(sizes) < self._files_limit and total <= self._bytes_limit:
                return
            path.unlink(missing_ok=True)
            total -= sizes.pop(path)


def torn_before(folder: Path, than: datetime) -> list[Path]:
    """Fragments that came before an instant, as their names tell; what has another name is nobody's to remove."""
    return [path for path in sorted(folder.glob(f"*{SUFFIX}")) if (at := _came_at(path)) and at < than]


def _came_at(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.name.partition("-")[0], STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
