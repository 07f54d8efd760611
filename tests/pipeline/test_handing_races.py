"""However threads switch, what they hand over arrives once, and a hand-over that loses something would be seen."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from hand_overs import PATIENCE_S

from adapter.pipeline.handing import ALONE_FROM_BYTES, Handing, handing

THREADS = 4


def settle(futures):
    for number, future in futures:
        future.set_result(number)


async def bring_back(rounds, kind=Handing, *, patience_s=PATIENCE_S):
    """How often each result of several threads was told, round by round: what is lost in one round is seen in it."""
    hands, told = kind(asyncio.get_running_loop()), Counter()
    with ThreadPoolExecutor(THREADS) as threads:
        for start in range(0, rounds * 12, 12):
            futures = [(number, Future()) for number in range(start, start + 12)]
            made = [hands.back(future) for _, future in futures]
            for one in made:
                one.add_done_callback(lambda done: told.update((done.result(),)))
            for thread in range(THREADS):
                threads.submit(settle, futures[thread::THREADS])
            await asyncio.wait_for(asyncio.gather(*made), patience_s)
    return told


@pytest.mark.usefixtures("_hostile_switching")
def test_every_result_comes_back_once_however_the_threads_switch(on_a_loop):
    told = on_a_loop(lambda: bring_back(400))
    assert told == dict.fromkeys(range(4800), 1)


class WokenFirst(Handing):
    """Looks right: but the woken turn may be over before the result is where it looks."""

    def bring(self, tell):
        if not self._woken:
            self._woken = True
            self.loop.call_soon_threadsafe(self._take_back)
        self._back.append(tell)


@pytest.mark.usefixtures("_hostile_switching")
def test_the_loss_of_a_wake_up_would_be_seen():
    async def lose():
        with pytest.raises(TimeoutError):
            await bring_back(5000, WokenFirst, patience_s=1)

    asyncio.run(lose())


@pytest.mark.usefixtures("_hostile_switching")
def test_every_work_is_done_once_however_the_threads_switch(on_a_loop):
    done = []

    def work(number):
        done.append(number)
        return -number

    async def hand_over():
        hands, made = handing(), []
        with ThreadPoolExecutor(THREADS) as executor:
            for number in range(3000):
                size = ALONE_FROM_BYTES if number % 7 == 0 else 1
                made.append(hands.done_by(executor, partial(work, number), size_bytes=size))
                if number % 40 == 0:
                    await asyncio.sleep(0)
            return await asyncio.gather(*made)

    assert on_a_loop(hand_over) == [-number for number in range(3000)]
    assert sorted(done) == list(range(3000))
