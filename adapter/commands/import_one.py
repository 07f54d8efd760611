"""One file, read piece by piece and handed to whoever keeps it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO, BinaryIO

from adapter.commands.import_plan import Plan
from adapter.fhir import UnreadableJsonError, loads
from adapter.pipeline.importing import PORTION_BYTES, Import, Keep, OfEntries, OfLines, Rejects
from adapter.pipeline.parts import JsonObject
from adapter.store.folder import FOLDER_MODE
from adapter.store.imports import Mark
from adapter.store.rejected_lines import FOLDER
from adapter.transport.bundle_file import Entries, check_whole, entries_of
from adapter.transport.import_files import BOM, Piece, UnreadableFile, go_to, is_lines, lines, opened, spooled, tail_of

Clock = Callable[[], datetime]


def taken(
    plan: Plan,
    keep: Keep,
    rejects: Rejects,
    limit_bytes: int,
    store: Path,
    clock: Clock,
    progress: Callable[[Mark], None],
) -> Mark:
    """Read one file to its end; gives the mark there.

    Raises UnreadableFile, OSError, or whatever keeping raises; what was kept stays so.
    """
    path, mark = plan.path, plan.mark
    of = Import(
        mark=mark,
        keep=keep,
        rejects=rejects,
        tail_of=(lambda offset: tail_of(path, offset)) if path else lambda _: "",
        clock=clock,
        progress=progress,
    )
    each = OfLines(source=mark.source, name=plan.name, clock=clock)
    if path is None:
        return of.take(lines(sys.stdin.buffer, limit_bytes), each)
    if is_lines(path):
        with opened(path) as file:
            go_to(file, mark.offset)
            return of.take(lines(file, limit_bytes, mark.offset, mark.number), each)
    with _whole(path, store) as content:
        check_whole(content)
        if len(content) <= min(PORTION_BYTES, limit_bytes):
            return of.take(_alone(content, mark.offset), each)
        found = entries_of(content, limit_bytes)
        if not found.starts:
            return of.take(_alone(content, mark.offset), each)
        around = _checked_bundle(found)
        portions = OfEntries(
            source=mark.source,
            name=plan.name,
            clock=clock,
            needed_by=lambda entries: found.needed_by(content, entries),
            kind="history" if around.get("type") == "history" else "collection",
        )
        return of.take(found.pieces(content, limit_bytes, mark.offset), portions)


def _alone(content: mmap, offset: int) -> Iterator[Piece]:
    """A file that is one resource, or a Bundle small enough to be kept as it stands."""
    raw = content[:].removeprefix(BOM).strip()
    if not offset and raw:
        yield Piece(number=1, offset=0, length=len(content), raw=raw)


def _checked_bundle(found: Entries) -> JsonObject:
    """What stands beside the entries of a Bundle."""
    try:
        around: JsonObject = loads(found.around.removeprefix(BOM))
    except UnreadableJsonError as fault:
        raise UnreadableFile(f"what stands beside its entries is {fault}") from None
    if around.get("resourceType") != "Bundle":
        raise UnreadableFile("it has a list of entries and is no Bundle")
    return around


@contextmanager
def _whole(path: Path, store: Path) -> Iterator[mmap]:
    """All of a file, of which the system holds in memory what it likes."""
    with _plain(path, store) as file:
        try:
            content = mmap(file.fileno(), 0, access=ACCESS_READ)
        except ValueError:
            raise UnreadableFile("it is empty") from None
        with content:
            yield content


@contextmanager
def _plain(path: Path, store: Path) -> Iterator[BinaryIO | IO[bytes]]:
    """A file unpacked: into one without a name in the store, for it holds patient data."""
    if not path.name.endswith(".gz"):
        with path.open("rb") as file:
            yield file
        return
    home = store / FOLDER
    home.mkdir(mode=FOLDER_MODE, exist_ok=True)
    with tempfile.TemporaryFile(dir=home) as unpacked:
        spooled(path, unpacked)
        yield unpacked
