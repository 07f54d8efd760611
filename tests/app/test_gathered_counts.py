"""What is counted in a moment is told once, and comes to what telling each would have."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from adapter.app import counters
from adapter.app.gathered_counts import TELL_AFTER_S, GatheredCounts
from adapter.app.many_at_once import Histogram

BUCKETS = (0.1, 0.5, 1)


def waits(registry):
    return Histogram("waits", "Waits.", ["listener"], buckets=BUCKETS, registry=registry).labels("lab")


def told(registry):
    return [
        (one.name, one.labels, one.value) for one in next(iter(registry.collect())).samples if "created" not in one.name
    ]


@given(st.lists(st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 0.50001, 1.0, 7.0])))
def test_many_waits_at_once_come_to_what_each_would(amounts):
    one_by_one, together = CollectorRegistry(), CollectorRegistry()
    each, all_at_once = waits(one_by_one), waits(together)
    for amount in amounts:
        each.observe(amount)
    all_at_once.observe_all(amounts)
    assert [row[:2] for row in told(together)] == [row[:2] for row in told(one_by_one)]
    assert [row[2] for row in told(together)] == pytest.approx([row[2] for row in told(one_by_one)])


class Loop:
    """A loop that notes what is to be called in a moment."""

    def __init__(self):
        self.soon = []

    def call_later(self, _after_s, what):
        self.soon.append(what)


def value(metric):
    return next(iter(metric.collect())).samples[0].value


def test_a_moment_is_told_once_and_the_next_anew():
    counters.name_senders(lambda sender: "lab" if sender == "LAB|A" else "other")
    loop, at_once = Loop(), []
    counts = GatheredCounts(loop, lambda *one: at_once.append(one))
    facts = {"listener": "turn", "code": "AA"}
    counts.observe("irrelevant", facts)
    counts.observe("irrelevant", facts)
    counts.heard("turn", "LAB|A")
    counts.heard("turn", "X|Y")
    counts.answered("turn")(0.2)
    counts.observe("repeat", facts)
    assert (len(loop.soon), at_once) == (1, [("repeat", facts)])
    irrelevant, acks = counters.received("turn", "irrelevant", "AA")
    assert (value(irrelevant), value(acks)) == (0, 0)
    loop.soon.pop()()
    ours, others = (counters.of_sender("turn", sender) for sender in ("LAB|A", "X|Y"))
    assert (value(irrelevant), value(acks), value(ours[0]), value(others[0])) == (2, 2, 1, 1)
    assert value(ours[1]) > 0
    assert [
        one.value for one in counters.ACK_SECONDS.labels("turn").collect()[0].samples if one.name.endswith("_count")
    ] == [1]
    counts.observe("irrelevant", facts)
    counts.observe("answered", facts)
    assert len(loop.soon) == 1
    loop.soon.pop()()
    relevant, acks = counters.received("turn", "relevant", "AA")
    assert (value(irrelevant), value(relevant), value(acks)) == (3, 1, 4)


def test_on_a_real_loop_nothing_is_left_behind():
    async def run():
        counts = GatheredCounts(asyncio.get_running_loop())
        for _ in range(3):
            counts.observe("irrelevant", {"listener": "real", "code": "AA"})
            await asyncio.sleep(0)
        await asyncio.sleep(5 * TELL_AFTER_S)

    asyncio.run(run())
    assert value(counters.received("real", "irrelevant", "AA")[0]) == 3
