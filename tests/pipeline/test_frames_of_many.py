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
from adapter.pipeline.portions import MESSAGES_BETWEEN_TURNS, portions
from adapter.pipeline.receive import Door, Replies, receive_hl7, receive_in_mode
from adapter.store.faults import CannotKeep

TEN = Door(listener="lab", source="ward", answered_together=10)


def cut(raw, most):
    async def all_of():
        with ThreadPoolExecutor(1) as executor:
            return [portion async for portion in portions(raw, most, executor)]

    return asyncio.run(all_of())


async def _replies(raw, door, reception):
    """Every answer of a frame, in order."""
    told, replies = [], await receive_in_mode(raw, door, reception)
    while isinstance(replies, Replies):
        told.append(replies.first)
        replies = await replies.later() if replies.later else None
    return [*told, replies]


def replied(raw, door, reception):
    return [answer for answer in asyncio.run(_replies(raw, door, reception)) if answer is not None]


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
    messages = [message for portion in found for message in portion.messages]
    assert messages == split_messages(raw)
    assert all(len(portion.messages) <= most for portion in found)
    assert [portion.last for portion in found] == [False] * (len(found) - 1) + [True]
    assert {portion.several for portion in found} == {len(messages) > 1}


def test_a_frame_of_two_bytes_a_character_is_taken_in_portions_too():
    raw = "".join(f"MSH|^~\\&|A|B|C|D|20250101||ORU^R01|{n}|P|2.5|||||||UNICODE UTF-16\r" for n in range(5)).encode(
        "utf-16"
    )
    assert [len(portion.messages) for portion in cut(raw, 2)] == [2, 2, 1]


def test_every_message_is_kept_and_answered_in_its_order(keeper, make_reception):
    kept = keeper()
    reception, _ = make_reception(kept)
    names = [f"A{n}" for n in range(25)]
    frame = b"".join(hospital.oru(name, filler=name) for name in names)
    answers = replied(frame, TEN, reception)
    assert [answer.split(b"\r")[-2] for answer in answers] == [b"BTS|10", b"BTS|10", b"BTS|5"]
    told = [line.split(b"|")[2].decode() for answer in answers for line in answer.split(b"\r") if line[:3] == b"MSA"]
    assert told == names
    assert [stored.arrival.control_id for stored in kept.inbox.after(0, 99)] == names


@pytest.mark.parametrize(("count", "batches"), [(1, 1), (2, 1), (10, 1), (11, 2), (20, 2), (21, 3)])
def test_as_many_answers_as_it_takes_and_no_batch_around_a_single_message(keeper, make_reception, count, batches):
    reception, _ = make_reception(keeper())
    answers = replied(b"".join(hospital.everyday(f"E{n}") for n in range(count)), TEN, reception)
    assert len(answers) == batches
    assert {answer.startswith(b"BHS|") for answer in answers} == {count > 1}
    assert sum(len(one) for one in codes(answers)) == count


def test_nobody_is_answered_before_those_of_his_own_portion_are_kept(keeper, make_reception):
    """What lies behind is not yet taken apart when the first of a long frame are told."""
    kept = keeper()
    reception, _ = make_reception(kept)
    frame = b"".join(hospital.oru(f"A{n}", filler=f"F{n}") for n in range(30))

    async def begun():
        replies = await receive_in_mode(frame, TEN, reception)
        held = kept.inbox.last_seq()
        await replies.later()
        return held, kept.inbox.last_seq()

    assert asyncio.run(begun()) == (10, 20)


def test_in_enhanced_mode_each_portion_is_accepted_then_answered(keeper, make_reception):
    reception, _ = make_reception(keeper())
    frame = b"".join(asking(hospital.oru(f"A{n}", filler=f"F{n}")) for n in range(5))
    answers = replied(frame, replace(ENHANCED, answered_together=3), reception)
    assert codes(answers) == [["CA"] * 3, ["AA"] * 3, ["CA"] * 2, ["AA"] * 2]


def test_what_cannot_be_kept_behind_the_first_portion_is_not_answered(keeper, make_reception):
    class FullAfterTen(keeper):
        def submit(self, arrival):
            self._fault = CannotKeep("full") if self.inbox.last_seq() == 10 else None
            return super().submit(arrival)

    reception, _ = make_reception(FullAfterTen())
    frame = b"".join(hospital.oru(f"A{n}", filler=f"F{n}") for n in range(12))

    async def story():
        replies = await receive_in_mode(frame, TEN, reception)
        with pytest.raises(CannotKeep):
            await replies.later()
        return replies.first

    assert codes([asyncio.run(story())]) == [["AA"] * 10]


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


@pytest.mark.parametrize("receive", [receive_hl7, _replies], ids=["http", "mllp"])
@pytest.mark.parametrize("mode", ["original", "enhanced"])
def test_only_so_many_messages_of_one_frame_are_handled_between_two_turns(keeper, make_reception, receive, mode):
    reception, _ = make_reception(keeper())
    turns = Turns(reception.judge)
    frame = b"".join(hospital.everyday(f"E{n}") for n in range(1100))
    asyncio.run(
        turns.beside(
            receive(frame, replace(TEN, answered_together=500, ack_mode=mode), replace(reception, judge=turns.judge))
        )
    )
    assert sum(turns.judged.values()) == 1100
    assert max(turns.judged.values()) == MESSAGES_BETWEEN_TURNS
