"""Between the loop and other threads: what one turn of the loop hands over goes together, and comes back so."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple, TypeVar

TOGETHER_LIMIT = 16
"""Pieces of work in one hand-over: behind a slow one of them the others wait."""
ALONE_FROM_BYTES = 32 * 1024
"""Work on so much goes alone: it may take long."""

Made = TypeVar("Made")


class _Piece(NamedTuple):
    work: Callable[[], Any]
    made: asyncio.Future[Any]


class _Back(NamedTuple):
    """What came of something, for the future that waits for it."""

    made: asyncio.Future[Any]
    result: Any = None
    fault: BaseException | None = None

    def tell(self) -> None:
        if self.made.done():
            return
        if self.fault is None:
            self.made.set_result(self.result)
        elif isinstance(self.fault, asyncio.CancelledError):
            self.made.cancel()
        else:
            self.made.set_exception(_bearable(self.fault))
            self.made.exception()  # looked at: where nobody waits any more, asyncio would complain of it


class Handing:
    """The hand-overs of one loop, which is woken once for many results; to be used by what runs on that loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiting: dict[Executor, list[_Piece]] = {}
        self._back: deque[Callable[[], None]] = deque()
        self._woken = False

    def done_by(self, executor: Executor, work: Callable[[], Made], *, size_bytes: int) -> asyncio.Future[Made]:
        """What another thread makes of so many bytes; what is cancelled before its turn is not done."""
        piece = _Piece(work, self.loop.create_future())
        if size_bytes >= ALONE_FROM_BYTES:
            self._submit(executor, [piece])
        elif executor in self._waiting:
            self._waiting[executor].append(piece)
        else:
            self._waiting[executor] = [piece]
            self.loop.call_soon(self._hand_over, executor)
        return piece.made

    def back(self, future: Future[Made]) -> asyncio.Future[Made]:
        """The result of another thread's future, as the loop waits for it."""
        made: asyncio.Future[Made] = self.loop.create_future()
        future.add_done_callback(lambda done: self.bring(_came_of(done, made).tell))
        return made

    def _hand_over(self, executor: Executor) -> None:
        pieces = self._waiting.pop(executor)
        for start in range(0, len(pieces), TOGETHER_LIMIT):
            self._submit(executor, pieces[start : start + TOGETHER_LIMIT])

    def _submit(self, executor: Executor, pieces: Sequence[_Piece]) -> None:
        try:
            executor.submit(self._do, pieces).add_done_callback(lambda ran: self._ended(ran, pieces))
        except RuntimeError as fault:  # it is shut down
            for piece in pieces:
                _Back(piece.made, fault=fault).tell()

    def _do(self, pieces: Sequence[_Piece]) -> None:
        """Runs in another thread."""
        for piece in pieces:
            if piece.made.cancelled():
                continue
            try:
                back = _Back(piece.made, piece.work())
            except BaseException as fault:  # noqa: BLE001 - whoever waits for it hears of it
                back = _Back(piece.made, fault=fault)
            self.bring(back.tell)

    def _ended(self, ran: Future[None], pieces: Sequence[_Piece]) -> None:
        """Runs in any thread: of a batch the executor gave up nothing else would be heard."""
        if ran.cancelled() or ran.exception() is not None:
            for piece in pieces:
                self.bring(_came_of(ran, piece.made).tell)

    def bring(self, tell: Callable[[], None]) -> None:
        """Have something told on the loop, from any thread; nothing told may raise."""
        # What is put there before the look for the wake-up is seen by the woken turn.
        self._back.append(tell)
        if not self._woken:
            self._woken = True
            try:
                self.loop.call_soon_threadsafe(self._take_back)
            except RuntimeError:  # the loop is closed, and nobody waits any more
                self._woken = False
                self._back.clear()

    def _take_back(self) -> None:
        # Said first: what comes from now on wakes the loop again, and what came before is in the queue.
        self._woken = False
        self.tell()

    def tell(self) -> None:
        """Tell what was brought so far, ahead of the turn that it woke; on the loop."""
        for _ in range(len(self._back)):
            self._back.popleft()()


def _came_of(done: Future[Any], made: asyncio.Future[Any]) -> _Back:
    if done.cancelled():
        return _Back(made, fault=asyncio.CancelledError())
    fault = done.exception()
    return _Back(made, done.result()) if fault is None else _Back(made, fault=fault)


def _bearable(fault: BaseException) -> BaseException:
    """The fault as a future takes it: it refuses StopIteration, and all behind it would go untold."""
    if not isinstance(fault, StopIteration):
        return fault
    taken = RuntimeError("StopIteration")
    taken.__cause__ = fault
    return taken


_here = threading.local()


def handing() -> Handing:
    """The hand-overs of the running loop."""
    loop = asyncio.get_running_loop()
    known: Handing | None = getattr(_here, "handing", None)
    if known is None or known.loop is not loop:
        known = _here.handing = Handing(loop)
    return known
