"""The store folder: private to its owner, and served by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from adapter.store.faults import StoreLocked

FOLDER_MODE = 0o700
FILE_MODE = 0o600
LOCK_NAME = "lock"


def prepare_folder(folder: Path) -> None:
    """Make the folder, close it to everybody but its owner, and make sure that its name survives a power cut."""
    named_in = [parent.parent for parent in (folder, *folder.parents) if not parent.exists()] or [folder.parent]
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    for parent in named_in:
        # Who may not read the folder around an old store could not have made the store there.
        with contextlib.suppress(PermissionError):
            _sync_folder(parent)


def prepare_file(path: Path) -> None:
    """Make sure a private file stands at `path`, and that its name survives a power cut."""
    if not path.exists():
        _drop_leftovers(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        os.fchmod(descriptor, FILE_MODE)
    finally:
        os.close(descriptor)
    # Also for a file that is there already: who made it may have been killed before this.
    _sync_folder(path.parent)


def _drop_leftovers(path: Path) -> None:
    """A write-ahead log without its database would be replayed into the new one."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Lock:
    """The right to serve one store folder, held until released or until the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Give the folder free; doing it twice is harmless."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_store(folder: Path) -> Lock:
    """Take the lock of a store folder, or raise StoreLocked when another process holds it."""
    prepare_folder(folder)
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        os.fchmod(descriptor, FILE_MODE)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreLocked(f"The store folder {folder} is already in use by process {holder}.") from None
    except BaseException:
        os.close(descriptor)
        raise
    return Lock(descriptor)
