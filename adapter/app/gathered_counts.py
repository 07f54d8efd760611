"""What nearly every message counts for, gathered for a moment and told to the metrics together.

To tell one message costs more than to answer it: each value is locked, looked at for a fork, and written to a file in
memory.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from prometheus_client import Counter as Metric
from prometheus_client import Gauge

from adapter.app.counters import ACK_SECONDS, RELEVANCE_OF, count, of_sender, received
from adapter.app.many_at_once import Histogram
from adapter.app.observing import Observe

TELL_AFTER_S = 0.01
"""How old a count may be before it is told; whoever looks at the metrics looks every few seconds."""


class GatheredCounts:
    """The counts of one loop; to be used by what runs on that loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, at_once: Observe = count) -> None:
        """`at_once` hears of what is not frequent."""
        self._loop = loop
        self._at_once = at_once
        self._counts = Counter[Metric]()
        self._now: set[Gauge] = set()
        self._waits: dict[Histogram, list[float]] = {}
        self._due = False

    def observe(self, event: str, facts: dict[str, Any]) -> None:
        """Count one observed event of receiving."""
        relevance = RELEVANCE_OF.get(event)
        if relevance is None:
            self._at_once(event, facts)
            return
        for metric in received(facts["listener"], relevance, facts["code"]):
            self._counts[metric] += 1
        self._soon()

    def heard(self, listener: str, sender: str) -> None:
        """Count a message of a sender, `MSH-3|MSH-4` as sent."""
        messages, last = of_sender(listener, sender)
        self._counts[messages] += 1
        self._now.add(last)
        self._soon()

    def answered(self, listener: str) -> Callable[[float], None]:
        """Takes the seconds until the answer of each message of a port."""
        waits = self._waits.setdefault(ACK_SECONDS.labels(listener), [])

        def note(seconds: float) -> None:
            waits.append(seconds)
            self._soon()

        return note

    def tell(self) -> None:
        """Tell the metrics what was gathered."""
        self._due = False
        for metric, times in self._counts.items():
            metric.inc(times)
        self._counts.clear()
        for last in self._now:
            last.set_to_current_time()
        self._now.clear()
        for histogram, waits in self._waits.items():
            histogram.observe_all(waits)
            waits.clear()

    def _soon(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_later(TELL_AFTER_S, self.tell)
