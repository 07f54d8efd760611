"""Files that people own, read whole: a pipe, a device or a socket in their place would hang, or never end."""

from __future__ import annotations

import errno
import stat
from pathlib import Path


def read_plain(path: Path) -> bytes:
    """The content of a file. Raises OSError, also when something else than a file stands there."""
    wrong = no_file(path)
    if wrong:
        raise OSError(errno.EINVAL, wrong, str(path))
    return path.read_bytes()


def no_file(path: Path) -> str | None:
    """What stands there instead of a file, None for a file and where nothing is: `it is a pipe, not a file`."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    return None if stat.S_ISREG(mode) else f"it is {_kind(mode)}, not a file"


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"
