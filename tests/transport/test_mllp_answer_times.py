"""How long an answer took counts from the last byte of its message, its wait for its turn included."""

from __future__ import annotations

import asyncio

import pytest

from adapter.transport.mllp import Followed, MllpLimits, MllpListener
from adapter.transport.mllp_framing import framed

pytestmark = pytest.mark.loopback

PAUSE_S = 0.05
NEARLY_S = PAUSE_S * 0.9


def told(*pieces, pause_s=0.0, answers=1):
    """Seconds told for the messages of some pieces, sent with a pause between them; each takes `PAUSE_S` to answer."""

    async def handle(message: bytes, _peer: str) -> bytes | Followed | None:
        await asyncio.sleep(PAUSE_S)
        if message.startswith(b"MSH|followed"):
            return Followed(first=b"MSH|first" if message.endswith(b"twice") else None, later=later)
        return None if message.startswith(b"MSH|silent") else b"MSH|answer"

    async def later() -> bytes:
        await asyncio.sleep(PAUSE_S)
        return b"MSH|later"

    def at_once(message: bytes) -> bytes | None:
        return b"MSH|answer" if message.startswith(b"MSH|quick") else None

    async def talk():
        seconds: list[float] = []
        listener = MllpListener(
            handle=handle,
            too_large=lambda _: None,
            limits=MllpLimits(),
            on_event=lambda _name, _facts: None,
            at_once=at_once,
            on_answered=seconds.append,
        )
        port = await listener.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, piece in enumerate(pieces):
            await asyncio.sleep(pause_s if number else 0)
            writer.write(piece)
            await writer.drain()
        for _ in range(answers):
            await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 10)
        writer.close()
        await listener.stop(5)
        return seconds

    return asyncio.run(talk())


def test_a_message_that_waits_for_its_gathered_counts_from_its_own_last_byte():
    first, second = told(framed(b"MSH|1") + framed(b"MSH|2"), answers=2)
    assert first >= NEARLY_S
    assert second >= 2 * NEARLY_S


def test_the_time_a_sender_takes_to_send_a_message_does_not_count():
    frame = framed(b"MSH|" + b"x" * 500)
    (seconds,) = told(frame[:100], frame[100:], pause_s=15 * PAUSE_S)
    assert NEARLY_S <= seconds < 15 * PAUSE_S


def test_an_answer_at_once_counts_too_and_silence_does_not():
    seconds = told(framed(b"MSH|silent"), framed(b"MSH|quick"), pause_s=3 * PAUSE_S)
    assert len(seconds) == 1


def test_where_nothing_is_told_before_a_message_is_understood_the_later_answer_is_the_first():
    (seconds,) = told(framed(b"MSH|followed"))
    assert seconds >= 2 * NEARLY_S


def test_of_two_answers_one_counts():
    assert len(told(framed(b"MSH|followed|twice"), answers=2)) == 1
