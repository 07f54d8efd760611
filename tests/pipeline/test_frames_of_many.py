"""A frame of very many messages: in order, in portions, and never all at once before anybody else's turn."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import hospital
import pytest
from asking import ENHANCED, asking, codes
from hypothesis import given
from hypothesis import strategies as st

from adapter.ingest.hl7v2 import split_messages
from adapter.pipeline import receive
from adapter.pipeline.portions import MESSAGES_BETWEEN_TURNS, portions
from adapter.pipeline.receive import Door, receive_hl7, receive_in_mode
from adapter.store.faults import CannotKeep

DOOR = Door(listener="lab", source="ward")


def cut(raw, most):
    async def all_of():
        with ThreadPoolExecutor(1) as executor:
            return [portion async for portion in portions(raw, most, executor)]

    return asyncio.run(all_of())


async def _replies(raw, door, reception):
    """Both answers of a frame, in order."""
    replies = await receive_in_mode(raw, door, reception)
    return [replies.first, await replies.later() if replies.later else None]


def replied(raw, door, reception):
    return [answer for answer in asyncio.run(_replies(raw, door, reception)) if answer is not None]


@pytest.fixture(autouse=True)
def _three_at_once(monkeypatch):
    """Frames are cut at every third message."""
    monkeypatch.setattr(receive, "MESSAGES_CUT_AT_ONCE", 3)


PIECES = st.sampled_from(
    [
        b"MSH|^~\\&|A|B\r",
        b"MSH|^~\\&|C|D\nPID|1\n",
        b"BHS|^~\\&\r",
        b"BTS|2\r",
        b"FTS|1\r",
        b"\x1c\r",
        b"\x0b",
        b" \r",
        b"x\r",
    ]
)


@given(st.lists(PIECES, max_size=20), st.sampled_from([b"", b"\xef\xbb\xbf"]), st.integers(2, 5))
def test_portions_together_are_what_the_frame_holds(pieces, mark, most):
    raw = mark + b"".join(pieces)
    found = cut(raw, most)
    assert [message for portion in found for message in portion] == split_messages(raw)
    assert all(0 < len(portion) <= most for portion in found)


def test_a_frame_of_two_bytes_a_character_is_taken_in_portions_too():
    raw = "".join(f"MSH|^~\\&|A|B|C|D|20250101||ORU^R01|{n}|P|2.5|||||||UNICODE UTF-16\r" for n in range(5)).encode(
        "utf-16"
    )
    assert [len(portion) for portion in cut(raw, 2)] == [2, 2, 1]


def test_every_message_is_kept_and_answered_in_its_order(keeper, make_reception):
    kept = keeper()
    reception, _ = make_reception(kept)
    names = [f"A{n}" for n in range(25)]
    frame = b"".join(hospital.oru(name, filler=name) for name in names)
    (answer,) = replied(frame, DOOR, reception)
    assert answer.split(b"\r")[-2] == b"BTS|25"
    assert [line.split(b"|")[2].decode() for line in answer.split(b"\r") if line[:3] == b"MSA"] == names
    assert [stored.arrival.control_id for stored in kept.inbox.after(0, 99)] == names


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
def test_one_answer_for_a_frame_and_no_batch_around_a_single_message(keeper, make_reception, count):
    reception, _ = make_reception(keeper())
    (answer,) = replied(b"".join(hospital.everyday(f"E{n}") for n in range(count)), DOOR, reception)
    assert answer.startswith(b"BHS|") is (count > 1)
    assert codes([answer]) == [["AA"] * count]


def test_in_enhanced_mode_all_are_accepted_then_all_are_answered(keeper, make_reception):
    reception, _ = make_reception(keeper())
    frame = b"".join(asking(hospital.oru(f"A{n}", filler=f"F{n}")) for n in range(5))
    assert codes(replied(frame, ENHANCED, reception)) == [["CA"] * 5, ["AA"] * 5]


def test_what_cannot_be_kept_behind_the_first_portion_leaves_the_frame_unanswered(keeper, make_reception):
    class FullAfterTen(keeper):
        def submit(self, arrival):
            self._fault = CannotKeep("full") if self.inbox.last_seq() == 10 else None
            return super().submit(arrival)

    reception, _ = make_reception(FullAfterTen())
    frame = b"".join(hospital.oru(f"A{n}", filler=f"F{n}") for n in range(12))
    with pytest.raises(CannotKeep):
        replied(frame, DOOR, reception)


class Turns:
    """Counts how often the loop turned, and how many messages were judged in each turn."""

    def __init__(self, judge) -> None:
        self._judge = judge
        self._turn = 0
        self.judged: dict[int, int] = {}

    def judge(self, raw, envelope):
        self.judged[self._turn] = self.judged.get(self._turn, 0) + 1
        return self._judge(raw, envelope)

    async def beside(self, work):
        async def turning():
            while True:
                self._turn += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(turning())
        try:
            return await work
        finally:
            ticking.cancel()


@pytest.mark.parametrize("answers", [receive_hl7, _replies], ids=["http", "mllp"])
@pytest.mark.parametrize("mode", ["original", "enhanced"])
def test_only_so_many_messages_of_one_frame_are_handled_between_two_turns(
    keeper, make_reception, monkeypatch, answers, mode
):
    reception, _ = make_reception(keeper())
    monkeypatch.setattr(receive, "MESSAGES_CUT_AT_ONCE", 500)
    reading = reception.reading()
    turns = Turns(reading.judge)
    counting = replace(reception, reading=lambda: reading._replace(judge=turns.judge))
    frame = b"".join(hospital.everyday(f"E{n}") for n in range(1100))
    asyncio.run(turns.beside(answers(frame, replace(DOOR, ack_mode=mode), counting)))
    assert sum(turns.judged.values()) == 1100
    assert max(turns.judged.values()) == MESSAGES_BETWEEN_TURNS
