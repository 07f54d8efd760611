"""What the figures of a bench were measured on: programs, libraries, file system."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from adapter.commands.bench_measuring import machine

LIBRARIES = ("SQLAlchemy", "msgspec", "uvloop", "starlette", "fhir.resources", "hl7apy")
MOUNTS = Path("/proc/self/mounts")


def machine_with(folder: Path) -> dict[str, Any]:
    """The machine, and where the stores of this run lie."""
    return {
        **machine(),
        "sqlite": sqlite3.sqlite_version,
        "libraries": libraries(),
        "file_system": file_system(folder, MOUNTS.read_text(encoding="utf-8", errors="replace")),
    }


def libraries() -> dict[str, str]:
    """The versions of those that figures depend on; one that is not installed is left out."""
    found: dict[str, str] = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def file_system(folder: Path, mounts: str) -> str:
    """The kind of file system a folder lies on, by the table of mounts; the innermost one, and of those the last."""
    place = folder.resolve()
    kinds = [(Path(_plain(line.split()[1])), line.split()[2]) for line in mounts.splitlines()]
    around = [
        (len(mount.parts), number, kind) for number, (mount, kind) in enumerate(kinds) if place.is_relative_to(mount)
    ]
    return max(around)[2] if around else "unknown"


def _plain(mount: str) -> str:
    """A mount point whose blanks the table has escaped."""
    return mount.replace("\\040", " ")
