"""Between the loop and other threads: everything comes back once, in order, and nobody waits for what was given up."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from functools import partial

import pytest
from hand_overs import Gate

from adapter.pipeline.handing import ALONE_FROM_BYTES, TOGETHER_LIMIT, handing


class Unheard(BaseException):
    """What no `except Exception` catches."""


class HollowError(Exception):
    """A fault that is false."""

    def __bool__(self):
        return False


def test_works_of_one_turn_are_done_and_come_back_in_their_order(on_a_loop, one_thread):
    done, told = [], []

    async def hand_over():
        made = [
            handing().done_by(one_thread, partial(done.append, number), size_bytes=1)
            for number in range(3 * TOGETHER_LIMIT)
        ]
        for number, one in enumerate(made):
            one.add_done_callback(lambda _, number=number: told.append(number))
        await asyncio.gather(*made)

    on_a_loop(hand_over)
    assert done == told == list(range(3 * TOGETHER_LIMIT))


@pytest.mark.parametrize(
    ("works", "sizes"),
    [
        (TOGETHER_LIMIT - 1, [TOGETHER_LIMIT - 1]),
        (TOGETHER_LIMIT, [TOGETHER_LIMIT]),
        (TOGETHER_LIMIT + 1, [TOGETHER_LIMIT, 1]),
        (2 * TOGETHER_LIMIT + 1, [TOGETHER_LIMIT, TOGETHER_LIMIT, 1]),
    ],
)
def test_no_more_go_together_than_the_limit(on_a_loop, one_thread, works, sizes):
    async def hand_over():
        await asyncio.gather(*(handing().done_by(one_thread, int, size_bytes=1) for _ in range(works)))

    on_a_loop(hand_over)
    assert one_thread.sizes == sizes


@pytest.mark.parametrize(("size", "sizes"), [(ALONE_FROM_BYTES - 1, [3]), (ALONE_FROM_BYTES, [1, 2])])
def test_work_on_much_goes_alone(on_a_loop, one_thread, size, sizes):
    async def hand_over():
        await asyncio.gather(*(handing().done_by(one_thread, int, size_bytes=one) for one in (1, size, 1)))

    on_a_loop(hand_over)
    assert one_thread.sizes == sizes


@pytest.mark.parametrize("handed_over", [False, True])
def test_what_is_cancelled_before_its_turn_is_not_done(on_a_loop, one_thread, handed_over):
    done, gate = [], Gate()

    async def hand_over():
        held = handing().done_by(one_thread, gate, size_bytes=1)
        await gate.is_held()
        one, other = (handing().done_by(one_thread, partial(done.append, name), size_bytes=1) for name in "ab")
        if handed_over:
            await asyncio.sleep(0.01)
            assert one_thread.sizes == [1, 2]
        one.cancel()
        gate.open.set()
        await other
        assert one.cancelled()
        assert await held == "held"

    on_a_loop(hand_over)
    assert done == ["b"]


def test_what_is_cancelled_while_it_is_done_comes_to_its_end_unheard(on_a_loop, one_thread):
    gate = Gate()

    async def hand_over():
        held, behind = (handing().done_by(one_thread, work, size_bytes=1) for work in (gate, lambda: "behind"))
        await gate.is_held()
        held.cancel()
        gate.open.set()
        assert await behind == "behind"
        assert held.cancelled()

    on_a_loop(hand_over)


def test_a_future_given_up_does_not_take_its_work_with_it(on_a_loop):
    async def give_up():
        future = Future()
        made = handing().back(future)
        made.cancel()
        assert not future.cancelled()
        future.set_result(1)
        later = Future()
        later.set_result(2)
        assert await handing().back(later) == 2
        assert made.cancelled()

    on_a_loop(give_up)


@pytest.mark.parametrize(
    "fault", [ValueError("a"), HollowError("b"), Unheard("c"), StopIteration(4), asyncio.CancelledError()]
)
@pytest.mark.parametrize("heard", [False, True])
def test_a_fault_reaches_whoever_waits_and_nobody_else(on_a_loop, one_thread, fault, heard):
    def fail():
        raise fault

    async def hand_over():
        works = (lambda: 1, fail, lambda: 3)
        one, failed, other = (handing().done_by(one_thread, work, size_bytes=1) for work in works)
        broken = Future()
        broken.set_exception(fault)
        brought = handing().back(broken)
        assert [await one, await other] == [1, 3]
        await asyncio.wait([failed, brought])
        if heard:
            for each in (failed, brought):
                with pytest.raises(RuntimeError if isinstance(fault, StopIteration) else type(fault)) as raised:
                    each.result()
                assert fault in (raised.value, raised.value.__cause__) or each.cancelled()

    on_a_loop(hand_over)
    assert one_thread.sizes == [3]


def test_the_future_of_another_thread_that_was_cancelled_is_cancelled_here(on_a_loop):
    async def bring():
        future = Future()
        made = handing().back(future)
        future.cancel()
        await asyncio.wait([made])
        assert made.cancelled()

    on_a_loop(bring)
