"""Many senders, one sync: the thread that keeps messages in batches and answers each sender when its own is on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic, perf_counter, sleep
from typing import NamedTuple, Protocol

from adapter.domain.message import Arrival, Kept
from adapter.store.crash_points import reached
from adapter.store.faults import CannotKeep, StoreBroken

BATCH_LIMIT_MESSAGES = 512
BATCH_LIMIT_BYTES = 8 * 1024 * 1024
GATHERING_SHARE = 0.1
"""Share of the last sync's time to wait for company before the next one."""
GATHERING_LIMIT_S = 0.0002
IDLE_FLUSH_S = 1.0
BUSY_FLUSH_S = 0.5
"""How long notes wait at least while messages come one after the other."""


class Inbox(Protocol):
    """What the thread needs of an inbox."""

    def keep(self, batch: Sequence[Arrival]) -> list[Kept]:
        """Store a batch, on disk on return."""

    def flush(self) -> bool:
        """Write a portion of what was noted; gives whether more waits."""

    def last_seq(self) -> int:
        """The newest place."""


class Waiting(Protocol):
    """Whoever waits for a message to be kept, as a future does; told in the writing thread."""

    def set_running_or_notify_cancel(self) -> bool:
        """Whether it still wants to be told."""

    def set_result(self, kept: Kept, /) -> None:
        """The message is on disk."""

    def set_exception(self, fault: BaseException, /) -> None:
        """It is not: CannotKeep or StoreBroken."""


