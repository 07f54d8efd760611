"""Things that last from a start to an end, asked which of them reach an instant without a look at each of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from adapter.domain.history import BEFORE_ALL

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans(Generic[T]):
    """Doses, drugs or reaction windows in the order of their starts, under a tree of their latest ends."""

    things: tuple[T, ...]
    starts: tuple[datetime, ...]
    latest_ends: list[datetime]
    """A complete binary tree as a list: the root at 1, the children of `k` at `2k` and `2k + 1`, the ends as leaves."""

    def reaching(self, at: datetime, *, begun_by: datetime) -> Iterator[T]:
        """What began by an instant and ended at another one or later; the last begun comes first."""
        place: int | None = bisect_right(self.starts, begun_by)
        while place is not None:
            place = self._last_reaching(at, place)
            if place is not None:
                yield self.things[place]

    def begun(self, by: datetime) -> T | None:
        """The last thing begun by an instant."""
        count = bisect_right(self.starts, by)
        return self.things[count - 1] if count else None

    def following(self, after: datetime) -> T | None:
        """The first thing begun after an instant."""
        place = bisect_right(self.starts, after)
        return self.things[place] if place < len(self.things) else None

    def beginning(self, after: datetime, by: datetime) -> tuple[T, ...]:
        """What began after one instant and by another."""
        return self.things[bisect_right(self.starts, after) : bisect_right(self.starts, by)]

    def _last_reaching(self, at: datetime, below: int) -> int | None:
        """The last place below another whose end is at the instant or later."""
        ends, leaves = self.latest_ends, len(self.latest_ends) // 2
        node = leaves + below
        while node > 1:
            if node % 2 and ends[node - 1] >= at:
                node -= 1
                while node < leaves:
                    node = 2 * node + (ends[2 * node + 1] >= at)
                return node - leaves
            node //= 2
        return None


def ordered_spans(things: Sequence[T], starts: Sequence[datetime]) -> Spans[T]:
    """Things of which only the starts matter, in the order of these."""
    return Spans(things=tuple(things), starts=tuple(starts), latest_ends=[])


def spans(things: Sequence[T], starts: Sequence[datetime], ends: Sequence[datetime]) -> Spans[T]:
    """Things that are in the order of their starts, with their starts and ends."""
    leaves = 1 << len(things).bit_length()
    latest = [BEFORE_ALL] * leaves + list(ends) + [BEFORE_ALL] * (leaves - len(things))
    for node in range(leaves - 1, 0, -1):
        latest[node] = max(latest[2 * node], latest[2 * node + 1])
    return Spans(things=tuple(things), starts=tuple(starts), latest_ends=latest)
