"""Nobody waits for what an executor gave up, and nothing goes to a loop that is closed."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor

import pytest
from hand_overs import PATIENCE_S, Gate

from adapter.pipeline.handing import ALONE_FROM_BYTES, TOGETHER_LIMIT, handing


@pytest.mark.parametrize("size", [1, ALONE_FROM_BYTES])
def test_an_executor_that_is_shut_down_fails_all_it_is_handed(on_a_loop, one_thread, size):
    one_thread.shutdown()

    async def hand_over():
        made = [handing().done_by(one_thread, int, size_bytes=size) for _ in range(3)]
        await asyncio.wait(made)
        with pytest.raises(RuntimeError, match="shutdown"):
            made[0].result()

    on_a_loop(hand_over)


def test_what_an_executor_gives_up_when_it_is_shut_down_is_cancelled(on_a_loop, one_thread):
    gate = Gate()

    async def hand_over():
        held = handing().done_by(one_thread, gate, size_bytes=1)
        await gate.is_held()
        left = [handing().done_by(one_thread, int, size_bytes=1) for _ in range(TOGETHER_LIMIT + 1)]
        await asyncio.sleep(0.01)
        one_thread.shutdown(wait=False, cancel_futures=True)
        await asyncio.wait(left)
        gate.open.set()
        assert all(one.cancelled() for one in left)
        assert await held == "held"

    on_a_loop(hand_over)


def test_what_an_executor_cannot_begin_fails(on_a_loop):
    begin = threading.Event()

    def fail():
        assert begin.wait(PATIENCE_S)
        raise ValueError

    async def hand_over():
        with ThreadPoolExecutor(1, initializer=fail) as executor:
            made = [handing().done_by(executor, int, size_bytes=1) for _ in range(3)]
            await asyncio.sleep(0.01)
            begin.set()
            await asyncio.wait(made)
            assert {type(one.exception()).__mro__[1] for one in made} == {BrokenExecutor}

    on_a_loop(hand_over)


def test_what_comes_back_to_a_loop_that_is_closed_is_dropped(on_a_loop, one_thread):
    gate, late, kept = Gate(), Future(), []

    async def leave():
        kept.append(handing())
        handing().back(late)
        for work in (gate, int):
            handing().done_by(one_thread, work, size_bytes=1)
        await gate.is_held()

    on_a_loop(leave)
    late.set_result(1)
    gate.open.set()
    one_thread.shutdown()
    assert not kept[0]._back


def test_each_loop_has_its_own_hand_overs_and_the_last_are_forgotten(on_a_loop):
    async def look():
        assert handing() is handing()
        return weakref.ref(handing())

    first, second = on_a_loop(look), on_a_loop(look)
    gc.collect()
    assert first() is None
    assert second() is not None