class Request(NamedTuple):
    """A message to be kept, and who waits for it."""

    arrival: Arrival
    future: Waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spare:
    work: Callable[[], None]
    future: Future[None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    future: Future[int]


class GroupCommit:
    """Owns the writing thread of one inbox.

    A message travels inside one queue entry together with its future, so that no batch can ever be
    answered without having been written: nothing is shared between the threads but the queue.
    """

    def __init__(self, inbox: Inbox, on_broken: Callable[[StoreBroken], None] | None = None) -> None:
        self._inbox = inbox
        self._on_broken = on_broken
        self._queue: SimpleQueue[Request | _Spare | _Mark | None] = SimpleQueue()
        self._spare: deque[_Spare] = deque()
        self._mark: _Mark | None = None
        self._gate = Lock()
        self._closed = False
        self._broken: StoreBroken | None = None
        self._last_keep_s = 0.0
        self._flushed_at = monotonic()
        self._more_notes = False
        self._company = False
        self._thread = Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    @property
    def broken(self) -> StoreBroken | None:
        """The fault after which nothing may be acknowledged any more, None while all is well."""
        return self._broken

    def submit(self, arrival: Arrival) -> Future[Kept]:
        """Hand over one message; the future fails with CannotKeep or StoreBroken when it is not on disk."""
        future: Future[Kept] = Future()
        self.hand_over(Request(arrival, future))
        return future

    def hand_over(self, request: Request) -> None:
        """Hand over one message; whoever waits for it hears CannotKeep or StoreBroken when it is not on disk."""
        self._put(request)

    def when_idle(self, work: Callable[[], None]) -> Future[None]:
        """Have a short piece of writing done by the writing thread at a moment when no message waits for it.

        The future fails with what the work raises, or with CannotKeep when the inbox closes before its turn.
        """
        future: Future[None] = Future()
        self._put(_Spare(work=work, future=future))
        return future

    def mark(self) -> Future[int]:
        """The newest place when everything handed over before is kept, and nothing that is handed over after.

        The future fails with CannotKeep or StoreBroken when that cannot be told.
        """
        future: Future[int] = Future()
        self._put(_Mark(future=future))
        return future

    def _put(self, entry: Request | _Spare | _Mark) -> None:
        with self._gate:
            if self._closed or self._broken:
                entry.future.set_exception(self._broken or CannotKeep("The inbox is closing."))
            else:
                self._queue.put(entry)

    def close(self) -> None:
        """Keep everything handed over so far, then end the thread."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._write_on()
        except Exception as fault:  # noqa: BLE001 (a thread that ends without a word leaves every sender waiting)
            self._break(StoreBroken(f"The writing thread met a fault of ours ({type(fault).__name__})."), [])
            self._refuse_what_is_left()

    def _refuse_what_is_left(self) -> None:
        assert self._broken  # noqa: S101 - so nothing more comes into the queue
        waiting: list[Request | _Spare | _Mark | None] = [self._mark, *self._spare]
        with suppress(Empty):
            while True:
                waiting.append(self._queue.get_nowait())
        for one in waiting:
            if one is not None and one.future.set_running_or_notify_cancel():
                one.future.set_exception(self._broken)

    def _write_on(self) -> None:
        going = True
        while going:
            batch, going = self._gather()
            self._company = len(batch) > 1
            if self._broken:
                _fail(batch, self._broken)
            elif batch:
                self._write(batch)
                if not self._broken and (self._more_notes or monotonic() - self._flushed_at >= BUSY_FLUSH_S):
                    self._flush()
            elif not self._spare or monotonic() - self._flushed_at >= IDLE_FLUSH_S:
                self._flush()
            if self._mark:
                self._tell_mark(self._mark.future)
                self._mark = None
            if self._spare and self._queue.empty():
                self._work(self._spare.popleft())
        for spare in self._spare:
            spare.future.set_exception(CannotKeep("The inbox is closing."))

    def _gather(self) -> tuple[list[Request], bool]:
        """The next batch (empty when nothing came for a while, or only other work), and whether more may follow."""
        batch: list[Request] = []
        try:
            entry = self._queue.get(timeout=0 if self._spare or self._more_notes else IDLE_FLUSH_S)
        except Empty:
            return batch, True
        if self._company:
            sleep(min(GATHERING_SHARE * self._last_keep_s, GATHERING_LIMIT_S))
        size = 0
        while entry is not None:
            if isinstance(entry, _Mark):
                self._mark = entry
                return batch, True
            if isinstance(entry, _Spare):
                self._spare.append(entry)
            else:
                batch.append(entry)
                size += len(entry.arrival.raw)
            if len(batch) >= BATCH_LIMIT_MESSAGES or size >= BATCH_LIMIT_BYTES:
                return batch, True
            try:
                entry = self._queue.get_nowait()
            except Empty:
                return batch, True
        return batch, False

    def _tell_mark(self, future: Future[int]) -> None:
        try:
            future.set_result(self._inbox.last_seq())
        except (CannotKeep, StoreBroken) as fault:
            future.set_exception(fault)

    def _work(self, spare: _Spare) -> None:
        if self._broken:
            spare.future.set_exception(self._broken)
            return
        try:
            spare.work()
        except StoreBroken as broken:
            spare.future.set_exception(broken)
            self._break(broken, [])
        except Exception as fault:  # noqa: BLE001 (what messages need goes on; whoever asked for the work hears of it)
            spare.future.set_exception(fault)
        else:
            spare.future.set_result(None)

    def _write(self, batch: list[Request]) -> None:
        started = perf_counter()
        reached("batch-gathered")
        try:
            kept = self._inbox.keep([request.arrival for request in batch])
        except StoreBroken as broken:
            self._break(broken, batch)
        except CannotKeep as fault:
            _fail(batch, fault)
        except Exception:  # noqa: BLE001 (one message the inbox cannot take must not cost the others their place)
            self._write_each(batch)
        else:
            reached("batch-on-disk")
            for request, place in zip(batch, kept, strict=True):
                _settle(request, place)
            reached("batch-handed-back")
        self._last_keep_s = perf_counter() - started

    def _write_each(self, batch: list[Request]) -> None:
        if len(batch) == 1:
            _fail(batch, CannotKeep("The inbox cannot take this message."))
            return
        for request in batch:
            if self._broken:
                _fail([request], self._broken)
            else:
                self._write([request])

    def _flush(self) -> None:
        self._flushed_at = monotonic()
        self._more_notes = False
        try:
            self._more_notes = self._inbox.flush()
        except CannotKeep:
            return
        except StoreBroken as broken:
            self._break(broken, [])

    def _break(self, broken: StoreBroken, batch: list[Request]) -> None:
        with self._gate:
            self._broken = broken
        _fail(batch, broken)
        if self._on_broken:
            self._on_broken(broken)


def _settle(request: Request, kept: Kept) -> None:
    if request.future.set_running_or_notify_cancel():
        request.future.set_result(kept)


def _fail(batch: list[Request], fault: Exception) -> None:
    for request in batch:
        if request.future.set_running_or_notify_cancel():
            request.future.set_exception(fault)
