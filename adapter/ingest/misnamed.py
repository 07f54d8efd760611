"""Lines that are no segments and name results: `obx|1|...` in small letters, or a whole message in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from adapter.domain.problems import problem
from adapter.ingest.hl7v2 import Message, Segment
from adapter.ingest.notes import Notes

CODED = {"OBX": 3, "OBR": 4}
"""Segments that name a test, and the field that does."""
JOINING = frozenset({"PID", "ORC", "OBR", "SPM"})
"""Segments that decide to whom and to which order the others belong."""
_ALL = JOINING | CODED.keys()


class Misnamed(NamedTuple):
    """A line that would be a segment of this name, were it written in capital letters."""

    name: str
    segment: Segment


def misnamed(message: Message) -> list[Misnamed]:
    """Every such line of a message, in order."""
    return [
        Misnamed(name, segment)
        for segment in message.segments
        if not segment.name and (name := _meant(segment)) in _ALL
    ]


def _meant(segment: Segment) -> str:
    line = segment.text.lstrip()
    return line[:3].upper() if line[3:4] == segment.delimiters.field else ""


def is_unparted(message: Message, kind: str) -> bool:
    """Whether a report names results and has no segment but MSH: something else than line ends parts its segments."""
    named = kind.startswith("ORU") and f"OBX{message.delimiters.field}" in message.text
    return named and all(segment.name in ("MSH", "") for segment in message.segments)


def note_overlooked(
    odd: Sequence[Misnamed], is_ours: Callable[[Segment, int], bool], notes: Notes, *, relevant: bool
) -> bool:
    """Whether a result or order of ours, or of a message that is ours what joins it, hides in such lines; and say so.

    Each name is told of once, at its first line.
    """
    ours = [one.name in CODED and is_ours(one.segment, CODED[one.name]) for one in odd]
    joins = relevant or any(ours)
    first: dict[str, Segment] = {}
    for one, is_result in zip(odd, ours, strict=True):
        if is_result or (joins and one.name in JOINING):
            first.setdefault(one.name, one.segment)
    for name, segment in first.items():
        notes.add(problem("segment-misnamed", where=f"{name} in line {segment.index + 1}"))
    return bool(first)
