"""Log lines that a peer can cause at will, in measure: a port scanner or a health check must not fill the log."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

SPAN_S = 300.0
LINES_OF_A_HOST = 5
"""Of one event, within a span; further ones are counted."""
LINES_OF_AN_EVENT = 50
"""Of all hosts together."""
LEFT_OUT = "lines-left-out"


class Tell(Protocol):
    """One method of a logger: `info`, `warning`, `error`."""

    def __call__(self, event: str, **facts: Any) -> object:  # noqa: ANN401  (whatever a line carries)
        """Write one line."""


def _on_this_loop(delay_s: float, do: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(delay_s, do)


class MeasuredLog:
    """Writes the first lines of each event and host, then counts; the end of a span tells what it left out.

    A span begins with a line and ends by itself; one without anything left out ends in silence.
    """

    def __init__(
        self,
        tell: Tell,
        *,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], object] = _on_this_loop,
    ) -> None:
        """`later` calls something after so many seconds."""
        self._tell = tell
        self._clock = clock
        self._later = later
        self._began: float | None = None
        self._told: Counter[tuple[str, str]] = Counter()
        """By event and host, and by event with an empty host for all of them."""
        self._left_out: Counter[str] = Counter()

    def line(self, event: str, facts: Mapping[str, Any]) -> None:
        """Write a line, or count it; `peer` among the facts is `host:port`."""
        if self._began is None:
            self._began = self._clock()
            self._later(SPAN_S, self._end)
        host = str(facts.get("peer", "unknown")).rpartition(":")[0] or "unknown"
        if self._told[event, host] >= LINES_OF_A_HOST or self._told[event, ""] >= LINES_OF_AN_EVENT:
            self._left_out[event] += 1
            return
        self._told[event, host] += 1
        self._told[event, ""] += 1
        self._tell(event, **facts)

    def _end(self) -> None:
        seconds = round(self._clock() - (self._began or 0.0))
        left_out = self._left_out
        self._began, self._left_out = None, Counter()
        self._told.clear()
        for event, count in left_out.items():
            self._tell(LEFT_OUT, kind=event, count=count, seconds=seconds)
