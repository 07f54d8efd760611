"""One polling thread per source: a server that is down delays no other, and nothing else of the service."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from adapter.app.counters import ALARMS, LAST_POLL, POLLS
from adapter.app.hook_errands import Errands, NoErrands
from adapter.pipeline.poll import Rhythm, Server, poll_changes
from adapter.pipeline.poll_patient import Courses, Seen, look_at, roster, take_seen
from adapter.pipeline.polled import Intake
from adapter.settings import PollSettings
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.polls import Polls
from adapter.transport.fhir_client import Ambiguous, FhirFailure, Permanent, Transient
from adapter.transport.pauses import Pauses

FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 300.0
AT_ONCE_EVERY_S = 10.0
"""What is asked for out of turn is gathered for so long: a ward's results often come together."""
AT_ONCE_PATIENTS = 20
PATIENTS_WAITING_LIMIT = 2000
"""Further patients are left to the next whole poll."""
AWAITED_LIMIT = 2000
EXIT_BROKEN = 70


class Waits(Courses, Protocol):
    """What a state tells a poll."""

    def awaited(self, source: str, limit: int) -> list[str]:
        """References that messages of the work list wait for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollParts:
    """What one source's polls work with."""

    source: str
    settings: PollSettings
    rhythm: Rhythm
    server: Server
    polls: Polls
    state: Waits
    intake: Intake
    wake_engine: Callable[[], None]
    errands: Errands = field(default_factory=NoErrands)
    at_once_every_s: float = AT_ONCE_EVERY_S
    first_pause_s: float = FIRST_PAUSE_S


