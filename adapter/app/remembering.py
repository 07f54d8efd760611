"""What is looked up for each sender, remembered within bounds: MSH-3 and MSH-4 are whatever a peer writes there."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

SENDERS_REMEMBERED = 4096
LONGEST_REMEMBERED_CHARS = 512
"""Two fields of type HD at their longest (227 each in HL7 2.5.1) fit."""

Found = TypeVar("Found")


def remembered(find: Callable[[str], Found]) -> Callable[[str], Found]:
    """`find`, asked once for each of the senders heard last; what no sender is called is never kept."""
    known = lru_cache(SENDERS_REMEMBERED)(find)

    def of(sender: str) -> Found:
        return known(sender) if len(sender) <= LONGEST_REMEMBERED_CHARS else find(sender)

    return of
