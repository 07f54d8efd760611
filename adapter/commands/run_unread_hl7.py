"""Filled fields of an HL7 message beside a result of ours that nothing reads, and nobody has said are not needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from adapter.commands.judged_rows import ResultRow
from adapter.commands.run_places import line_number
from adapter.ingest.hl7v2 import Segment
from adapter.knowledge.paths import V2Path, joined, read_v2_path
from adapter.knowledge.spec import Mapping

_BY_THE_READER = {"MSH": frozenset({1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 15, 16, 18}), "OBR": frozenset({4})}
"""Fields that the reader, the filter and the answer use, whatever the mapping says."""
_ONE_PLACE = 1


class _Reads:
    """Which places the mappings of a message read, or call not needed."""

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        self.paths: defaultdict[tuple[str, int], list[V2Path]] = defaultdict(list)
        self.segments: set[str] = set(_BY_THE_READER)
        self.not_needed: set[str] = set()
        self.every: set[tuple[str, int]] = set()
        """Fields of which each repetition counts, whatever the path says: a second value is a problem."""
        for mapping in mappings:
            self.not_needed.update(path for path, _ in mapping.not_needed)
            values = (read_v2_path(path) for s in mapping.fields if s.reader == "quantity" for path in s.paths)
            self.every.update((path.segment, path.field) for path in values if path)
            for text in _texts(mapping):
                path = read_v2_path(text)
                if path:
                    self.paths[path.segment, path.field].append(path)
                    self.segments.add(path.segment)

    def whole(self, segment: str, number: int) -> bool:
        """Whether a field needs no closer look: the reader itself uses it, or nobody needs it."""
        return number in _BY_THE_READER.get(segment, ()) or f"{segment}-{number}" in self.not_needed


def _texts(mapping: Mapping) -> Iterator[str]:
    yield from mapping.select.codes
    for spec in mapping.fields:
        for text in (*spec.paths, spec.type_path, spec.unit_path):
            yield from joined(text) if text else ()


def unread_fields(rows: Iterable[ResultRow]) -> list[str]:
    """`OBX[1]-18`, `SPM[1]-17.2`, `PID[1]-3(2)`; `ZXX[1]` for a whole segment; lines that are no segment."""
    rows = list(rows)
    reads = _Reads(row.results.mapping for row in rows)
    beside = [segment for segment in _beside(rows) if segment.name]
    found = {place for segment in beside for place in _unread(segment, reads)}
    order = {(s.name, s.occurrence): s.index for s in beside}
    strays = sorted(line_number(rows[0].scope.message, s) for s in _beside(rows) if not s.name)
    return [*sorted(found, key=lambda place: _sorting(place, order)), *(f"line {n}: no segment" for n in strays)]


def _beside(rows: list[ResultRow]) -> list[Segment]:
    """The segments a path could read for any of these rows."""
    segments: dict[int, Segment] = {}
    for row in rows:
        scope = row.scope
        ordered = scope.order.by_name.values() if scope.order else ()
        for segment in (
            scope.row,
            *scope.notes,
            *(s for group in ordered for s in group),
            *(s for group in scope.above.values() for s in group),
        ):
            segments[segment.index] = segment
    return list(segments.values())


def _unread(segment: Segment, reads: _Reads) -> Iterator[str]:
    name = f"{segment.name}[{segment.occurrence}]"
    if segment.name in reads.not_needed:
        return
    if segment.name not in reads.segments:
        yield name
        return
    for number in range(1, segment.field_count() + 1):
        if segment.field(number).strip() and not reads.whole(segment.name, number):
            yield from _within(segment, number, reads, f"{name}-{number}")


def _within(segment: Segment, number: int, reads: _Reads, where: str) -> Iterator[str]:
    paths = reads.paths.get((segment.name, number), [])
    if not paths:
        yield where
        return
    every = any(path.repetition for path in paths) or (segment.name, number) in reads.every
    for repetition in range(1, len(segment.repetitions(number)) + 1):
        if repetition > _ONE_PLACE and not every:
            if segment.repetitions(number)[repetition - 1].strip():
                yield f"{where}({repetition})"
            continue
        yield from _components(segment, number, repetition, paths, reads)


def _components(segment: Segment, number: int, repetition: int, paths: list[V2Path], reads: _Reads) -> Iterator[str]:
    read = {path.component for path in paths}
    if None in read:
        return
    at = f"({repetition})" if repetition > _ONE_PLACE else ""
    for component, text in enumerate(segment.components(number, repetition), start=1):
        not_needed = f"{segment.name}-{number}.{component}" in reads.not_needed
        if text.strip() and component not in read and not not_needed:
            yield f"{segment.name}[{segment.occurrence}]-{number}{at}.{component}"


def _sorting(place: str, order: dict[tuple[str, int], int]) -> tuple[int, list[int]]:
    """By the place of the segment in the message, then by field, repetition and component."""
    head, _, rest = place.partition("]")
    name, _, occurrence = head.partition("[")
    numbers = rest.replace("(", ".").replace(")", "").lstrip("-").split(".")
    return order[name, int(occurrence)], [int(n) for n in numbers if n]
