"""The listener over real sockets: order, back-pressure, limits, and what a sender sees when we cannot store."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
import uvloop
from hl7.client import MLLPClient as ThirdPartyClient

from adapter.transport.mllp import CannotStore, MllpLimits, MllpListener
from adapter.transport.mllp_client import MllpClient, MllpTimeouts
from adapter.transport.mllp_framing import Frame, Framer, framed

pytestmark = pytest.mark.loopback

MSG = b"MSH|^~\\&|LAB|N|||1||ORU^R01|A1|P|2.5\rPID|1\r"


def on_uvloop(story):
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(story)


@pytest.fixture(autouse=True, params=["asyncio", "uvloop"])
def loop(request, monkeypatch):
    """Every story is told on the library's loop and on the one the service runs on."""
    if request.param == "uvloop":
        monkeypatch.setattr(asyncio, "run", on_uvloop)


def numbered(n: int) -> bytes:
    return MSG.replace(b"A1", b"A%d" % n)


@dataclass
class Site:
    """A listener, what it was asked to handle and what it told."""

    limits: MllpLimits = field(default_factory=MllpLimits)
    handled: list[bytes] = field(default_factory=list)
    events: list[tuple[str, dict]] = field(default_factory=list)
    torn: list[bytes] = field(default_factory=list)
    gate: asyncio.Event | None = None
    commits: bool = False
    port: int = 0
    listener: MllpListener | None = None

    async def handle(self, message: bytes, peer: str) -> bytes | None:
        assert peer.startswith("127.0.0.1:")
        self.handled.append(message)
        if self.gate:
            await self.gate.wait()
        if b"|full|" in message:
            raise CannotStore
        if b"|fault|" in message:
            raise RuntimeError("a fault of ours")
        return None if b"^ACK|" in message else b"ACK:" + message

    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    async def until(self, condition) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  (the conditions are of the listener, which signals none)
                await asyncio.sleep(0.002)


@asynccontextmanager
async def site(*, commits=False, **changes):
    one = Site(limits=MllpLimits(**changes), commits=commits)
    one.listener = MllpListener(
        handle=one.handle,
        too_large=lambda header: b"LARGE:" + header[:8],
        limits=one.limits,
        on_event=lambda name, fields: one.events.append((name, fields)),
        on_torn=lambda fragment, _peer: one.torn.append(fragment),
        commits=one.commits,
    )
    one.port = await one.listener.start("127.0.0.1", 0)
    try:
        yield one
    finally:
        if one.gate:
            one.gate.set()
        await one.listener.stop(5)


@asynccontextmanager
async def connection(port: int):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def answers(reader: asyncio.StreamReader, count: int) -> list[bytes]:
    framer, found = Framer(), []
    async with asyncio.timeout(20):
        while len(found) < count and (data := await reader.read(65536)):
            found += [event.content for event in framer.feed(data) if isinstance(event, Frame)]
    return found


