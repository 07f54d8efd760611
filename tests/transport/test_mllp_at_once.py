"""Messages that need no disk are answered at once, and never before one that came earlier."""

from __future__ import annotations

import asyncio

import pytest

from adapter.transport.mllp import MllpLimits, MllpListener
from adapter.transport.mllp_framing import Frame, Framer, framed

pytestmark = pytest.mark.loopback


class Later:
    """An answer on its way, told when the test says so."""

    def __init__(self, message: bytes) -> None:
        self.message = message

    def then(self, tell) -> None:
        self.tell = tell


class Site:
    """A listener that answers `quick...` at once, `later...` when told to, everything else when the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked: list[tuple[str, bytes]] = []
        self.coming: list[Later] = []

    def at_once(self, message: bytes) -> bytes | Later | None:
        self.asked.append(("at once", message))
        if message.startswith(b"later"):
            self.coming.append(Later(message))
            return self.coming[-1]
        if message.startswith(b"broken"):
            raise RuntimeError("a fault of ours")
        return b"at once:" + message if message.startswith(b"quick") else None

    async def handle(self, message: bytes, _peer: str) -> bytes | None:
        self.asked.append(("handle", message))
        await self.gate.wait()
        return b"handled:" + message


def listening(site, *, commits=False):
    return MllpListener(
        handle=site.handle,
        too_large=lambda _: None,
        limits=MllpLimits(),
        on_event=lambda *_: None,
        at_once=site.at_once,
        commits=commits,
    )


def conversation(*pieces: bytes, count: int, open_gate_after: int | None = None, release_2: bool = False):
    """What comes back for pieces sent one after the other; the gate opens when so many messages were asked about."""

    async def talk():
        site = Site()
        listener = listening(site, commits=release_2)
        reader, writer = await asyncio.open_connection("127.0.0.1", await listener.start("127.0.0.1", 0))
        if open_gate_after is None:
            site.gate.set()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.05)
        site.gate.set()
        framer, found = Framer(), []
        async with asyncio.timeout(10):
            while len(found) < count:
                found += [e.content for e in framer.feed(await reader.read(65536)) if isinstance(e, Frame)]
        writer.close()
        await listener.stop(5)
        return found, site.asked

    return asyncio.run(talk())


def test_a_message_that_needs_no_disk_is_answered_without_being_handed_on():
    found, asked = conversation(framed(b"quick1aaa"), framed(b"quick2aaa"), count=2)
    assert found == [b"at once:quick1aaa", b"at once:quick2aaa"]
    assert [how for how, _ in asked] == ["at once", "at once"]


def test_another_message_is_handed_on():
    found, asked = conversation(framed(b"slow1aaaa"), count=1)
    assert found == [b"handled:slow1aaaa"]
    assert asked == [("at once", b"slow1aaaa"), ("handle", b"slow1aaaa")]


def test_a_fault_of_the_quick_way_leaves_the_usual_one():
    found, asked = conversation(framed(b"broken1aaa"), framed(b"quick1aaa"), count=2)
    assert found == [b"handled:broken1aaa", b"at once:quick1aaa"]
    assert [how for how, _ in asked] == ["at once", "handle", "at once"]


def test_nothing_is_answered_before_what_came_earlier():
    found, asked = conversation(framed(b"slow1aaaa"), framed(b"quick1aaa"), count=2, open_gate_after=2)
    assert found == [b"handled:slow1aaaa", b"handled:quick1aaa"]
    assert ("at once", b"quick1aaa") not in asked


def test_frames_of_one_piece_keep_their_turn():
    found, _ = conversation(framed(b"slow1aaaa") + framed(b"quick1aaa"), count=2)
    assert found == [b"handled:slow1aaaa", b"handled:quick1aaa"]


def test_a_frame_in_two_pieces_keeps_its_time_limit_and_is_handed_on():
    whole = framed(b"quick1aaa")
    found, _ = conversation(whole[:4], whole[4:], framed(b"quick2aaa"), count=2)
    assert found[1] == b"at once:quick2aaa"
    assert found[0] in (b"handled:quick1aaa", b"at once:quick1aaa")


def test_with_release_2_every_frame_is_handed_on_for_its_commit():
    found, asked = conversation(framed(b"quick1aaa"), count=1, release_2=True)
    assert found == [b"handled:quick1aaa"]
    assert [how for how, _ in asked] == ["handle"]


def talking(story):
    """A site, and a connection to it that a story goes on with; what the story returns."""

    async def talk():
        site = Site()
        site.gate.set()
        listener = listening(site)
        connection = await asyncio.open_connection("127.0.0.1", await listener.start("127.0.0.1", 0))
        async with asyncio.timeout(20):
            told = await story(site, listener, *connection)
            connection[1].close()
            await listener.stop(5)
        return told

    return asyncio.run(talk())


async def until(true) -> None:
    while not true():  # noqa: ASYNC110 - what it waits for sets no event
        await asyncio.sleep(0.005)


async def frames(reader, count: int) -> list[bytes]:
    framer, found = Framer(), []
    while len(found) < count and (data := await reader.read(65536)):
        found += [e.content for e in framer.feed(data) if isinstance(e, Frame)]
    return found


def test_what_comes_behind_an_answer_on_its_way_waits_for_it():
    async def story(site, _listener, reader, writer):
        writer.write(framed(b"later1aaa"))
        await until(lambda: site.coming)
        writer.write(framed(b"quick1aaa") + framed(b"slow1aaaa"))
        await asyncio.sleep(0.1)
        asked = list(site.asked)
        site.coming[0].tell(b"it came at last")
        return asked, await frames(reader, 3)

    asked, found = talking(story)
    assert asked == [("at once", b"later1aaa")]
    assert found == [b"it came at last", b"handled:quick1aaa", b"handled:slow1aaaa"]


def test_after_an_answer_that_came_the_next_message_goes_the_quick_way_again():
    async def story(site, _listener, reader, writer):
        writer.write(framed(b"later1aaa"))
        await until(lambda: site.coming)
        site.coming[0].tell(b"it came at last")
        first = await frames(reader, 1)
        writer.write(framed(b"quick1aaa"))
        return first + await frames(reader, 1)

    assert talking(story) == [b"it came at last", b"at once:quick1aaa"]


def test_a_message_whose_answer_does_not_come_is_handed_on_before_those_behind_it():
    async def story(site, _listener, reader, writer):
        writer.write(framed(b"later1aaa"))
        await until(lambda: site.coming)
        writer.write(framed(b"quick1aaa"))
        await asyncio.sleep(0.1)
        site.coming[0].tell(None)
        return await frames(reader, 2)

    assert talking(story) == [b"handled:later1aaa", b"handled:quick1aaa"]


@pytest.mark.parametrize("way", ["stopped", "half closed"])
def test_an_answer_on_its_way_still_goes_out_when_the_connection_ends(way):
    async def story(site, listener, reader, writer):
        writer.write(framed(b"later1aaa"))
        await until(lambda: site.coming)
        stopping = asyncio.create_task(listener.stop(15)) if way == "stopped" else None
        if way == "half closed":
            writer.write_eof()
        await asyncio.sleep(0.1)
        site.coming[0].tell(b"it came at last")
        found = await frames(reader, 2)
        if stopping:
            await stopping
        return found

    assert talking(story) == [b"it came at last"]


def test_an_answer_for_a_connection_that_is_gone_is_dropped_and_the_listener_stops():
    async def story(site, listener, _reader, writer):
        writer.write(framed(b"later1aaa"))
        await until(lambda: site.coming)
        writer.transport.abort()
        await asyncio.sleep(0.1)
        stopping = asyncio.create_task(listener.stop(15))
        await asyncio.sleep(0.05)
        waited = not stopping.done()
        site.coming[0].tell(b"too late")
        await stopping
        return waited

    assert talking(story)
