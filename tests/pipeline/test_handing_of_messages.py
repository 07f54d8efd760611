"""What a kept message hands to other threads: its answer comes once, whatever becomes of the wording."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter

import hospital
import pytest

from adapter.pipeline.handing import TOGETHER_LIMIT
from adapter.pipeline.receive import Door, receive_hl7, receive_in_mode
from adapter.store.crash_points import on_reaching
from adapter.store.faults import CannotKeep

DOOR = Door(listener="lab", source="ward", answer_within_s=30)
HURRIED = Door(listener="lab", source="ward", answer_within_s=0.05)
PATIENCE_S = 30


class Unheard(BaseException):
    """What no `except Exception` catches."""


@pytest.fixture(autouse=True)
def _nothing_is_complained_of(caplog, _rest_known):
    yield
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


@pytest.fixture
def points():
    """Every point reached, in order."""
    reached = []
    on_reaching(reached.append)
    yield reached
    on_reaching(None)


class Wording:
    """A translator that waits to be let go, and then may fail."""

    def __init__(self, fault=None):
        self.entered, self.open, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.read = []
        self._fault = fault

    def __call__(self, raw, _source):
        self.read.append(raw)
        self.entered.set()
        assert self.open.wait(PATIENCE_S)
        self.ended.set()
        if self._fault:
            raise self._fault
        return []

    async def is_entered(self):
        assert await asyncio.to_thread(self.entered.wait, PATIENCE_S)

    async def comes_to_its_end(self):
        self.open.set()
        assert await asyncio.to_thread(self.ended.wait, PATIENCE_S)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("messages", [1, 2])
def test_every_frame_comes_once_by_the_points_where_it_may_die(keeper, make_reception, points, messages):
    reception, _ = make_reception(keeper())
    asyncio.run(receive_hl7(b"".join(hospital.oru(f"A{n}") for n in range(messages)), DOOR, reception))
    assert points == ["received", "answer-worded"]


def test_a_frame_passes_each_point_once_where_the_door_is_asked_for_its_mode(keeper, make_reception, points):
    reception, _ = make_reception(keeper())
    enhanced = Door(listener="lab", source="ward", ack_mode="enhanced")
    asyncio.run(receive_in_mode(hospital.oru("A1"), DOOR, reception))
    assert points == ["received", "answer-worded"]
    points.clear()
    asyncio.run(receive_in_mode(hospital.oru("A2"), enhanced, reception))
    assert points == ["received", "answer-worded"]


@pytest.mark.parametrize("fault", [None, Unheard("late")])
def test_a_wording_that_is_late_is_counted_once_and_not_again_when_it_ends(keeper, make_reception, points, fault):
    kept, slow = keeper(), Wording(fault)
    reception, observed = make_reception(kept, translate=slow)

    async def receive():
        answer = await receive_hl7(hospital.oru("A1"), HURRIED, reception)
        await slow.comes_to_its_end()
        return answer

    assert b"MSA|AA|A1\r" in asyncio.run(receive())
    assert kept.log == [("kept", "A1"), ("answered", "AA")]
    assert [event for event, _ in observed] == ["answered-before-translated", "answered"]
    assert points == ["received", "answer-worded"]


def test_a_connection_that_ends_while_its_answer_is_worded_leaves_the_wording_alone(keeper, make_reception):
    kept, slow = keeper(), Wording(Unheard("late"))
    reception, observed = make_reception(kept, translate=slow)

    async def receive():
        answering = asyncio.create_task(receive_hl7(hospital.oru("A1"), DOOR, reception))
        await slow.is_entered()
        answering.cancel()
        await asyncio.wait([answering])
        assert answering.cancelled()
        await slow.comes_to_its_end()

    asyncio.run(receive())
    assert kept.log == [("kept", "A1")]
    assert observed == []


def test_a_connection_that_ends_before_its_message_is_kept_loses_no_message(keeper, make_reception):
    kept, slow = keeper(waits=True), Wording()
    reception, observed = make_reception(kept, translate=slow)

    async def receive():
        answering = asyncio.create_task(receive_hl7(hospital.oru("A1"), DOOR, reception))
        await slow.is_entered()
        answering.cancel()
        await asyncio.wait([answering])
        kept.release()
        await slow.comes_to_its_end()

    asyncio.run(receive())
    assert kept.log == [("kept", "A1")]
    assert observed == []


def test_what_cannot_be_kept_is_not_worded_when_its_turn_comes(keeper, make_reception):
    slow = Wording()
    reception, _ = make_reception(keeper(fault=CannotKeep("full")), translate=slow)

    async def receive():
        # As many as there are threads hold them, before anything of the next message can begin.
        held = [asyncio.wrap_future(reception.executor.submit(slow, b"held", "")) for _ in range(2)]
        with pytest.raises(CannotKeep):
            await receive_hl7(hospital.oru("A1"), DOOR, reception)
        slow.open.set()
        await asyncio.gather(*held)
        await asyncio.to_thread(reception.executor.submit(int).result, PATIENCE_S)

    asyncio.run(receive())
    assert slow.read == [b"held", b"held"]


def test_many_connections_at_once_are_each_told_their_own_answer(keeper, make_reception):
    kept = keeper()
    reception, observed = make_reception(kept)
    count = 3 * TOGETHER_LIMIT + 1

    async def receive():
        return await asyncio.gather(*(receive_hl7(frame(n), DOOR, reception) for n in range(count)))

    def frame(number):
        return hospital.oru(f"A{number}", unit="" if number % 3 == 0 else "U/L")

    answers = asyncio.run(receive())
    told = [answer[answer.index(b"\rMSA|") :].split(b"|")[1:3] for answer in answers]
    codes = [(msa[0], msa[1].split(b"\r")[0]) for msa in told]
    assert codes == [(b"AE" if n % 3 == 0 else b"AA", b"A%d" % n) for n in range(count)]
    assert Counter(event for event, _ in observed) == {"answered": count}


def test_a_fault_of_one_wording_is_not_the_neighbours(keeper, make_reception):
    def translate(raw, _source):
        if b"|A1|" in raw:
            raise Unheard
        return []

    kept = keeper()
    reception, observed = make_reception(kept, translate=translate)

    async def receive():
        frames = (receive_hl7(hospital.oru(f"A{n}"), DOOR, reception) for n in range(3))
        return await asyncio.gather(*frames, return_exceptions=True)

    first, failed, last = asyncio.run(receive())
    assert isinstance(failed, Unheard)
    assert first is last is None
    assert kept.inbox.last_seq() == 3
    assert len(observed) == 2
