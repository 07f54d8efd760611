"""What a process has used so far, read from outside it."""

from __future__ import annotations

import os
import time
from pathlib import Path

PROCESS_CLOCK = 2
"""In the number of a clock: processor time of all threads of a process, in nanoseconds (Linux)."""


def cpu_s(pid: int) -> float:
    """Seconds of processor time of all its threads, also of those that ended."""
    return time.clock_gettime((~pid << 3) | PROCESS_CLOCK)


def resident_mib(pid: int) -> float:
    """The memory it holds now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def peak_mib(pid: int) -> float:
    """The most memory it ever held."""
    return _number(Path(f"/proc/{pid}/status"), "VmHWM:") / 1024


def written_bytes(pid: int) -> int:
    """What it has given to disks to write."""
    return _number(Path(f"/proc/{pid}/io"), "write_bytes:")


def maps(pid: int, file: Path) -> bool:
    """Whether a file, such as a preloaded library, is part of the process."""
    return str(file) in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")


def _number(path: Path, name: str) -> int:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
