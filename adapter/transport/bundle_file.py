"""A FHIR Bundle of any size in a file: where its entries lie, found without reading it into memory."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from mmap import mmap

from adapter.transport.import_files import BOM, Piece, UnreadableFile

_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]])', re.DOTALL)
"""Up to the next bracket that stands in no string."""
_ENTRY = re.compile(rb'"entry"\s*+:\s*+\[\Z')
_BETWEEN = re.compile(rb"\s*+,\s*+")
_SPACE = re.compile(rb"\s*+")
_URN = re.compile(rb'"fullUrl"\s*+:\s*+"(urn:uuid:[^"\\]{1,80})"')
_NAMED = re.compile(rb'"(urn:uuid:[^"\\]{1,80})"')
LOOK_BACK = 64
LARGE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Where the entries of one JSON object lie in its bytes; none when it has no `entry`."""

    starts: array[int] = field(default_factory=lambda: array("Q"))
    ends: array[int] = field(default_factory=lambda: array("Q"))
    around: bytes
    """The object without them."""
    urns: dict[bytes, int]
    """The place of the entry whose fullUrl is a `urn:uuid:`, for references inside the Bundle."""

    def bytes_of(self, content: mmap, place: int) -> bytes:
        """One entry as it stands there."""
        return content[self.starts[place] : self.ends[place]]

    def pieces(self, content: mmap, limit_bytes: int, offset: int = 0) -> Iterator[Piece]:
        """The entries that end behind a place, in order, numbered from 1."""
        for place, (start, end) in enumerate(zip(self.starts, self.ends, strict=True)):
            if end > offset:
                large = _Parts(content, start, end) if end - start > limit_bytes else None
                raw = b"" if large else content[start:end]
                yield Piece(number=place + 1, offset=start, length=end - start, raw=raw, large=large)

    def needed_by(self, content: mmap, entries: list[bytes]) -> list[bytes]:
        """Further entries that these refer to by `urn:uuid:`, and what those refer to, each once."""
        if not self.urns:
            return []
        have = {place for entry in entries if (place := self._own(entry)) is not None}
        found: dict[int, bytes] = {}
        ahead = list(entries)
        while ahead:
            for urn in _NAMED.findall(ahead.pop()):
                place = self.urns.get(urn)
                if place is not None and place not in have:
                    have.add(place)
                    found[place] = self.bytes_of(content, place)
                    ahead.append(found[place])
        return [found[place] for place in sorted(found)]

    def _own(self, entry: bytes) -> int | None:
        url = _URN.search(entry)
        return self.urns.get(url[1]) if url else None


def entries_of(content: mmap, around_limit_bytes: int) -> Entries:
    """Look through the bytes of one JSON object; raises UnreadableFile for what is none."""
    starts, ends = array("Q"), array("Q")
    begin, end = _object_with(content, starts, ends)
    if begin + len(content) - end > around_limit_bytes:
        raise UnreadableFile("it is too large for one resource, and no Bundle with a list of entries")
    around = content[:begin] + content[end:]
    _check_between(content, starts, ends, begin, end)
    return Entries(starts=starts, ends=ends, around=around, urns=_urns(content, starts, ends))


def check_whole(content: mmap) -> None:
    """Raises UnreadableFile for what begins as a JSON object and does not end as one: it is cut short, say."""
    if content[:LOOK_BACK].removeprefix(BOM).lstrip().startswith(b"{"):
        _object_with(content, array("Q"), array("Q"))


def _object_with(content: mmap, starts: array[int], ends: array[int]) -> tuple[int, int]:
    """Fills in where entries begin and end; gives where their list begins and ends, behind and before its brackets."""
    at, depth, inside, begin, end = 0, 0, False, 0, 0
    while found := _BRACKET.match(content, at):
        at, bracket = found.end(), found[1]
        if bracket in (b"{", b"["):
            if inside and depth == 2 and bracket == b"{":
                starts.append(at - 1)
            elif depth == 1 and bracket == b"[" and _ENTRY.search(content[max(at - LOOK_BACK, 0) : at]):
                if begin:
                    raise UnreadableFile("it has more than one list of entries")
                inside, begin = True, at
            depth += 1
        else:
            depth -= 1
            if inside and depth == 2 and bracket == b"}" and len(starts) > len(ends):
                ends.append(at)
            elif inside and depth == 1:
                inside, end = False, at - 1
            if depth <= 0:
                break
    if depth or not at or not _SPACE.fullmatch(content, at):
        raise UnreadableFile("it is not one whole JSON object (a file with one object a line is named .ndjson)")
    return begin, end


def _check_between(content: mmap, starts: array[int], ends: array[int], begin: int, end: int) -> None:
    """Between entries stands one comma, so that they are all there is."""
    if not starts:
        if content[begin:end].strip():
            raise UnreadableFile("its list of entries holds something that is no object")
        return
    whole = _SPACE.fullmatch(content, begin, starts[0]) and _SPACE.fullmatch(content, ends[-1], end)
    for before, after in zip(ends, starts[1:], strict=False):
        whole = whole and _BETWEEN.fullmatch(content, before, after)
    if not whole:
        raise UnreadableFile("its list of entries holds something that is no object")


def _urns(content: mmap, starts: array[int], ends: array[int]) -> dict[bytes, int]:
    if content.find(b'"urn:uuid:') < 0:
        return {}
    return {
        url[1]: place
        for place, (start, end) in enumerate(zip(starts, ends, strict=True))
        if (url := _URN.search(content, start, end))
    }


class _Parts:
    """An entry that is too large."""

    def __init__(self, content: mmap, start: int, end: int) -> None:
        self._content, self._start, self._end = content, start, end

    def __iter__(self) -> Iterator[bytes]:
        for at in range(self._start, self._end, LARGE_BYTES):
            yield self._content[at : min(at + LARGE_BYTES, self._end)]

    def size(self) -> int:
        return self._end - self._start
