"""Two answers to one message: the first at once, the second when it is known, and nothing between them."""

from __future__ import annotations

import asyncio

import pytest

from adapter.transport.mllp import Followed, MllpLimits, MllpListener
from adapter.transport.mllp_framing import Frame, Framer, framed

pytestmark = pytest.mark.loopback


class Site:
    """Answers `first:...` at once and `later:...` once its gate is open; as the message wants it."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.remembered: list[bytes] = []
        self.events: list[str] = []

    async def handle(self, message: bytes, _peer: str) -> bytes | Followed | None:
        async def later() -> bytes | None:
            await self.gate.wait()
            self.remembered.append(message)
            if message.startswith(b"MSH|many"):
                return Followed(first=b"MSH|second", later=last)
            if message.endswith(b"broken"):
                raise RuntimeError("a fault of ours")
            return None if b"no later" in message else b"MSH|later:" + message

        async def last() -> bytes:
            return b"MSH|last"

        return Followed(first=None if b"no first" in message else b"MSH|first:" + message, later=later)


class Line:
    """One connection to a site, read frame by frame."""

    def __init__(self, reader, writer) -> None:
        self.reader, self.writer = reader, writer
        self._framer, self._found = Framer(), []

    async def frames(self, count):
        """The next frames; fewer when the connection ends."""
        async with asyncio.timeout(5):
            while len(self._found) < count and (data := await self.reader.read(65536)):
                self._found += [e.content for e in self._framer.feed(data) if isinstance(e, Frame)]
        told, self._found = self._found[:count], self._found[count:]
        return told


def story(tell, *, release_2=False):
    """Run `tell(site, listener, line)` against a listener."""

    async def run():
        site = Site()
        listener = MllpListener(
            handle=site.handle,
            too_large=lambda _: None,
            limits=MllpLimits(),
            on_event=lambda event, _: site.events.append(event),
            commits=release_2,
        )
        line = Line(*await asyncio.open_connection("127.0.0.1", await listener.start("127.0.0.1", 0)))
        try:
            return await tell(site, listener, line)
        finally:
            line.writer.close()
            await listener.stop(5)

    return asyncio.run(run())


def test_the_first_goes_out_before_the_second_is_known():
    async def tell(site, _listener, line):
        line.writer.write(framed(b"MSH|a") + framed(b"MSH|b"))
        assert await line.frames(1) == [b"MSH|first:MSH|a"]
        site.gate.set()
        return await line.frames(3)

    assert story(tell) == [b"MSH|later:MSH|a", b"MSH|first:MSH|b", b"MSH|later:MSH|b"]


def test_either_of_the_two_may_be_silence():
    async def tell(site, _listener, line):
        site.gate.set()
        for message in (b"MSH|no first", b"MSH|no later", b"MSH|no first, no later", b"MSH|end"):
            line.writer.write(framed(message))
        return await line.frames(4)

    assert story(tell) == [
        b"MSH|later:MSH|no first",
        b"MSH|first:MSH|no later",
        b"MSH|first:MSH|end",
        b"MSH|later:MSH|end",
    ]


@pytest.mark.parametrize("release_2", [False, True])
def test_an_answer_in_three_parts_is_confirmed_once_and_comes_before_the_next_frame(release_2):
    async def tell(site, _listener, line):
        site.gate.set()
        line.writer.write(framed(b"MSH|many") + framed(b"MSH|b"))
        told = [b"MSH|first:MSH|many", b"MSH|second", b"MSH|last", b"\x06", b"MSH|first:MSH|b", b"MSH|later:MSH|b"]
        expected = [b"\x06", *told] if release_2 else [part for part in told if part != b"\x06"]
        whole = b"".join(map(framed, expected))
        assert await asyncio.wait_for(line.reader.readexactly(len(whole)), 10) == whole

    story(tell, release_2=release_2)


def test_the_next_part_waits_until_the_sender_has_read_what_came_before():
    async def run():
        made, begun = [], asyncio.Event()

        async def part() -> Followed | None:
            made.append(1)
            begun.set()
            if len(made) == 1000:
                return None
            return Followed(first=b"MSH|" + b"x" * 100_000, later=part)

        async def handle(_message: bytes, _peer: str) -> Followed | None:
            return await part()

        listener = MllpListener(handle=handle, too_large=lambda _: None, limits=MllpLimits(), on_event=lambda *_: None)
        port = await listener.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(framed(b"MSH|long"))
        await begun.wait()
        held = -1
        while held != len(made):
            held = len(made)
            await asyncio.sleep(0.3)
        await reader.read(1000)
        writer.transport.abort()
        await listener.stop(0.1)
        return held

    # What the sockets of both sides hold, and no more.
    assert asyncio.run(run()) < 400


def test_the_confirmation_of_release_2_comes_before_both():
    async def tell(site, _listener, line):
        site.gate.set()
        line.writer.write(framed(b"MSH|a"))
        whole = b"".join(map(framed, (b"\x06", b"MSH|first:MSH|a", b"MSH|later:MSH|a")))
        assert await asyncio.wait_for(line.reader.readexactly(len(whole)), 10) == whole

    story(tell, release_2=True)


def test_a_fault_behind_the_first_closes_the_connection_and_is_told():
    async def tell(site, _listener, line):
        site.gate.set()
        line.writer.write(framed(b"MSH|broken") + framed(b"MSH|b"))
        return await line.frames(9), site.events

    told, events = story(tell)
    assert told == [b"MSH|first:MSH|broken"]
    assert "handler-failed" in events


def test_a_stop_waits_for_the_second():
    async def tell(site, listener, line):
        line.writer.write(framed(b"MSH|a"))
        assert await line.frames(1) == [b"MSH|first:MSH|a"]
        stopping = asyncio.create_task(listener.stop(5))
        await asyncio.sleep(0.05)
        site.gate.set()
        told = await line.frames(1)
        await stopping
        return told

    assert story(tell) == [b"MSH|later:MSH|a"]


def test_a_sender_that_is_gone_after_the_first_changes_nothing_of_what_is_remembered():
    async def tell(site, listener, line):
        line.writer.write(framed(b"MSH|a") + framed(b"MSH|b"))
        assert await line.frames(1) == [b"MSH|first:MSH|a"]
        line.writer.transport.abort()
        site.gate.set()
        await listener.stop(5)
        return site.remembered

    assert story(tell) == [b"MSH|a", b"MSH|b"]
