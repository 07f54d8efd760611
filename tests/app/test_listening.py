"""What a port whose store is full tells its sender and its log."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import hospital
import pytest
from running_service import Laboratory, code_of
from structlog.testing import capture_logs

from adapter.app import measured_log
from adapter.app.gathered_counts import GatheredCounts
from adapter.app.in_use import MappingsInUse
from adapter.app.listening import listener, reception
from adapter.app.parts import Instructions, read_everything
from adapter.settings import MllpListener, Sender
from adapter.store.faults import CannotKeep
from adapter.store.memory_inbox import MemoryInbox
from adapter.transport.mllp_framing import framed

DEMO = Path(__file__).parents[2] / "mappings" / "demo"


class FullKeeper:
    """A store without room."""

    def submit(self, _arrival):
        future = Future()
        future.set_exception(CannotKeep("the disk is full"))
        return future

    def hand_over(self, request):
        self.submit(request.arrival).add_done_callback(partial(tell, request.future))

    def answered(self, *_): ...

    def note_irrelevant(self, *_): ...

    def note_codes(self, *_): ...


def tell(waiting, kept):
    if fault := kept.exception():
        waiting.set_exception(fault)
    else:
        waiting.set_result(kept.result())


def received_by(loaded, settings, keeper, executor, counts):
    return reception(loaded.settings, MappingsInUse(loaded.knowledge), settings, keeper, executor, counts)


@pytest.mark.loopback
@pytest.mark.parametrize("wanted", ["close", "AR"])
def test_a_full_store_is_told_as_the_sender_wants_it_and_in_the_log(wanted):
    loaded, _ = read_everything(Instructions(mappings=(str(DEMO),)), thorough=False)
    sender = Sender(match="HOSPLAB|*", cannot_store=wanted)
    loaded = replace(loaded, settings=replace(loaded.settings, senders=(sender,)))
    counted = []

    def send(place):
        with Laboratory(place) as lab:
            try:
                return code_of(lab.send(hospital.oru("A1")))
            except ConnectionError:
                return "close"

    async def story(executor):
        counts = GatheredCounts(asyncio.get_running_loop(), lambda event, facts: counted.append((event, facts)))
        received = received_by(loaded, MllpListener(), FullKeeper(), executor, counts)
        port = listener(MllpListener(), received, GatheredCounts(asyncio.get_running_loop()), None, None)
        place = ("127.0.0.1", await port.start("127.0.0.1", 0))
        told = await asyncio.to_thread(send, place)
        await port.stop(5)
        return told

    with capture_logs() as lines, ThreadPoolExecutor(2) as executor:
        assert asyncio.run(story(executor)) == wanted
    assert [line["reason"] for line in lines if line["event"] == "cannot-keep"] == ["the disk is full"]
    assert [event for event, _ in counted] == (["refused"] if wanted == "AR" else [])


class Keeper(FullKeeper):
    """A store that needs no disk."""

    def __init__(self):
        self._inbox = MemoryInbox("inbox")

    def submit(self, arrival):
        future = Future()
        future.set_result(self._inbox.keep([arrival])[0])
        return future


@pytest.mark.loopback
@pytest.mark.parametrize("release", ["1", "2"])
def test_others_are_answered_while_a_frame_of_many_messages_is_taken(release):
    loaded, _ = read_everything(Instructions(mappings=(str(DEMO),)), thorough=False)
    many = b"".join(hospital.everyday(f"E{n}") for n in range(2500))
    settings = MllpListener(mllp_release=release)
    judged, turned = [], []

    async def story(executor):
        counts = GatheredCounts(asyncio.get_running_loop())
        received = received_by(loaded, settings, Keeper(), executor, counts)
        reading = received.reading()
        begun = asyncio.Event()

        def judging(judge):
            def counted(raw, envelope):
                judged.append(envelope.control_id)
                begun.set()
                return judge(raw, envelope)

            return counted

        spied = reading._replace(judge=judging(reading.judge), judge_alone=judging(reading.judge_alone))
        counting = replace(received, reading=lambda: spied)
        port = listener(settings, counting, counts, None, None)
        place = ("127.0.0.1", await port.start("127.0.0.1", 0))
        reader, writer = await asyncio.open_connection(*place)
        beside = await asyncio.open_connection(*place)
        writer.write(framed(many))
        await begun.wait()
        beside[1].write(framed(hospital.everyday("B1")))
        answer = await beside[0].readuntil(b"B1\r\x1c\r")
        turned.append(len(judged))
        told = b""
        while told.count(b"MSA|AA|E") < 2500 or not told.endswith(b"\x1c\r"):
            told += await reader.read(65536)
        for one in (writer, beside[1]):
            one.close()
        await port.stop(5)
        return answer, told

    with ThreadPoolExecutor(2) as executor:
        answer, told = asyncio.run(asyncio.wait_for(story(executor), 60))
    assert code_of(answer.rpartition(b"\x0b")[2]) == "AA"
    assert told.count(b"\rBTS|") == 1
    assert told.startswith(b"\x0b\x06\x1c\r") == (release == "2")
    assert turned[0] < 2000
    assert judged[judged.index(b"B1") - 1] != b"E2499"


@pytest.mark.loopback
def test_a_port_scanner_gets_a_few_lines_and_a_count(monkeypatch):
    monkeypatch.setattr(measured_log, "SPAN_S", 0.5)
    loaded, _ = read_everything(Instructions(mappings=(str(DEMO),)), thorough=False)
    counted = []

    async def story(executor):
        counts = GatheredCounts(asyncio.get_running_loop(), lambda event, _: counted.append(event))
        received = received_by(loaded, MllpListener(), Keeper(), executor, counts)
        port = listener(MllpListener(), received, counts, None, None)
        place = ("127.0.0.1", await port.start("127.0.0.1", 0))
        for _ in range(20):
            reader, writer = await asyncio.open_connection(*place)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
            writer.close()
        await asyncio.sleep(0.6)
        await port.stop(5)

    with capture_logs() as lines, ThreadPoolExecutor(1) as executor:
        asyncio.run(story(executor))
    assert counted.count("not-mllp") == 20
    told = [line for line in lines if line["event"] == "not-mllp"]
    left_out = [line for line in lines if line["event"] == "lines-left-out"]
    assert {(line["speaks"], line["peer"].rpartition(":")[0]) for line in told} == {("http", "127.0.0.1")}
    assert {(line["kind"], line["listener"]) for line in left_out} <= {("not-mllp", "default")}
    assert len(told) + sum(line["count"] for line in left_out) == 20
    assert len(told) % 5 == 0
