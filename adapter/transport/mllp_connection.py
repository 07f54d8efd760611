"""One MLLP connection: frames in, answers out, strictly in turn."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from functools import partial
from typing import Any, assert_never, cast

from adapter.transport.cannot_store import CannotStore
from adapter.transport.mllp_framing import (
    Frame,
    Framer,
    FramingEvent,
    Ignored,
    Junk,
    NotMllp,
    TooLarge,
    Torn,
    framed,
)
from adapter.transport.mllp_handlers import COMMITTED, NOT_COMMITTED, Followed, MllpHandlers
from adapter.transport.mllp_limits import MllpLimits
from adapter.transport.mllp_opened import Opened
from adapter.transport.mllp_socket import peer_name, tune


class Connection(asyncio.Protocol):
    """Reads frames, hands them over one at a time, and writes each answer before the next frame's turn."""

    def __init__(self, handlers: MllpHandlers, limits: MllpLimits, opened: Opened) -> None:
        self._handlers = handlers
        self._limits = limits
        self._opened = opened
        self._live = opened.live
        self._framer = Framer(limits.frame_limit_bytes, junk_limit_bytes=limits.junk_limit_bytes)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._peer = "unknown"
        self._waiting: deque[tuple[Frame | TooLarge, float]] = deque()
        self._heard_at = 0.0
        self._waiting_bytes = 0
        self._coming = False
        """Whether the answer to a frame is on its way without the worker."""
        self._wake: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._paused = False
        self._ended = False
        """No further frame will come."""
        self._stopping = False
        self._frame_timer: asyncio.TimerHandle | None = None
        self._silence_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or close it at once when the listener is full."""
        self._transport = cast("asyncio.Transport", transport)
        self._peer = peer_name(transport.get_extra_info("peername"))
        if len(self._live) >= self._limits.connections:
            self._ended = True
            self._event("connection-refused", limit=self._limits.connections)
            self._transport.abort()
            return
        self._live.add(self)
        tune(transport.get_extra_info("socket"), self._limits)
        self._transport.set_write_buffer_limits(high=self._limits.unsent_answers_bytes)
        self._worker = self._loop.create_task(self._answer_in_turn())
        self._event("connection-opened")

    def data_received(self, data: bytes) -> None:
        """Cut the bytes into frames and queue what is complete."""
        if self._ended:
            return
        self._heard_at = time.perf_counter()
        events = self._framer.feed(data)
        if len(events) == 1 and self._answered_at_once(events[0]):
            return
        self._take(events)
        self._watch_time(restart=bool(events))

    def _answered_at_once(self, event: FramingEvent) -> bool:
        """When nothing is in hand, the answer to a usual message goes out without waking anybody."""
        at_once, wake = self._handlers.at_once, self._wake
        nothing_in_hand = wake is not None and not wake.done() and not self._waiting and not self._framer.inside
        if at_once is None or not nothing_in_hand or self._coming or self._writable:
            return False
        if self._stopping or self._handlers.commits:
            return False
        if self._frame_timer or self._silence_timer or not isinstance(event, Frame) or event.loose_end:
            return False
        try:
            answer = at_once(event.content)
        except Exception:  # noqa: BLE001  (whatever failed, the usual way tells it)
            answer = None
        if isinstance(answer, bytes):
            self._transport.write(framed(answer))
            self._handlers.on_answered(time.perf_counter() - self._heard_at)
        elif answer is not None:
            self._coming = True
            answer.then(partial(self._came, event, self._heard_at))
        return answer is not None

    def _came(self, frame: Frame, heard_at: float, answer: bytes | None) -> None:
        self._coming = False
        if answer is None:
            self._waiting.appendleft((frame, heard_at))
            self._waiting_bytes += _size(frame)
        else:
            self._send(answer, heard_at=heard_at)
        if self._waiting or self._ended or self._stopping:
            self._wake_worker()

    def eof_received(self) -> bool:
        """The sender has finished: what he sent is still answered, then the connection closes."""
        self._take(self._framer.end())
        self._end()
        return True

    def pause_writing(self) -> None:
        """The sender does not read its answers: its next frame waits."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """The sender reads again."""
        writable, self._writable = self._writable, None
        if writable and not writable.done():
            writable.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Frames that came whole are still handled, for a sender that does not wait; their answers are dropped."""
        if self in self._live:
            if not self._ended:
                self._take(self._framer.end())
            self._live.discard(self)
            self._event("connection-closed", error=type(exc).__name__ if exc else None)
        self._end()
        self.resume_writing()
        self._lost.set_result(None)

    def stop(self) -> None:
        """Answer what was received, a frame just arriving included, then close."""
        self._stopping = True
        self._pause_when_enough()
        self._wake_worker()

    def abort(self) -> None:
        """Close without waiting for anything."""
        if self._worker:
            self._worker.cancel()
        self._transport.abort()

    async def finished(self) -> None:
        """Wait until the connection is closed and nothing of it is in hand."""
        await self._lost
        if self._worker:
            await asyncio.wait([self._worker])

    async def _answer_in_turn(self) -> None:
        try:
            while turn := await self._next():
                frame, heard_at = turn
                answer = await self._answer_to(frame)
                first = answer.first if isinstance(answer, Followed) else answer
                self._send(COMMITTED if self._handlers.commits else None, first, heard_at=heard_at)
                if isinstance(answer, Followed):
                    self._send(await answer.later(), heard_at=heard_at if first is None else None)
                if self._writable:
                    await self._writable
        except CannotStore:
            self._event("store-refused")
            self._send(NOT_COMMITTED if self._handlers.commits else None)
        except Exception as error:  # noqa: BLE001  (whatever failed, silence makes the sender send again)
            self._event("handler-failed", error=type(error).__name__)
        finally:
            self._end()
            self._transport.close()

    async def _next(self) -> tuple[Frame | TooLarge, float] | None:
        while self._coming or not self._waiting:
            if not self._coming:
                if self._ended or (self._stopping and not self._framer.inside):
                    return None
                self._resume()
            self._wake = self._loop.create_future()
            await self._wake
        frame, heard_at = self._waiting.popleft()
        self._waiting_bytes -= _size(frame)
        if not self._waiting:
            self._resume()
        return frame, heard_at

    def _send(self, *contents: bytes | None, heard_at: float | None = None) -> None:
        """Write them; `heard_at` where the last of them is the first answer to a message, if it is one at all."""
        told = b"".join(framed(content) for content in contents if content is not None)
        if told and not self._transport.is_closing():
            self._transport.write(told)
        if heard_at is not None and contents[-1] is not None:
            self._handlers.on_answered(time.perf_counter() - heard_at)

    async def _answer_to(self, frame: Frame | TooLarge) -> bytes | Followed | None:
        if isinstance(frame, TooLarge):
            return self._handlers.too_large(frame.header)
        return await self._handlers.handle(frame.content, self._peer)

    def _take(self, events: list[FramingEvent]) -> None:
        for event in events:
            match event:
                case Frame() | TooLarge():
                    self._queue(event)
                case Torn():
                    self._event("frame-torn", size=len(event.content))
                    if self._handlers.on_torn:
                        self._handlers.on_torn(event.content, self._peer)
                case Ignored():
                    # With release 2 the sender confirms our answers in such frames.
                    if not self._handlers.commits:
                        self._event("frame-ignored", size=event.size)
                case Junk():
                    self._event("junk-skipped", size=event.size)
                case NotMllp():
                    self._event("not-mllp", speaks=event.speaks)
                    self._end()
                case _:
                    assert_never(event)
        self._pause_when_enough()

    def _queue(self, frame: Frame | TooLarge) -> None:
        if isinstance(frame, TooLarge):
            self._event("frame-too-large", limit_bytes=self._limits.frame_limit_bytes)
        elif frame.loose_end and self._opened.first_loose_end(self._peer):
            self._event("frame-end-loose")
        self._waiting.append((frame, self._heard_at))
        self._waiting_bytes += _size(frame)
        self._wake_worker()

    def _pause_when_enough(self) -> None:
        enough = len(self._waiting) >= self._limits.waiting_frames or self._waiting_bytes > self._limits.waiting_bytes
        last_read = self._stopping and not self._framer.inside
        if (enough or last_read) and not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        last_read = self._stopping and not self._framer.inside
        if self._paused and not last_read and not self._ended and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _end(self) -> None:
        self._ended = True
        self._cancel_timers()
        self._wake_worker()

    def _wake_worker(self) -> None:
        if self._wake and not self._wake.done():
            self._wake.set_result(None)

    def _watch_time(self, *, restart: bool) -> None:
        if self._silence_timer:
            self._silence_timer.cancel()
            self._silence_timer = None
        if self._frame_timer and (restart or not self._framer.inside):
            self._frame_timer.cancel()
            self._frame_timer = None
        if self._ended or not self._framer.inside:
            return
        if self._framer.waiting_for_terminator:
            self._silence_timer = self._loop.call_later(self._limits.end_silence_s, self._silence)
        if not self._frame_timer:
            self._frame_timer = self._loop.call_later(self._limits.frame_time_limit_s, self._too_slow)

    def _silence(self) -> None:
        # While we do not read, the silence is ours.
        if not self._paused:
            self._take(self._framer.silence())
        self._watch_time(restart=not self._paused)

    def _too_slow(self) -> None:
        self._frame_timer = None
        if self._paused:
            self._watch_time(restart=True)
            return
        self._event("frame-too-slow", limit_s=self._limits.frame_time_limit_s)
        self._take(self._framer.end())
        self._end()

    def _cancel_timers(self) -> None:
        for timer in (self._frame_timer, self._silence_timer):
            if timer:
                timer.cancel()
        self._frame_timer = self._silence_timer = None

    def _event(self, name: str, **fields: Any) -> None:  # noqa: ANN401  (numbers, names and None of an event)
        self._handlers.on_event(name, {"peer": self._peer, **fields})


def _size(frame: Frame | TooLarge) -> int:
    return len(frame.content if isinstance(frame, Frame) else frame.header)
