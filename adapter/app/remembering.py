"""What is looked up for each sender, remembered within bounds: MSH-3 and MSH-4 are whatever a peer writes there."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from adapter.pipeline.reception import NAME_LIMIT_CHARS

SENDERS_REMEMBERED = 4096

Found = TypeVar("Found")


def remembered(find: Callable[[str], Found]) -> Callable[[str], Found]:
    """`find`, asked once for each of the senders heard last; what no sender is called is never kept."""
    known = lru_cache(SENDERS_REMEMBERED)(find)

    def of(sender: str) -> Found:
        return known(sender) if len(sender) <= NAME_LIMIT_CHARS else find(sender)

    return of