async def rest(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(20):
        with suppress(ConnectionResetError):
            return await reader.read(-1)
    return b""


def test_our_client_sends_and_reads_the_answer():
    async def story():
        async with site() as one, MllpClient() as client:
            await client.connect("127.0.0.1", one.port)
            assert [await client.send(numbered(n)) for n in range(3)] == [b"ACK:" + numbered(n) for n in range(3)]
            assert one.listener.connections == 1
        assert one.listener.connections == 0
        assert one.names() == ["connection-opened", "connection-closed"]

    asyncio.run(story())


def test_a_third_party_client_is_answered():
    async def story():
        async with site() as one:

            def send() -> bytes:
                with ThirdPartyClient("127.0.0.1", one.port) as client:
                    return client.send(framed(MSG))

            assert await asyncio.to_thread(send) == framed(b"ACK:" + MSG)

    asyncio.run(story())


def test_a14_22_a_thousand_pipelined_messages_are_answered_in_order():
    async def story():
        async with site() as one, connection(one.port) as (reader, writer):
            writer.write(b"".join(framed(numbered(n)) for n in range(1000)))
            assert await answers(reader, 1000) == [b"ACK:" + numbered(n) for n in range(1000)]

    asyncio.run(story())


def test_the_same_message_three_times_gets_three_answers():
    async def story():
        async with site() as one, connection(one.port) as (reader, writer):
            writer.write(framed(MSG) * 3)
            assert await answers(reader, 3) == [b"ACK:" + MSG] * 3

    asyncio.run(story())


def test_the_next_frame_waits_for_the_answer_before_it():
    async def story():
        async with site() as one, connection(one.port) as (reader, writer):
            one.gate = asyncio.Event()
            writer.write(framed(numbered(1)) + framed(numbered(2)))
            await one.until(lambda: one.handled)
            await asyncio.sleep(0.05)
            assert one.handled == [numbered(1)]
            one.gate.set()
            assert await answers(reader, 2) == [b"ACK:" + numbered(1), b"ACK:" + numbered(2)]

    asyncio.run(story())


def test_a_message_in_single_bytes_is_answered_and_one_not_to_be_answered_is_not():
    async def story():
        async with site() as one, connection(one.port) as (reader, writer):
            for byte in framed(MSG):
                writer.write(bytes([byte]))
                await writer.drain()
            writer.write(framed(b"MSH|^~\\&|||||||ACK^R01^ACK|9|P|2.5\r") + framed(b"") + framed(b"\x04"))
            writer.write(framed(numbered(2)))
            assert await answers(reader, 2) == [b"ACK:" + MSG, b"ACK:" + numbered(2)]
            assert [event for event in one.names() if event == "frame-ignored"] == ["frame-ignored"] * 2

    asyncio.run(story())


@pytest.mark.parametrize(("word", "event"), [(b"|full|", "store-refused"), (b"|fault|", "handler-failed")])
def test_what_cannot_be_kept_gets_no_answer_and_the_connection_closes(word, event):
    async def story():
        async with site() as one:
            async with connection(one.port) as (reader, writer):
                writer.write(framed(numbered(1)) + framed(MSG + b"ZZZ" + word) + framed(numbered(3)))
                assert await rest(reader) == framed(b"ACK:" + numbered(1))
            assert one.handled == [numbered(1), MSG + b"ZZZ" + word]
            assert event in one.names()
            async with connection(one.port) as (reader, writer):
                writer.write(framed(numbered(4)))
                assert await answers(reader, 1) == [b"ACK:" + numbered(4)]

    asyncio.run(story())


def test_an_oversized_frame_is_answered_and_the_connection_stays():
    async def story():
        async with site(frame_limit_bytes=100_000) as one, connection(one.port) as (reader, writer):
            writer.write(framed(MSG + b"x" * 500_000) + framed(numbered(2)))
            assert await answers(reader, 2) == [b"LARGE:" + MSG[:8], b"ACK:" + numbered(2)]
            assert "frame-too-large" in one.names()

    asyncio.run(story())


def test_a_seventeen_mebibyte_frame_is_beyond_the_default():
    async def story():
        async with site() as one, connection(one.port) as (reader, writer):
            writer.write(b"\x0b" + MSG)
            for _ in range(17):
                writer.write(b"x" * (1 << 20))
                await writer.drain()
            writer.write(b"\x1c\r" + framed(numbered(2)))
            assert await answers(reader, 2) == [b"LARGE:" + MSG[:8], b"ACK:" + numbered(2)]

    asyncio.run(story())


def test_an_end_byte_without_its_return_is_taken_after_a_silence():
    async def story():
        async with site(end_silence_s=0.05) as one, connection(one.port) as (reader, writer):
            for n in (1, 2):
                writer.write(b"\x0b" + numbered(n) + b"\x1c")
                assert await answers(reader, 1) == [b"ACK:" + numbered(n)]
            assert one.names().count("frame-end-loose") == 1

    asyncio.run(story())


def test_a_torn_frame_is_kept_apart_and_never_answered():
    async def story():
        async with site() as one:
            async with connection(one.port) as (reader, writer):
                writer.write(b"\x0bMSH|torn" + framed(MSG))
                assert await answers(reader, 1) == [b"ACK:" + MSG]
                writer.write(b"\x0bMSH|cut off")
                writer.write_eof()
                assert await rest(reader) == b""
            assert one.torn == [b"MSH|torn", b"MSH|cut off"]
            assert one.handled == [MSG]
            assert [fields["size"] for name, fields in one.events if name == "frame-torn"] == [8, 11]

    asyncio.run(story())


def test_a_sender_that_shuts_its_side_is_still_answered():
    async def story():
        async with site() as one, connection(one.port) as (reader, writer):
            writer.write(framed(numbered(1)) + framed(numbered(2)))
            writer.write_eof()
            assert await rest(reader) == framed(b"ACK:" + numbered(1)) + framed(b"ACK:" + numbered(2))

    asyncio.run(story())


def test_messages_of_a_sender_that_resets_the_connection_are_still_handled():
    async def story():
        async with site() as one:
            one.gate = asyncio.Event()
            async with connection(one.port) as (_, writer):
                writer.write(framed(numbered(1)) + framed(numbered(2)) + b"\x0bMSH|torn")
                await one.until(lambda: one.handled)
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            await one.until(lambda: "connection-closed" in one.names())
            one.gate.set()
            await one.until(lambda: len(one.handled) == 2)
            assert one.torn == [b"MSH|torn"]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("opening", "speaks"),
    [(b"\x16\x03\x01\x02\x00\x01\x00", "tls"), (b"GET / HTTP/1.1\r\n\r\n", "http"), (b"x" * 70_000, "unknown")],
)
def test_a_peer_that_speaks_something_else_is_named_and_closed(opening, speaks):
    async def story():
        async with site() as one, connection(one.port) as (reader, writer):
            writer.write(opening)
            assert await rest(reader) == b""
            assert [fields["speaks"] for name, fields in one.events if name == "not-mllp"] == [speaks]

    asyncio.run(story())


