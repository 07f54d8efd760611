"""Files that are imported, read piece by piece: lines of NDJSON, entries of a FHIR Bundle, plain or compressed."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

BOM = b"\xef\xbb\xbf"
HEAD_BYTES = 64 * 1024
TAIL_BYTES = 4096
AT_ONCE_BYTES = 1024 * 1024


class UnreadableFile(Exception):  # noqa: N818 - a fault of the world, not of the program
    """A file that cannot be read to its end; the text says why and holds no content."""


class Large(Protocol):
    """The bytes of a piece that is too large, in parts: taken once, and whole before the next piece is asked for."""

    def __iter__(self) -> Iterator[bytes]:
        """Its parts that nobody has taken yet, without the line feed at its end."""

    def size(self) -> int:
        """How many bytes it takes up in its file; nothing of it is left to be taken after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One line, or one entry, with the place of its bytes in the file."""

    number: int
    offset: int
    length: int
    """How many bytes it takes up there; 0 where it is too large."""
    raw: bytes
    """Without its line end; empty where it is too large."""
    large: Large | None = None

    @property
    def end(self) -> int:
        """Where the next one may begin."""
        return self.offset + (self.large.size() if self.large else self.length)


def lines(file: BinaryIO, limit_bytes: int, offset: int = 0, number: int = 0) -> Iterator[Piece]:
    """The lines of a file from a place behind so many lines; empty ones are counted and left out.

    Raises UnreadableFile when it ends in the middle of what is compressed.
    """
    most = limit_bytes + len(b"\r\n")
    while line := _line(file, most):
        number += 1
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        if not offset:
            content = content.removeprefix(BOM)
        if len(content) > limit_bytes:
            piece = Piece(number=number, offset=offset, length=0, raw=b"", large=_Rest(file, line, most))
        else:
            piece = Piece(number=number, offset=offset, length=len(line), raw=content)
        if piece.large or content.strip():
            yield piece
        offset = piece.end


class _Rest:
    """A line that is too large, of which nothing may be left unread."""

    def __init__(self, file: BinaryIO, first: bytes, at_once: int) -> None:
        self._file, self._part, self._at_once = file, first, max(at_once, AT_ONCE_BYTES)
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        while part := self._part:
            self._size += len(part)
            self._part = b"" if part.endswith(b"\n") else _line(self._file, self._at_once)
            yield part.removesuffix(b"\n")

    def size(self) -> int:
        for _ in self:
            pass
        return self._size


def _line(file: BinaryIO, most: int) -> bytes:
    try:
        return file.readline(most)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UnreadableFile("what it holds is compressed and cut short or damaged") from None


def opened(path: Path) -> BinaryIO:
    """A file, unpacked while it is read (OSError: it cannot be opened)."""
    if path.name.endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]  # reads as any binary file does
    return path.open("rb", buffering=AT_ONCE_BYTES)


def go_to(file: BinaryIO, offset: int) -> None:
    """Have the next read begin at a place; raises UnreadableFile when there is none."""
    try:
        if file.seek(offset) != offset:
            raise UnreadableFile("it is shorter than what was read of it before")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UnreadableFile("what it holds is compressed and cut short or damaged") from None


def head_of(path: Path) -> str:
    """A mark of the beginning of a file as it lies there."""
    with path.open("rb") as file:
        return hashlib.sha256(file.read(HEAD_BYTES)).hexdigest()


def tail_of(path: Path, offset: int) -> str:
    """A mark of the bytes before a place; empty for a compressed file, where they cannot be had for nothing."""
    if path.name.endswith(".gz"):
        return ""
    size = min(offset, TAIL_BYTES)
    with path.open("rb") as file:
        return hashlib.sha256(os.pread(file.fileno(), size, offset - size)).hexdigest()


def is_lines(path: Path) -> bool:
    """Whether a file holds one JSON value a line, whatever its name; raises UnreadableFile."""
    name = path.name.removesuffix(".gz")
    if not name.endswith(".json"):
        return True
    with opened(path) as file:
        first = _line(file, AT_ONCE_BYTES)
        more = b""
        while first.endswith(b"\n") and not more.strip():
            if not (more := _line(file, AT_ONCE_BYTES)):
                break
    return first.rstrip().endswith(b"}") and more.lstrip().startswith(b"{")


def spooled(path: Path, into: BinaryIO) -> None:
    """Unpack a whole file; raises UnreadableFile."""
    with opened(path) as file:
        while piece := _block(file):
            into.write(piece)
    into.flush()


def _block(file: BinaryIO) -> bytes:
    try:
        return file.read(AT_ONCE_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UnreadableFile("what it holds is compressed and cut short or damaged") from None