class Poller:
    """Polls one source whenever a timer, a hook or a level asks for it."""

    def __init__(self, parts: PollParts) -> None:
        self._p = parts
        self.source = parts.source
        self._wake, self._stop = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._whole = False
        self._hinted = False
        self._references = False
        self._patients: OrderedDict[str, None] = OrderedDict()
        self._left: dict[str, None] = {}
        """Patients of a whole poll under way: after a failure it goes on with them."""
        self._at_once_from = 0.0
        self._pauses = Pauses(first_s=parts.first_pause_s, longest_s=LONGEST_PAUSE_S)
        self._failing: str | None = None
        self._thread = threading.Thread(target=self._run, name=f"poll-{self.source}", daemon=True)

    def start(self) -> None:
        """Poll once, and whenever somebody asks."""
        last = self._p.polls.last_complete().get(self.source)
        LAST_POLL.labels(self.source).set((last or self._p.intake.clock()).timestamp())
        self.whole()
        self._thread.start()

    def end(self) -> None:
        """Finish the page in hand and end; what was not polled to its end is polled again."""
        self._stop.set()
        self._wake.set()

    def join(self, patience_s: float) -> None:
        """Wait until it has ended; a server that does not answer is waited for no longer than this."""
        if self._thread.ident is not None:
            self._thread.join(patience_s)

    def whole(self) -> None:
        """It is time for a whole poll."""
        self._whole = True
        self._wake.set()

    def hint(self) -> None:
        """Somebody says that something is new: a whole poll soon, one for many hints."""
        with self._lock:
            self._hinted = True
        self._wake.set()

    def rouse(self) -> None:
        """An errand waits."""
        self._wake.set()

    def patients(self, patients: Sequence[str]) -> None:
        """Poll these patients at once: their doses matter now."""
        with self._lock:
            for patient in patients:
                if len(self._patients) < PATIENTS_WAITING_LIMIT:
                    self._patients[patient] = None
        self._wake.set()

    def awaited(self) -> None:
        """A message waits for something that can be read."""
        self._references = True
        self._wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(self._idle_s())
            self._wake.clear()
            if self._stop.is_set():
                return
            try:
                self._pauses.check()
            except Transient:
                continue
            self._turn()

    def _idle_s(self) -> float | None:
        """How long to sleep at most: until something that waits may be done."""
        if not (self._whole or self._soon()):
            return None
        try:
            self._pauses.check()
        except Transient as failure:
            return failure.retry_after_s
        return 0.0 if self._whole else max(self._at_once_from - time.monotonic(), 0.0)

    def _soon(self) -> bool:
        """Whether something waits that is gathered for a while."""
        return bool(self._hinted or self._references or self._patients or self._p.errands.due)

    def _turn(self) -> None:
        """What is due now: first the patients somebody looks at, then everything."""
        out_of_turn = time.monotonic() >= self._at_once_from
        if out_of_turn and self._soon():
            self._at_once_from = time.monotonic() + self._p.at_once_every_s
            with self._lock:
                self._whole, self._hinted = self._whole or self._hinted, False
            self._of_some()
        if self._whole and not self._is_pausing():
            self._whole = False
            if not self._done("whole", self._everything):
                self._whole = True

    def _is_pausing(self) -> bool:
        try:
            self._pauses.check()
        except Transient:
            return True
        return False

    def _of_some(self) -> None:
        with self._lock:
            patients = list(self._patients)[:AT_ONCE_PATIENTS]
            for patient in patients:
                del self._patients[patient]
        if self._p.errands.due:
            self._done("hints", self._p.errands.run)
            self._whole = self._whole or self._p.errands.wants_whole()
        references, self._references = self._references, False
        if references and not self._done("references", self._resolve):
            self._references = True
        left = dict.fromkeys(patients)
        if patients and not self._done("patients", lambda: self._each(patients, left)):
            self.patients(list(left))

    def _everything(self) -> None:
        self._resolve()
        if self._p.settings.mode == "per-patient":
            if not self._left:
                now = self._p.intake.clock()
                self._left = dict.fromkeys(roster(self._p.state, now, self._p.rhythm.window))
            asked = list(self._left)
            if asked and self._each(asked, self._left)["refused"] == len(asked):
                raise Permanent(0, "the FHIR server refuses every patient")
        else:
            poll_changes(self._p.server, self._p.rhythm, self._p.polls, self._p.intake)
        at = self._p.intake.clock()
        self._p.polls.put_complete(self.source, at)
        LAST_POLL.labels(self.source).set(at.timestamp())

    def _resolve(self) -> None:
        awaited = self._p.state.awaited(self.source, AWAITED_LIMIT)
        if awaited:
            self._p.intake.resolve(awaited)

    def _each(self, patients: Sequence[str], left: dict[str, None]) -> Counter[str]:
        """Patients one by one, several asked for at a time; one the server refuses does not keep the others waiting."""
        counts: Counter[str] = Counter()
        if not patients:
            return counts
        told = self._p.server.greeting().told_at
        now = told or self._p.intake.clock()
        with ThreadPoolExecutor(self._p.settings.concurrency, thread_name_prefix=f"poll-{self.source}") as together:
            for start in range(0, len(patients), self._p.settings.concurrency):
                if self._stop.is_set():
                    raise Transient("the service stops")
                part = patients[start : start + self._p.settings.concurrency]
                for patient, seen in zip(part, together.map(lambda one: self._looked(one, now), part), strict=True):
                    counts += self._taken(patient, seen)
                    left.pop(patient, None)
        return counts

    def _looked(self, patient: str, now: datetime) -> Seen | Permanent | None:
        try:
            return look_at(self._p.server, self._p.rhythm, self._p.state, patient, self.source, now)
        except Permanent as refusal:
            return refusal

    def _taken(self, patient: str, seen: Seen | Permanent | None) -> Counter[str]:
        if seen is None:
            return Counter(unknown_patients=1)
        try:
            if isinstance(seen, Permanent):
                raise seen
            return take_seen(self._p.server, self._p.rhythm, self._p.state, self._p.intake, patient, seen)
        except Permanent as refusal:
            ALARMS.labels("patient-not-polled").inc()
            structlog.get_logger().warning("patient-not-polled", source=self.source, reason=str(refusal))
            return Counter(refused=1)

    def _done(self, what: str, do: Callable[[], object]) -> bool:
        """Whether it went well; if not, a pause begins, and it is told when the reason is another one."""
        with self._sorted(what) as went:
            do()
            went.append(True)
            self._went_well(what)
        self._p.wake_engine()  # also after a failure: pages before it are kept
        return bool(went)

    @contextmanager
    def _sorted(self, what: str) -> Iterator[list[bool]]:
        went: list[bool] = []
        try:
            yield went
        except (Transient, Ambiguous, Permanent) as failure:
            self._failed(what, failure)
        except CannotKeep as fault:
            ALARMS.labels("inbox-cannot-keep").inc()
            self._failed(what, Transient(str(fault)))
        except StoreBroken:
            if self._stop.is_set():
                return  # closed behind us
            structlog.get_logger().critical("store-broken")
            os._exit(EXIT_BROKEN)
        except Exception as fault:  # noqa: BLE001 - a fault of ours must not end the polls for good
            self._failed(what, Transient(f"a fault of ours: {type(fault).__name__}"))

    def _went_well(self, what: str) -> None:
        POLLS.labels(self.source, "complete").inc()
        self._pauses.went_well()
        if self._failing is not None and what == "whole":
            structlog.get_logger().info("poll-works-again", source=self.source)
            self._failing = None

    def _failed(self, what: str, failure: FhirFailure) -> None:
        if self._stop.is_set():
            return
        POLLS.labels(self.source, "failed").inc()
        asked_s = failure.retry_after_s if isinstance(failure, Transient) else None
        self._pauses.begin(Transient(str(failure), retry_after_s=asked_s))
        if str(failure) != self._failing:
            self._failing = str(failure)
            ALARMS.labels("poll-failed").inc()
            structlog.get_logger().error("poll-failed", source=self.source, kind=what, reason=str(failure))
