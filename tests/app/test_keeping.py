"""What is handed over is kept in its order, and before any mark set after it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime

import pytest

from adapter.app.keeping import GroupKeeper, marked_place
from adapter.domain.message import Arrival
from adapter.store.group_commit import Request


def arrival(number):
    return Arrival(
        kind="hl7v2",
        source="lab",
        listener="mllp",
        raw=b"MSH|%d" % number,
        received_at=datetime(2025, 3, 10, tzinfo=UTC),
        sender="LAB|HOSP",
        control_id=f"M{number}",
    )


class Told:
    def __init__(self, loop):
        self._loop, self.kept = loop, loop.create_future()

    def set_running_or_notify_cancel(self):
        return True

    def set_result(self, kept):
        self._loop.call_soon_threadsafe(self.kept.set_result, kept.seq)


@pytest.fixture
def keeper(tmp_path):
    with closing(GroupKeeper(tmp_path / "inbox.db", "inbox", lambda _: None)) as made:
        yield made


def test_what_one_turn_wants_kept_is_kept_in_its_order(keeper):
    async def turn():
        told = [Told(asyncio.get_running_loop()) for _ in range(3)]
        for number, one in enumerate(told):
            keeper.hand_over(Request(arrival(number), one))
        return await asyncio.wait_for(asyncio.gather(*(one.kept for one in told)), 20)

    assert asyncio.run(turn()) == [1, 2, 3]


def test_a_mark_counts_what_was_to_be_kept_before_it_in_the_same_turn_and_nothing_after(keeper):
    async def turn():
        loop = asyncio.get_running_loop()
        told = [Told(loop) for _ in range(2)]
        keeper.hand_over(Request(arrival(0), told[0]))
        mark = keeper.mark()
        keeper.hand_over(Request(arrival(1), told[1]))
        place = await loop.run_in_executor(None, marked_place, mark)
        return place, await asyncio.wait_for(asyncio.gather(*(one.kept for one in told)), 20)

    assert asyncio.run(turn()) == (1, [1, 2])