def test_a_frame_that_takes_too_long_closes_the_connection_and_idling_does_not():
    async def story():
        async with site(frame_time_limit_s=0.15) as one, connection(one.port) as (idle_reader, idle_writer):
            async with connection(one.port) as (reader, writer):
                writer.write(b"\x0bMSH|slow")
                with suppress(ConnectionError):
                    while "frame-too-slow" not in one.names():
                        writer.write(b".")
                        await asyncio.sleep(0.02)
                assert await rest(reader) == b""
            idle_writer.write(framed(MSG))
            assert await answers(idle_reader, 1) == [b"ACK:" + MSG]
            assert one.torn[0].startswith(b"MSH|slow")

    asyncio.run(story())


def test_connections_beyond_the_limit_are_refused_and_a_place_freed_is_given():
    async def story():
        async with site(connections=2) as one:
            async with connection(one.port), connection(one.port):
                await one.until(lambda: one.listener.connections == 2)
                async with connection(one.port) as (reader, _):
                    assert await rest(reader) == b""
                assert one.names().count("connection-refused") == 1
            await one.until(lambda: one.listener.connections == 0)
            async with connection(one.port) as (reader, writer):
                writer.write(framed(MSG))
                assert await answers(reader, 1) == [b"ACK:" + MSG]

    asyncio.run(story())


def test_a14_20_a_hundred_idle_connections_do_not_disturb_a_busy_one():
    async def story():
        async with site(connections=128) as one:
            idle = [await asyncio.open_connection("127.0.0.1", one.port) for _ in range(100)]
            async with connection(one.port) as (reader, writer):
                writer.write(framed(MSG))
                assert await answers(reader, 1) == [b"ACK:" + MSG]
            assert one.listener.connections >= 100
            for _, writer in idle:
                writer.close()

    asyncio.run(story())


def test_a14_21_a_sender_that_never_reads_its_answers_is_held_back():
    async def story():
        async with site(unsent_answers_bytes=4096, waiting_bytes=100_000) as one:
            _, writer = await asyncio.open_connection("127.0.0.1", one.port)
            message = framed(MSG + b"x" * 10_000)
            writer.transport.pause_reading()
            writer.transport.set_write_buffer_limits(high=0)
            sent = 0
            with suppress(TimeoutError):
                while sent < 10_000:
                    writer.write(message)
                    async with asyncio.timeout(0.5):
                        await writer.drain()
                    sent += 1
            assert sent < 10_000
            connection_of_ours = next(iter(one.listener._live))
            assert connection_of_ours._waiting_bytes <= 100_000 + 300_000
            assert connection_of_ours._transport.get_write_buffer_size() < 100_000
            writer.transport.abort()
            await one.until(lambda: one.listener.connections == 0)

    asyncio.run(story())


def test_a_graceful_stop_answers_the_frame_in_hand_and_refuses_new_ones():
    async def story():
        async with site() as one, connection(one.port) as (reader, writer), connection(one.port) as (idle, _):
            one.gate = asyncio.Event()
            writer.write(framed(numbered(1)))
            await one.until(lambda: one.handled)
            stopping = asyncio.create_task(one.listener.stop(5))
            assert await rest(idle) == b""
            with pytest.raises(OSError, match=r"."):
                await asyncio.open_connection("127.0.0.1", one.port)
            one.gate.set()
            assert await rest(reader) == framed(b"ACK:" + numbered(1))
            await stopping
            assert "stopped-before-answer" not in one.names()

    asyncio.run(story())


