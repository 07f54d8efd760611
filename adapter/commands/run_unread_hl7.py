"""Filled fields of an HL7 message beside a result of ours that nothing reads, and nobody has said are not needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adapter.commands.judged_rows import ResultRow
from adapter.commands.run_places import line_number
from adapter.commands.used_fields import Reads
from adapter.commands.used_segments import Surroundings
from adapter.ingest.hl7v2 import Message, Segment


def unread_fields(rows: Iterable[ResultRow]) -> list[str]:
    """`OBX[1]-18`, `SPM[1]-17.2`, `OBX[1]-7(2)`; `ZXX[1]` for a whole segment; lines that are no segment."""
    rows = list(rows)
    if not rows:
        return []
    reads = Reads({id(row.results): row.results.mapping for row in rows}.values())
    beside = Surroundings(rows)
    message, segments = beside.message, beside.every()
    found = [
        p for segment, reached in segments if segment.name for p in _unread(segment, reads, message, reached=reached)
    ]
    return [*found, *(f"line {line_number(message, one)}: no segment" for one, _ in segments if not one.name)]


def _unread(segment: Segment, reads: Reads, message: Message, *, reached: bool) -> Iterator[str]:
    uses = list(reads.uses(segment, message.delimiters, reached=reached))
    if uses and segment.name not in reads.segments and all(use.kind == "unread" for use in uses):
        yield f"{segment.name}[{segment.occurrence}]"
        return
    yield from (use.where for use in uses if use.kind == "unread")
