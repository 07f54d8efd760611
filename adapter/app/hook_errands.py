"""What a source told at its hook, followed up at its server by the thread that polls it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from adapter.app.counters import ALARMS, HOOK_GAPS
from adapter.app.hook_numbers import Hole
from adapter.pipeline.poll import Server
from adapter.pipeline.polled import Intake
from adapter.pipeline.read_back import missed_events, read_back
from adapter.store.hook_notes import HookNotes
from adapter.transport.fhir_client import Permanent

PORTION = 200
"""Records read between two notes of what is done."""


class Errands(Protocol):
    """What a polling thread does beside its polls."""

    @property
    def due(self) -> bool:
        """Whether something waits."""

    def run(self) -> None:
        """Do all that waits; what could not be done is due again. Raises Transient and the like."""

    def wants_whole(self) -> bool:
        """Whether only a whole poll tells what happened; asked once."""


class NoErrands:
    """Of a source without a hook."""

    due = False

    def run(self) -> None:
        """Nothing waits."""

    def wants_whole(self) -> bool:
        """Nobody asked for one."""
        return False


class HookErrands:
    """Records to be read back, and events that did not come."""

    def __init__(self, source: str, notes: HookNotes, server: Server, intake: Intake, types: Sequence[str]) -> None:
        self._source = source
        self._notes = notes
        self._server = server
        self._intake = intake
        self._types = types
        self._lock = threading.Lock()
        self._reads = bool(notes.reads(source, 1))
        """Also after a start: what was told before it is still to be read."""
        self._holes: list[tuple[Hole, Callable[[Hole], None]]] = []
        self._whole = False

    def read(self) -> None:
        """Something was noted that is to be read."""
        self._reads = True

    def ask(self, hole: Hole, settled: Callable[[Hole], None]) -> None:
        """Ask for events that did not come; `settled` is told once they need not be asked for again."""
        with self._lock:
            self._holes.append((hole, settled))

    @property
    def due(self) -> bool:
        """Whether something waits."""
        return self._reads or bool(self._holes)

    def run(self) -> None:
        """Ask for what is missing, then read what was named."""
        while self._holes:
            self._close(*self._holes[0])
            with self._lock:
                self._holes.pop(0)
        while self._reads:
            self._reads = False
            try:
                self._read_all()
            except BaseException:
                self._reads = True
                raise

    def wants_whole(self) -> bool:
        """Whether only a whole poll tells what happened; asked once."""
        wanted, self._whole = self._whole, False
        return wanted

    def _close(self, hole: Hole, settled: Callable[[Hole], None]) -> None:
        told = missed_events(
            self._server, self._intake, hole.subscription, hole.first, hole.last, self._types, self._refused
        )
        HOOK_GAPS.labels(self._source, "asked" if told else "polled").inc()
        self._whole = self._whole or not told
        settled(hole)

    def _read_all(self) -> None:
        while places := self._notes.reads(self._source, PORTION):
            done: dict[str, int] = {}
            try:
                for one in read_back(self._server, self._intake, list(places), self._types, self._refused):
                    done[one] = places[one]
            finally:
                self._notes.settle_reads(self._source, done)

    def _refused(self, refusal: Permanent) -> None:
        ALARMS.labels("hook-not-read").inc()
        structlog.get_logger().warning("hook-not-read", source=self._source, reason=str(refusal))
