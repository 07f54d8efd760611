"""Control ids of our own acknowledgments: unique over restarts, at most 20 characters (MSH-10)."""

from __future__ import annotations

import itertools
from collections.abc import Callable


def control_ids(prefix: str, started_ns: int) -> Callable[[], str]:
    """A counter that begins at the start time of the process in base 36."""
    numbers = itertools.count(started_ns // 1000)

    def following() -> str:
        return f"{prefix}{_base36(next(numbers))}"

    return following


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rest] + digits
    return digits or "0"
