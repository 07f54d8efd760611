"""Files that commands write over older ones: nobody ever finds half of one, however the writing ends."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE, S_ISREG


def replace_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Put content into a file; when it cannot be written whole, what stood there stands as it was.

    A link is followed, and a file keeps its mode and, where that is allowed, its owner; a pipe or a device is written
    to as it is. `durable`: on the disk before this returns. Raises OSError that names the file.
    """
    place = Path(os.path.realpath(path))
    try:
        old = place.stat() if place.exists() else None
        if old is not None and not S_ISREG(old.st_mode):
            place.write_bytes(content)
            return
        _beside(place, content, old, durable=durable)
    except OSError as fault:
        raise OSError(fault.errno, fault.strerror, str(path)) from None


def _beside(place: Path, content: bytes, old: os.stat_result | None, *, durable: bool) -> None:
    """Write a file next to the one it replaces, for a name moves in one step only within a file system."""
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=".new")
    try:
        with os.fdopen(descriptor, "wb") as fresh:
            _like(descriptor, old)
            fresh.write(content)
            fresh.flush()
            if durable:
                os.fsync(descriptor)
        os.replace(name, place)  # noqa: PTH105 - the name mkstemp gave is a text
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - likewise
        raise


def _like(descriptor: int, old: os.stat_result | None) -> None:
    """The owner and mode of the old file; for a new one the mode every program gives it."""
    if old is None:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        return
    with suppress(PermissionError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, S_IMODE(old.st_mode))
