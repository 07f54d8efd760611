"""Control ids of our own acknowledgments: unique over restarts, at most 20 characters (MSH-10)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LAST_TWO = tuple(first + second for first in DIGITS for second in DIGITS)


def control_ids(prefix: str, started_ns: int) -> Callable[[], str]:
    """A counter that begins at the start time of the process in base 36."""
    numbers = itertools.count(started_ns // 1000)

    def following() -> str:
        front, last = divmod(next(numbers), len(LAST_TWO))
        return f"{prefix}{_base36(front)}{LAST_TWO[last]}"

    return following


@lru_cache(maxsize=4)
def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, len(DIGITS))
        digits = DIGITS[rest] + digits
    return digits or "0"
