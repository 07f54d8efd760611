"""The grown stores of the bench: copies are what the store would hold, and what its figures say of the goals."""

from __future__ import annotations

import gc
import hashlib

import pytest

from adapter.commands import bench_growth, bench_growth_store
from adapter.commands.bench_corridor import INBOX, corridor
from adapter.commands.bench_feed import result_of
from adapter.commands.bench_growth import Extent, Growth, StoreCost
from adapter.commands.bench_growth_store import grow, name_of, pattern_of


def of(few=1000.0, many=1500.0, peak=150.0):
    stores = [
        StoreCost(size=10, us=few, clock_us=1.0, store_mib=1.0),
        StoreCost(size=1_000, us=many, clock_us=3.0, store_mib=9.0),
    ]
    return Growth(stores=stores, peak_mib={"intake": 60.0, "core": peak})


@pytest.mark.parametrize(
    ("growth", "missed"), [(of(), set()), (of(many=1500.1), {"P7"}), (of(peak=150.1), {"P7m"}), (of(few=1.0), {"P7"})]
)
def test_each_goal_is_missed_just_beyond_its_limit(growth, missed):
    goals = growth.goals()
    assert [goal.id for goal in goals] == ["P7", "P7m"]
    assert {goal.id for goal in goals if not goal.passed} == missed
    assert not any(goal.correctness for goal in goals)


def test_the_clock_is_told_beside_processor_time():
    assert of().as_dict()["ratio"] == 1.5
    assert of().as_dict()["clock_ratio"] == 3.0


def test_the_goal_names_its_sizes():
    assert of().goals()[0].goal == ("processor time of a message at 1,000 stored messages and patients / at 10 <= 1.50")


@pytest.mark.timeout(60)
def test_a_copy_is_a_message_in_the_inbox_with_the_facts_findings_and_resources_of_its_own(tmp_path):
    with corridor(tmp_path) as store:
        pattern = pattern_of(store, 20)
        grow(store, pattern, 1, 5)
        assert store.state.cursor(INBOX) == store.inbox.last_seq() == 6
        counts = store.state.counts()
        assert (counts["findings"], counts["parked"]) == (6, 0)
        assert counts["pending"] == 6 * len(pattern.ids)
        patients = store.state.all_patients()
        assert len(patients) == 6
        messages = [stored.arrival for stored in store.inbox.after(0, 10)]
        assert sorted(one.control_id for one in messages) == sorted(name_of(number) for number in range(6))
        for number in range(6):
            (patient,) = [one for one in patients if one.endswith(name_of(number))]
            (recorded,) = store.state.recall(patient).recorded
            raw = next(one.raw for one in messages if one.control_id == name_of(number))
            assert recorded.origin == hashlib.sha256(raw).hexdigest()


@pytest.mark.timeout(60)
def test_the_service_reads_on_where_the_copies_end(tmp_path):
    with corridor(tmp_path) as store:
        grow(store, pattern_of(store, 20), 1, 3)
    with corridor(tmp_path) as store:
        random = bench_growth.Random(1)
        store.keep([result_of(random, patient=name_of(2), control_id=name_of(9, "message"))])
        (done,) = store.understand()
        assert done.work.parked is None
        assert len(done.work.results[0].unlinked) == 2
        assert len(store.state.all_patients()) == 4


@pytest.mark.timeout(60)
def test_a_probe_fills_a_store_to_its_size_and_asks_old_and_new_patients(tmp_path):
    extent = Extent(sizes=(20,), rounds=2, sent=1)
    with corridor(tmp_path) as store:
        probe = bench_growth.Probe(20, store, extent, 20)
        assert store.inbox.last_seq() == 20
        assert len(store.state.all_patients()) == 20
        probe.measure()
        probe.measure()
        assert store.state.cursor(INBOX) == 40
        assert len(store.state.all_patients()) == 30
        assert len(probe.costs) == 2
        assert min(probe.costs) > 0
        assert len(probe.clock_costs) == 2


@pytest.mark.parametrize("enabled", [True, False])
def test_copies_are_written_in_the_order_of_their_names_block_by_block_and_each_once(tmp_path, monkeypatch, enabled):
    monkeypatch.setattr(bench_growth_store, "BLOCK", 4)
    was = gc.isenabled()
    heard = []
    (gc.enable if enabled else gc.disable)()
    try:
        with corridor(tmp_path) as store:
            grow(store, pattern_of(store, 20), 3, 6, heard.append)
            names = [stored.arrival.control_id for stored in store.inbox.after(0, 10)]
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()
    assert names == [name_of(0), *sorted(map(name_of, range(3, 7))), *sorted(map(name_of, (7, 8)))]
    assert heard == [6]
