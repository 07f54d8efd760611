"""The polls of all sources, as core holds them: threads that ask, and what makes them ask at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from adapter.app.counters import POLLED
from adapter.app.hook_errands import HookErrands, NoErrands
from adapter.app.hook_numbers import Hole
from adapter.app.keeping import GroupKeeper
from adapter.app.poll_server import Unhurried
from adapter.app.poll_sources import rhythm_of, watched_client
from adapter.app.polling import Poller, PollParts
from adapter.app.timers import Timer
from adapter.domain.events import ActivityMeasured
from adapter.domain.message import Arrival
from adapter.pipeline.parts import Parts
from adapter.pipeline.polled import Intake
from adapter.pipeline.process import Processed
from adapter.pipeline.references import References
from adapter.settings import PollSettings, Settings
from adapter.store.hook_notes import HookNotes
from adapter.store.polls import Polls
from adapter.store.sqlite_state import SqliteState


class SourcePolls:
    """Every source that is polled; a site that polls none has neither threads nor a file for it."""

    def __init__(
        self,
        settings: Settings,
        keeper: GroupKeeper,
        state: SqliteState,
        parts: Parts,
        wake_engine: Callable[[], None],
        clock: Callable[[], datetime],
        notes: HookNotes | None = None,
    ) -> None:
        """`notes`: what hooks left to be followed up."""
        self._notes = notes
        self._errands: dict[str, HookErrands] = {}
        self._parts = parts
        self._keeper = keeper
        self._clock = clock
        self._every_s = {name: float(poll.every_s) for name, poll in settings.polls}
        self._stopping = threading.Event()
        self._polls = Polls(settings.store) if settings.polls else None
        if self._polls and self._polls.start_behind(keeper.inbox.last_seq()):
            structlog.get_logger().warning("polls-begin-anew")
        self._pollers = [
            self._poller(name, poll, self._polls, state, wake_engine) for name, poll in settings.polls if self._polls
        ]

    def start(self) -> None:
        """Poll every source once, and go on."""
        for poller in self._pollers:
            poller.start()

    def stop(self, patience_s: float) -> None:
        """End after the pages in hand, then close the file; all of them together take no longer than the patience."""
        until = time.monotonic() + patience_s
        self._stopping.set()
        for poller in self._pollers:
            poller.end()
        for poller in self._pollers:
            poller.join(max(until - time.monotonic(), 0.0))
        if self._polls:
            self._polls.close()

    def timers(self) -> tuple[Timer, ...]:
        """When each source is polled whole."""
        return tuple(
            Timer(name=f"poll-{poller.source}", every_s=self._every_s[poller.source], do=poller.whole)
            for poller in self._pollers
        )

    def take(self, parts: Parts) -> None:
        """Judge what is polled by these from now on; new mappings make the next poll a wide one."""
        self._parts = parts

    def poll_now(self, source: str) -> bool:
        """A source says that it has something new (an empty hook): poll it soon; False when it is not polled."""
        found = [poller for poller in self._pollers if poller.source == source]
        for poller in found:
            poller.hint()
        return bool(found)

    def is_polled(self, source: str) -> bool:
        """Whether a source has a server that is asked."""
        return any(poller.source == source for poller in self._pollers)

    def read_back(self, source: str) -> None:
        """Something was noted that is to be read at this source."""
        if source in self._errands:
            self._errands[source].read()
            self._rouse(source)

    def ask(self, hole: Hole, settled: Callable[[Hole], None]) -> bool:
        """Ask a source for events that did not come; False when nobody can be asked."""
        if hole.source not in self._errands:
            return False
        self._errands[hole.source].ask(hole, settled)
        self._rouse(hole.source)
        return True

    def _rouse(self, source: str) -> None:
        for poller in self._pollers:
            if poller.source == source:
                poller.rouse()

    def told(self, done: Processed) -> None:
        """A step of the engine: a level makes its patient's doses matter now, a message may wait for something."""
        if not self._pollers:
            return
        measured = dict.fromkeys(
            row.event.patient for row in done.work.events if isinstance(row.event, ActivityMeasured)
        )
        waiting = done.work.parked
        for poller in self._pollers:
            if measured:
                poller.patients([patient for patient in measured if patient])
            if waiting and waiting.waits_for and waiting.message.source == poller.source:
                poller.awaited()

    def _poller(
        self, source: str, settings: PollSettings, polls: Polls, state: SqliteState, wake_engine: Callable[[], None]
    ) -> Poller:
        server = Unhurried(watched_client(source, settings), self._stopping.wait)
        intake = Intake(
            source=source,
            references=References(server, time.monotonic),
            memory=polls,
            keep=self._keep,
            parts=lambda: self._parts,
            clock=self._clock,
            observe=lambda counts: _count(source, counts),
        )
        if self._notes:
            self._errands[source] = HookErrands(source, self._notes, server, intake, settings.resources)
        return Poller(
            PollParts(
                source=source,
                settings=settings,
                rhythm=rhythm_of(settings),
                server=server,
                polls=polls,
                state=state,
                intake=intake,
                wake_engine=wake_engine,
                errands=self._errands.get(source, NoErrands()),
            )
        )

    def _keep(self, arrivals: Sequence[Arrival]) -> int:
        """Hand arrivals over in their order and wait until all are on disk."""
        kept = [self._keeper.submit(arrival) for arrival in arrivals]
        return max(one.result().seq for one in kept)


def _count(source: str, counts: Counter[str]) -> None:
    for state, number in counts.items():
        POLLED.labels(source, state).inc(number)