def test_a14_27_a_graceful_stop_waits_for_the_frame_that_is_arriving():
    async def story():
        async with site() as one, connection(one.port) as (reader, writer):
            writer.write(b"\x0b" + MSG[:10])
            await one.until(lambda: any(c._framer.inside for c in one.listener._live))
            stopping = asyncio.create_task(one.listener.stop(5))
            await asyncio.sleep(0.02)
            writer.write(MSG[10:] + b"\x1c\r" + framed(numbered(2)))
            assert await rest(reader) == framed(b"ACK:" + MSG) + framed(b"ACK:" + numbered(2))
            await stopping

    asyncio.run(story())


def test_a_stop_beyond_its_grace_closes_without_an_answer():
    async def story():
        async with site() as one, connection(one.port) as (reader, writer):
            one.gate = asyncio.Event()
            writer.write(framed(MSG))
            await one.until(lambda: one.handled)
            await one.listener.stop(0.05)
            assert await rest(reader) == b""
            assert ("stopped-before-answer", {"connections": 1}) in one.events

    asyncio.run(story())


def test_no_event_holds_content():
    async def story():
        async with site(frame_limit_bytes=5000) as one, connection(one.port) as (reader, writer):
            writer.write(b"secret" + framed(MSG + b"secret") + framed(b"MSH|secret" * 1000) + b"\x0bMSH|secret")
            assert len(await answers(reader, 2)) == 2
            writer.write_eof()
            await rest(reader)
        assert "secret" not in repr(one.events)
        assert all("peer" in fields for _, fields in one.events)

    asyncio.run(story())


def test_our_client_tells_a_closed_connection_from_a_late_answer():
    async def story():
        async with site() as one:
            client = MllpClient(timeouts=MllpTimeouts(connect_s=5, answer_s=0.1))
            with pytest.raises(ConnectionError, match="not connected"):
                await client.send(MSG)
            await client.connect("127.0.0.1", one.port)
            with pytest.raises(ConnectionError, match="closed without an answer"):
                await client.send(MSG + b"ZZZ|full|")
            await client.connect("127.0.0.1", one.port)
            one.gate = asyncio.Event()
            with pytest.raises(TimeoutError):
                await client.send(MSG)
            with pytest.raises(ConnectionError, match="not connected"):
                await client.send(MSG)
            await client.close()

    asyncio.run(story())


def test_a_taken_port_is_said_so():
    async def story():
        async with site() as one:
            second = MllpListener(
                handle=one.handle, too_large=lambda _: None, limits=one.limits, on_event=lambda *_: None
            )
            with pytest.raises(OSError, match=r"in use"):
                await second.start("127.0.0.1", one.port)
            await second.stop(1)

    asyncio.run(story())


def test_release_2_confirms_each_frame_before_its_answer_and_hears_the_senders_own():
    async def story():
        async with site(commits=True) as one, connection(one.port) as (reader, writer):
            quiet = b"MSH|^~\\&|||||||ACK^R01^ACK|9|P|2.5\r"
            writer.write(framed(numbered(1)) + framed(b"\x06") + framed(quiet) + framed(numbered(2)) + framed(b"\x06"))
            writer.write_eof()
            committed = framed(b"\x06")
            assert await rest(reader) == (
                committed + framed(b"ACK:" + numbered(1)) + committed + committed + framed(b"ACK:" + numbered(2))
            )
            assert "frame-ignored" not in one.names()

    asyncio.run(story())


def test_release_2_says_when_a_frame_could_not_be_kept():
    async def story():
        async with site(commits=True) as one, connection(one.port) as (reader, writer):
            writer.write(framed(numbered(1) + b"ZZZ|full|") + framed(numbered(2)))
            assert await rest(reader) == framed(b"\x15")
            assert len(one.handled) == 1

    asyncio.run(story())


def test_a_host_that_ends_frames_loosely_is_warned_about_once_however_often_it_connects():
    async def story():
        async with site(end_silence_s=0.02) as one:
            for n in range(3):
                async with connection(one.port) as (reader, writer):
                    writer.write(b"\x0b" + numbered(n) + b"\x1c")
                    assert await answers(reader, 1) == [b"ACK:" + numbered(n)]
            assert one.names().count("frame-end-loose") == 1

    asyncio.run(story())
