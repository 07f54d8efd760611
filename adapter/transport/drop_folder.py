"""A folder files are dropped into: which are whole, what they hold, and where they go when they were read."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROCESSED, FAILED = "processed", "failed"
UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".writing")
"""Endings of names under which senders write; a name that begins with a dot is not read either."""
ANSWERS, REASON = ".ack", ".reason.txt"
_Seen = tuple[int, int, int]
"""Inode, size and time of the last change."""
_Beside = tuple[str, bytes]
"""The ending and the content of the file that goes beside a failed one."""


class UnusableFileError(Exception):
    """A dropped file that cannot be read for good; the text says why, without its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropLimits:
    """How patient a drop folder is, and how much one file may hold."""

    settle_s: float = 5.0
    """A file must not have changed for so long before it counts as whole."""
    file_limit_bytes: int = 256 * 1024 * 1024


class DropFolder:
    """Finds whole files, oldest first, and moves each to `processed/` or `failed/` once its messages are kept.

    A file is whole when neither its size nor its time has changed for `settle_s` and its name is no unfinished one.
    A crash before the move leaves the file in place: it is read again, and its messages are found to be repeats.
    """

    def __init__(self, folder: Path, limits: DropLimits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._limits = limits
        self._clock = clock
        self._seen: dict[str, tuple[_Seen, float]] = {}
        self._unmoved: dict[Path, tuple[_Seen, str, _Beside | None]] = {}
        """Files that were read and could not be moved: they are moved later, and never read again."""

    def whole(self) -> list[Path]:
        """The files that can be read now, those that lie longest first.

        Raises OSError when the folder is gone, or when a file that was read still cannot be moved.
        """
        self._move_what_is_left()
        now = self._clock()
        found = {path.name: (path, seen) for path, seen in self._candidates()}
        known = {name: self._seen.get(name) for name in found}
        self._seen = {
            name: (seen, before[1] if (before := known[name]) and before[0] == seen else now)
            for name, (_, seen) in found.items()
        }
        ready = [
            (seen[2], name.encode(errors="surrogateescape"), path)
            for name, (path, seen) in found.items()
            if now - self._seen[name][1] >= self._limits.settle_s
        ]
        return [path for _, _, path in sorted(ready)]

    def read(self, path: Path) -> bytes:
        """What a file holds; raises UnusableFileError, or FileNotFoundError when somebody took it away."""
        try:
            if path.stat().st_size > self._limits.file_limit_bytes:
                raise UnusableFileError(f"The file is larger than {self._limits.file_limit_bytes} bytes.")
            content = path.read_bytes()
        except FileNotFoundError:
            raise
        except OSError as fault:
            raise UnusableFileError(f"The file cannot be read: {fault.strerror}.") from None
        if not content.strip():
            raise UnusableFileError("The file is empty.")
        return content

    def done(self, path: Path, answers: bytes, *, accepted: bool) -> None:
        """Move a file whose messages are kept; the answers go beside it when one of them is no AA.

        Raises OSError when there is no room or no right to do so: the file stays, and nothing is lost.
        """
        self._move(path, PROCESSED if accepted else FAILED, None if accepted else (ANSWERS, answers))

    def unusable(self, path: Path, reason: str) -> None:
        """Move a file no message of which was kept, with the reason beside it; raises OSError as `done` does."""
        self._move(path, FAILED, (REASON, f"{reason}\n".encode()))

    def _candidates(self) -> Iterator[tuple[Path, _Seen]]:
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
                    continue
                try:
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield Path(entry.path), _seen(found)

    def _move_what_is_left(self) -> None:
        for path, (seen, where, beside) in tuple(self._unmoved.items()):
            try:
                same = _seen(path.stat(follow_symlinks=False)) == seen
            except FileNotFoundError:
                same = False
            if same:
                self._move(path, where, beside)
            self._unmoved.pop(path, None)

    def _move(self, path: Path, where: str, beside: _Beside | None) -> None:
        self._unmoved[path] = (_seen(path.stat(follow_symlinks=False)), where, beside)
        folder = self.folder / where
        folder.mkdir(mode=0o700, exist_ok=True)
        target = _free(folder, path.name)
        if beside:
            _write(target.with_name(target.name + beside[0]), beside[1])
        path.rename(target)
        self._unmoved.pop(path, None)
        _sync(folder)
        _sync(self.folder)
        self._seen.pop(path.name, None)


def _seen(found: os.stat_result) -> _Seen:
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _free(folder: Path, name: str) -> Path:
    """A name nobody has there: a file of the same name from another day is not overwritten."""
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{name}.{number}"
    return target


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    unfinished.rename(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
