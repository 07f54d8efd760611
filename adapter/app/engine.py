"""The engine thread of core: takes kept messages in order, and patients whose time has come, one at a time."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog

from adapter.app.backlog import Waiting, in_order_of_arrival
from adapter.app.boundary import Boundary
from adapter.app.counters import ALARMS, CHANGES, EVENTS, PROBLEMS
from adapter.app.inboxes import Readable, message_ref
from adapter.domain.message import MessageRef, Stored
from adapter.pipeline.parts import Parts
from adapter.pipeline.process import Processed, fault_place, process, reassess, reread
from adapter.pipeline.understand import read_ahead
from adapter.store.faults import CannotKeep, GroupUndone, StoreBroken

POLL_S = 0.05
FAILED_REST_S = 60.0
"""A patient our rules cannot read stays due; he is tried again, but not with every tick of the clock."""
BATCH = 200
GROUP_S = 0.1
"""How long messages are gathered into one transaction: nothing is seen, or delivered, later than that."""
RETRY_S = 1.0
EXIT_BROKEN = 70


class Cursors(Protocol):
    """How far each inbox was processed."""

    def cursor(self, inbox: str) -> int:
        """The last processed place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineParts:
    """What the engine works with."""

    parts: Parts
    cursors: Cursors
    inboxes: Sequence[Readable]
    clock: Callable[[], datetime]
    after_commit: Callable[[], None]
    """Called when something changed that may have to be delivered."""
    told: Callable[[Processed], None] = lambda _: None
    """Called with every step, after its commit."""
    together: Callable[[], AbstractContextManager[None]] = nullcontext
    """Makes the commits inside one: many waiting messages cost one sync."""
    end: Callable[[int], None] = os._exit
    """What follows a store, or an engine, that cannot go on: the process of the service ends and is started again."""


