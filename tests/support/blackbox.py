"""The preloaded recorder of `tests/faults/blackbox.c` as a test uses it: built once, read record by record, steered."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

SOURCE = Path(__file__).parents[1] / "faults" / "blackbox.c"
HEAD = struct.Struct("<c3xIQII")
ALL = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One thing a process did to a file below the watched folder, or one answer it gave."""

    kind: str
    """Write, Truncate, sync Begun, Synced, in Error, Created, Unlinked, Renamed, Made folder, Answered: the initial."""
    process: int
    place: int
    """Offset of a write, length after a truncate, number of a sync."""
    path: str
    data: bytes


class _Control(ctypes.Structure):
    """`struct control` of the C file."""

    _fields_ = (
        ("clock_offset_s", ctypes.c_int64),
        ("spared_syncs", ctypes.c_int64),
        ("failing_syncs", ctypes.c_int64),
        ("stalled", ctypes.c_int64),
        ("kill_at_sync", ctypes.c_int64),
        ("kill_before_answer", ctypes.c_int64),
        ("kill_after_answer", ctypes.c_int64),
        ("file", ctypes.c_char * 64),
    )


def build(folder: Path) -> Path:
    """Compile the recorder into a folder; gives the library to preload."""
    library = folder / "blackbox.so"
    strict = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *strict, "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Blackbox:
    """One watched folder with its log and its controls."""

    def __init__(self, library: Path, folder: Path) -> None:
        """`folder` must exist; log and controls lie beside it."""
        self.folder = folder.resolve()
        self.log = self.folder.with_name(f"{folder.name}.log")
        controls = self.folder.with_name(f"{folder.name}.control")
        controls.write_bytes(bytes(ctypes.sizeof(_Control)))
        with controls.open("r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), 0)
        self.control: Any = _Control.from_buffer(self._mapped)
        self.environment = {
            "LD_PRELOAD": str(library),
            "BLACKBOX_FOLDER": str(self.folder),
            "BLACKBOX_CONTROL": str(controls),
        }
        self.recording = {**self.environment, "BLACKBOX_LOG": str(self.log)}

    def run(self, program: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a program to its end under the recorder; gives what it printed."""
        environment = {**os.environ, **self.recording, **more.pop("env", {})}
        return subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60, check=False, **more)

    def started(self, program: list[str]) -> subprocess.Popen[str]:
        """A program that runs under the recorder until it is killed."""
        environment = {**os.environ, **self.environment}
        return subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, text=True)

    def records(self) -> list[Record]:
        """Everything noted so far, in order."""
        return list(read_records(self.log.read_bytes()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.control = None
        self._mapped.close()


def read_records(log: bytes) -> Iterator[Record]:
    """Records of a log; a process that was killed leaves no half of one."""
    at = 0
    while at < len(log):
        kind, process, place, path_length, length = HEAD.unpack_from(log, at)
        path_at = at + HEAD.size
        data_at = path_at + path_length
        at = data_at + length
        path = log[path_at:data_at].decode()
        yield Record(kind=kind.decode(), process=process, place=place, path=path, data=log[data_at:at])
