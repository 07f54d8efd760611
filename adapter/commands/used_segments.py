"""Which segments of a message lie beside results of ours, and which of those no path of a mapping reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapter.commands.judged_rows import ResultRow
from adapter.ingest.hl7v2 import Message, Segment
from adapter.ingest.scopes import OF_AN_ORDER, Scope, walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """The results of ours of one order."""

    rows: tuple[ResultRow, ...]
    above: tuple[Segment, ...]
    """What stands above the orders of the patient."""
    order: tuple[Segment, ...]


class Surroundings:
    """The segments beside results of ours."""

    def __init__(self, rows: Sequence[ResultRow]) -> None:
        """`rows` are results of one message, at least one."""
        self.message = rows[0].scope.message
        self.groups = _groups(rows)
        self._out_of_reach = {
            segment.index for group in self.groups for segment in group.above if segment.name in OF_AN_ORDER
        }
        self._followers = _followers(self.message, rows)

    def parts(self, segment: Segment) -> Iterator[tuple[Segment, bool]]:
        """A segment and what was left behind it, each with whether a path reaches it."""
        yield segment, segment.index not in self._out_of_reach
        yield from ((left, False) for left in self._followers.get(segment.index, ()))

    def every(self) -> list[tuple[Segment, bool]]:
        """All segments beside the results in the order of the message, each with whether a path reaches it."""
        found = {
            part.index: (part, reached)
            for group in self.groups
            for segment in (*group.above, *group.order, *(s for row in group.rows for s in own(row)))
            for part, reached in self.parts(segment)
        }
        return [found[index] for index in sorted(found)]


def own(row: ResultRow) -> tuple[Segment, ...]:
    """A result and its notes."""
    return (row.scope.row, *row.scope.notes)


def _groups(rows: Iterable[ResultRow]) -> list[Neighbourhood]:
    """The results by their orders; one that two mappings read stands there once."""
    once = {(row.scope.row.name, row.scope.row.index): row for row in reversed(list(rows))}
    groups: dict[tuple[int, int], list[ResultRow]] = {}
    for row in reversed(once.values()):
        groups.setdefault((id(row.scope.order), id(row.scope.above)), []).append(row)
    return [
        Neighbourhood(rows=tuple(group), above=_above(group[0].scope), order=_of_order(group[0].scope))
        for group in groups.values()
    ]


def _above(scope: Scope) -> tuple[Segment, ...]:
    return tuple(segment for named in scope.above.values() for segment in named)


def _of_order(scope: Scope) -> tuple[Segment, ...]:
    return tuple(segment for named in scope.order.by_name.values() for segment in named) if scope.order else ()


def _followers(message: Message, rows: Iterable[ResultRow]) -> dict[int, list[Segment]]:
    """Segments that belong to no result and no order (a note below an order, say), by the one they stand behind."""
    names = dict.fromkeys(row.scope.row.name for row in rows)
    placed = {index for name in names for index in _placed(message, name)}
    found: dict[int, list[Segment]] = {}
    before: int | None = None
    for segment in message.segments:
        if segment.index in placed:
            before = segment.index
        elif segment.name == "PID":
            before = None  # of another patient, who has no result
        elif before is not None:
            found.setdefault(before, []).append(segment)
    return found


def _placed(message: Message, row_name: str) -> Iterator[int]:
    walked = walk(message, "", row_name)
    aboves = {id(scope.above): scope for scope in walked.scopes}
    for scope in aboves.values():
        yield from (segment.index for segment in _above(scope))
    for order in walked.orders:
        yield from (segment.index for named in order.by_name.values() for segment in named)
    for scope in walked.scopes:
        yield scope.row.index
        yield from (note.index for note in scope.notes)