class Engine:
    """One thread, so that a patient is never interpreted twice at once."""

    def __init__(self, engine_parts: EngineParts) -> None:
        self._p = engine_parts
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._due: deque[str] = deque()
        self._again: deque[tuple[MessageRef, Callable[[Processed], None], bool]] = deque()
        self._resting_until: dict[str, float] = {}
        self.boundary = Boundary(self._wake.set)
        """Where other parts take the place of those in use."""
        self._begun, self._alone = 0, 0
        """Messages begun in the last group, and how many of a group that was undone are still taken one by one."""
        self._backlog_to: dict[str, int] = {}
        """The last places of the inboxes at the start, as long as anything up to there waits."""
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        """Begin where the cursors stand."""
        self._backlog_to = {inbox.name: inbox.last_seq() for inbox in self._p.inboxes}
        self._thread.start()

    def stop(self, patience_s: float) -> None:
        """Finish the message in hand and end."""
        self._stop.set()
        self._wake.set()
        self._thread.join(patience_s)

    def wake(self) -> None:
        """Something was kept: look at once."""
        self._wake.set()

    def reassess(self, patients: Sequence[str]) -> None:
        """Interpret these patients again when their turn comes."""
        waiting = set(self._due) | self._resting()
        self._due.extend(patient for patient in patients if patient not in waiting)
        self._wake.set()

    def _resting(self) -> set[str]:
        """Those whose rest is not over; who has had his is forgotten, until he fails again."""
        now = time.monotonic()
        for patient, until in list(self._resting_until.items()):
            if until <= now:
                self._resting_until.pop(patient, None)
        return set(self._resting_until)

    def reread(self, message: MessageRef, told: Callable[[Processed], None], released: bool = False) -> None:  # noqa: FBT001, FBT002 - as `Replays` calls it
        """Read a message again when nothing new waits, and tell what came of it, in the thread of the engine."""
        self._again.append((message, told, released))
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                busy = not self._on_hold() and self._step()
            except CannotKeep:
                ALARMS.labels("state-cannot-keep").inc()
                structlog.get_logger().error("cannot-keep", reason="state")
                self._stop.wait(RETRY_S)
                continue
            except StoreBroken:
                structlog.get_logger().critical("store-broken")
                self._p.end(EXIT_BROKEN)
                return
            except Exception as fault:  # noqa: BLE001 - a bug of ours: say its kind, never its text, and be restarted
                structlog.get_logger().critical("engine-failed", exception=type(fault).__name__)
                self._p.end(EXIT_BROKEN)
                return
            if not busy:
                self._wake.wait(POLL_S)
                self._wake.clear()

    def _on_hold(self) -> bool:
        """Whether nothing may be begun, which is told when nothing is in hand."""
        return not self._again and self.boundary.holds()

    def _is_to_pause(self) -> bool:
        return self._stop.is_set() or (self.boundary.wanted and not self._again)

    def _waiting(self, inbox: Readable) -> list[Stored]:
        return self.boundary.before(inbox.name, inbox.after(self._p.cursors.cursor(inbox.name), BATCH))

    def _follow(self) -> None:
        """Work with what is to follow, when everything before it was read."""
        following = self.boundary.following
        if following and not any(self._waiting(inbox) for inbox in self._p.inboxes):
            self._p = replace(self._p, parts=following.parts)
            self.boundary.pass_it()

    def _step(self) -> bool:
        busy = False
        self._follow()
        for waiting in self._portions():
            left = waiting
            busy = busy or bool(left)
            while left:
                if self._is_to_pause():
                    return False
                left = left[self._take(left) :]
        while self._due and not self._is_to_pause():
            self._reassess(self._due[0])
            self._due.popleft()
            busy = True
        return self._read_again() or busy

    def _portions(self) -> Iterator[Sequence[Waiting]]:
        """What waits, inbox by inbox, so that much in one delays no other; what waited at the start as it came."""
        if self._backlog_to:
            yield self._backlog()
        for inbox in self._p.inboxes:
            waiting = self._waiting(inbox)
            if waiting and waiting[0].seq > self._backlog_to.get(inbox.name, 0):
                yield [(inbox.name, stored) for stored in waiting]

    def _backlog(self) -> Sequence[Waiting]:
        ends = self._backlog_to
        behind = {inbox.name: self._waiting(inbox) for inbox in self._p.inboxes}
        waiting = in_order_of_arrival(
            {name: [stored for stored in portion if stored.seq <= ends[name]] for name, portion in behind.items()},
            full=BATCH,
        )
        if not waiting:
            self._backlog_to = {}
        return waiting

    def _read_again(self) -> bool:
        """One message at a time, so that no new one waits for long."""
        if not self._again or self._stop.is_set():
            return False
        message, told, released = self._again[0]
        done = reread(message, self._p.parts, self._p.clock(), released=released)
        self._again.popleft()
        self._observe(done)
        told(done)
        return True

    def _take(self, waiting: Sequence[Waiting]) -> int:
        """Process the first of the waiting messages, and as many with it as a short time allows; gives their number."""
        try:
            done = self._processed(waiting[:1] if self._alone else waiting)
        except GroupUndone:
            # One of them meets a fault of ours while it is written: alone it is quarantined, and spoils no other.
            self._alone = self._begun
            return 0
        self._alone = max(self._alone - len(done), 0)
        for one in done:
            self._observe(one)
        return len(done)

    def _processed(self, waiting: Sequence[Waiting]) -> list[Processed]:
        if len(waiting) == 1:
            ((inbox, stored),) = waiting
            return [process(stored, message_ref(inbox, stored), self._p.parts, self._p.clock())]
        until = time.monotonic() + GROUP_S
        done: list[Processed] = []
        parts = self._p.parts
        ahead = read_ahead([stored.arrival for _, stored in waiting], parts)
        with self._p.together():
            for self._begun, ((inbox, stored), told) in enumerate(zip(waiting, ahead, strict=True), start=1):
                done.append(process(stored, message_ref(inbox, stored), parts, self._p.clock(), told=told))
                if self._stop.is_set() or time.monotonic() > until:
                    break
        return done

    def _reassess(self, patient: str) -> None:
        try:
            done = reassess(patient, self._p.parts, self._p.clock())
        except (CannotKeep, StoreBroken):
            raise
        except Exception as fault:  # noqa: BLE001 - one patient our rules cannot read must not stop the others
            ALARMS.labels("reassessment-failed").inc()
            structlog.get_logger().error("reassessment-failed", exception=fault_place(fault))
            self._resting_until[patient] = time.monotonic() + FAILED_REST_S
            return
        self._resting_until.pop(patient, None)
        self._observe(done)

    def _observe(self, done: Processed) -> None:
        if done.work.parked and done.work.parked.reason == "internal-error":
            ALARMS.labels("internal-error").inc()
            ref = done.work.parked.message
            structlog.get_logger().error("internal-error", inbox=ref.inbox, seq=ref.seq, exception=done.fault)
        elif done.work.parked:
            ref = done.work.parked.message
            reason = done.work.parked.reason
            structlog.get_logger().warning("message-parked", inbox=ref.inbox, seq=ref.seq, reason=reason)
        for recorded in done.work.events:
            EVENTS.labels(type(recorded.event).__name__).inc()
        for problem in done.work.problems:
            PROBLEMS.labels(problem.code).inc()
        for change in done.changes:
            CHANGES.labels(change.operation, change.after.kind).inc()
        self._p.told(done)
        if done.changes or done.work.owed_again:
            self._p.after_commit()
