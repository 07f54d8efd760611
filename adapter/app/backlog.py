"""What was kept before the engine began: taken in the order in which it came, whichever inbox it lies in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from heapq import merge

from adapter.domain.message import Stored

Waiting = tuple[str, Stored]
"""A kept message and the name of its inbox."""


def in_order_of_arrival(portions: Mapping[str, Sequence[Stored]], full: int) -> list[Waiting]:
    """The next messages of several inboxes, each inbox in its own order, as far as their order among them is known.

    Behind the last message of a `full` portion more may lie that came before those of the others.  A state that is
    built anew comes so to the same outputs: whether a Flag is the first of its dose hangs on what came before it.
    """
    rows = [[(name, stored) for stored in portion] for name, portion in portions.items()]
    ordered = list(merge(*rows, key=_received))
    ends = [(one[-1][0], one[-1][1].seq) for one in rows if one and len(one) >= full]
    places = [(name, stored.seq) for name, stored in ordered]
    return ordered[: min((places.index(end) + 1 for end in ends), default=len(ordered))]


def _received(one: Waiting) -> datetime:
    return one[1].arrival.received_at
