"""Sends messages over one or more MLLP connections, at most so many a second, and keeps what came back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from adapter.commands.acknowledgments import Acknowledged, decoded
from adapter.commands.send_files import Outgoing
from adapter.transport.mllp_client import MllpClient, MllpTimeouts
from adapter.transport.tls_client import ClientTls, what_failed

GIVE_UP_AFTER = 3
"""Messages in a row without an answer after which a connection sends no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where and how to send."""

    host: str
    port: int
    connections: int = 1
    per_second: float | None = None
    answer_s: float = 30.0
    tls: ClientTls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one message."""

    message: Outgoing
    answers: tuple[Acknowledged, ...] = ()
    seconds: float | None = None
    """From sending to the answer."""
    problem: str | None = None
    """Why there is no usable answer."""

    @property
    def accepted(self) -> bool:
        """Whether every acknowledgment of it is AA or CA."""
        return self.problem is None and all(answer.accepted for answer in self.answers)


@dataclass(slots=True)
class _Sending:
    way: Way
    waiting: Iterator[tuple[int, Outgoing]]
    outcomes: dict[int, Outcome]
    progress: Callable[[], None]
    started: float = field(default_factory=time.perf_counter)
    sent: int = 0

    async def pace(self) -> None:
        """Wait for the turn of the next message."""
        number, self.sent = self.sent, self.sent + 1
        if self.way.per_second:
            due = self.started + number / self.way.per_second
            await asyncio.sleep(max(due - time.perf_counter(), 0))


async def send_all(messages: Sequence[Outgoing], way: Way, progress: Callable[[], None]) -> list[Outcome]:
    """Send everything and give an outcome for each message, in order.

    With more than one connection the order between messages is not kept. Raises OSError or TimeoutError when the very
    first connection cannot be opened; later failures are outcomes.
    """
    sending = _Sending(way=way, waiting=iter(enumerate(messages)), outcomes={}, progress=progress)
    clients = [
        MllpClient(timeouts=MllpTimeouts(answer_s=way.answer_s), tls=way.tls)
        for _ in range(min(way.connections, len(messages)))
    ]
    if clients:
        await clients[0].connect(way.host, way.port)
    try:
        await asyncio.gather(*(_lane(client, sending) for client in clients))
    finally:
        for client in clients:
            await client.close()
    return [sending.outcomes.get(n) or _unsent(message) for n, message in enumerate(messages)]


async def _lane(client: MllpClient, sending: _Sending) -> None:
    failures = 0
    while failures < GIVE_UP_AFTER and (turn := next(sending.waiting, None)):
        place, message = turn
        await sending.pace()
        outcome = await _sent(client, message, sending.way)
        failures = failures + 1 if outcome.seconds is None else 0
        sending.outcomes[place] = outcome
        sending.progress()


async def _sent(client: MllpClient, message: Outgoing, way: Way) -> Outcome:
    started = time.perf_counter()
    try:
        if not client.connected:
            await client.connect(way.host, way.port)
        started = time.perf_counter()
        answer = await client.send(message.raw)
    except (OSError, TimeoutError) as fault:
        return Outcome(message=message, problem=what_failed(fault))
    answers = tuple(decoded(answer))
    return Outcome(
        message=message, answers=answers, seconds=time.perf_counter() - started, problem=_wrong(answers, message)
    )


def _wrong(answers: tuple[Acknowledged, ...], message: Outgoing) -> str | None:
    if not answers:
        return "the answer holds no MSA segment"
    if message.control_id and message.control_id not in {answer.control_id for answer in answers}:
        return "the answer is for another message: MSA-2 is not the control id"
    return None


def _unsent(message: Outgoing) -> Outcome:
    return Outcome(message=message, problem="not sent: too many messages before it got no answer")
