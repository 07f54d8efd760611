"""The slow disk of the bench: where it cannot be made, what its figures say, and that the delay is real."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_measurements import measured

from adapter.commands import bench_slow_disk
from adapter.commands.bench_plain import Pace, Syncs
from adapter.commands.bench_service import meanwhile
from adapter.commands.bench_slow_disk import DELAY_US, CannotSlow, Extent, SlowDisk, library
from adapter.commands.bench_wire_runs import Run

MEASURED = measured(100)
RUN = Run(name="slow", measured=MEASURED, whole_s=1.0, cpu_us={"intake": 1.0}, resident_mib={"intake": 60.0})
SLOW = SlowDisk(
    syncs=Syncs(p50_us=5_100.0, p99_us=5_900.0, per_s=190.0, spread=0.1),
    commits=Pace(per_s=2.5, cpu_us=20.0),
    many=[replace(RUN, measured=replace(MEASURED, seconds=1.6))],
    one=[RUN],
    echoed=replace(MEASURED, seconds=0.004),
    kept=100,
    to_keep=100,
)


def taking(seconds):
    return [replace(RUN, measured=replace(MEASURED, seconds=seconds))]


def missed(slow):
    return {goal.id for goal in slow.goals() if not goal.passed}


def test_at_its_goals_it_passes():
    assert [goal.id for goal in SLOW.goals()] == ["P5d", "P5", "P5o"]
    assert missed(SLOW) == set()


@pytest.mark.parametrize(
    ("changed", "goals"),
    [
        ({"many": taking(1.601)}, {"P5"}),
        ({"one": taking(1.001)}, {"P5o"}),
        ({"kept": 99}, {"P5d"}),
        ({"one": [replace(RUN, measured=replace(MEASURED, codes={"AA": 99, "AE": 1}))]}, {"P5d"}),
        ({"many": [replace(RUN, measured=replace(MEASURED, codes={}))], "one": taking(1.0)}, set()),
    ],
)
def test_each_goal_is_missed_just_beyond_its_limit(changed, goals):
    assert missed(replace(SLOW, **changed)) == goals


def test_an_echo_pays_a_round_trip_for_every_message_and_a_sync_for_every_fiftieth():
    round_trip_s, sync_s = 0.004 / 100, 0.0051
    assert SLOW.echo_over_commits == pytest.approx(50 / (50 * round_trip_s + sync_s) / 2.5)


def test_only_wrong_answers_are_wrong_results():
    assert {goal.id for goal in SLOW.goals() if goal.correctness} == {"P5d"}


def test_without_a_compiler_the_reason_names_those_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotSlow, match=r"there is no C compiler \(gcc, cc\) to build the delay with"):
        library(tmp_path)


def test_a_compiler_that_fails_is_told(tmp_path, monkeypatch):
    compiler = tmp_path / "gcc"
    compiler.write_text("#!/bin/sh\nexit 3\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(CannotSlow, match=r"could not build the delay \(exit code 3\)"):
        library(tmp_path)


def test_a_delay_without_effect_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_slow_disk, "DELAY_US", 60_000_000)
    with pytest.raises(CannotSlow, match="the delay had no effect on syncs"):
        bench_slow_disk._plain(tmp_path, Extent(kept=1, unfiltered=1, commits=2, rounds=1, syncs=4), 20, {})


@pytest.mark.faults
def test_with_the_delay_every_sync_and_commit_waits(tmp_path):
    environment = {"LD_PRELOAD": str(library(tmp_path)), "TROUGHLINE_BENCH_SYNC_DELAY_US": str(DELAY_US)}
    extent = Extent(kept=1, unfiltered=1, commits=5, rounds=1, syncs=4)
    syncs, commits = bench_slow_disk._plain(tmp_path, extent, 20, environment)
    assert syncs.p50_us >= DELAY_US
    assert commits.per_s <= 1e6 / DELAY_US


class Running:
    """Stands in for a service."""

    def __init__(self) -> None:
        self.ended = 0

    def end(self):
        self.ended += 1


def test_a_service_that_starts_meanwhile_is_ended_with_the_block():
    running = Running()
    with meanwhile(lambda: running) as starting:
        assert starting.result() is running
        assert running.ended == 0
    assert running.ended == 1
    with pytest.raises(ZeroDivisionError), meanwhile(lambda: running):
        _ = 1 / 0
    assert running.ended == 2


def test_a_start_that_fails_is_told_where_the_service_is_asked_for_only():
    def fail():
        raise CannotSlow("nothing here is slow")

    with meanwhile(fail) as starting, pytest.raises(CannotSlow, match="nothing here"):
        starting.result()
    with meanwhile(fail):
        pass
