"""What a port whose store is full tells its sender and its log."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import hospital
import pytest
from running_service import Laboratory, code_of
from structlog.testing import capture_logs

from adapter.app.listening import listener, reception
from adapter.app.parts import Instructions, read_everything
from adapter.settings import MllpListener, Sender
from adapter.store.faults import CannotKeep

DEMO = Path(__file__).parents[2] / "mappings" / "demo"


class FullKeeper:
    """A store without room."""

    def submit(self, _arrival):
        future = Future()
        future.set_exception(CannotKeep("the disk is full"))
        return future

    def answered(self, *_): ...

    def note_irrelevant(self, *_): ...

    def note_codes(self, *_): ...


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
        received = reception(
            loaded, MllpListener(), FullKeeper(), executor, lambda event, facts: counted.append((event, facts))
        )
        port = listener(MllpListener(), received, lambda *_: None, None, None)
        place = ("127.0.0.1", await port.start("127.0.0.1", 0))
        told = await asyncio.to_thread(send, place)
        await port.stop(5)
        return told

    with capture_logs() as lines, ThreadPoolExecutor(2) as executor:
        assert asyncio.run(story(executor)) == wanted
    assert [line["reason"] for line in lines if line["event"] == "cannot-keep"] == ["the disk is full"]
    assert [event for event, _ in counted] == (["refused"] if wanted == "AR" else [])
