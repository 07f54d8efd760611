"""A file with messages that somebody names: a path, `-`, or what the shell hands over already opened."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

from adapter.knowledge.plain_file import read_plain

STANDARD_INPUT = "-"
_HANDED_OVER = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
"""Where a program finds what was opened for it: `<(zcat results.gz)` is one of these and may be a pipe."""


def read_messages(name: str | Path) -> bytes:
    """The bytes; `-` is standard input. Raises OSError, also for a pipe or device that was not opened for us."""
    shown = str(name)
    if shown == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    if not shown:
        raise OSError(errno.EINVAL, "the name is empty", shown)
    return Path(name).read_bytes() if shown.startswith(_HANDED_OVER) else read_plain(Path(name))


def unread(name: str, fault: OSError) -> str:
    """Why there is no message to look at."""
    return f"{name or 'The message'} cannot be read: {fault.strerror}. Name a file, or - for standard input."
