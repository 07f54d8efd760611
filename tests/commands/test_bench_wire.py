"""`troughline bench wire`: what it sends, what its figures say of the goals, and that a wrong result fails it."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace

import pytest
from made_measurements import measured

from adapter.cli import _parser
from adapter.commands import bench_wire
from adapter.commands.bench_feed import feed_of
from adapter.commands.bench_filter import FilterCost, filter_cost
from adapter.commands.bench_limits import Limits
from adapter.commands.bench_plain import Pace, Syncs
from adapter.commands.bench_validated import Validated
from adapter.commands.bench_wire import Wire
from adapter.commands.bench_wire_goals import gated, goals_of
from adapter.commands.bench_wire_runs import LoadBroke, Run
from adapter.ingest.hl7v2 import peek
from adapter.ingest.hl7v2.header import envelope_of
from adapter.ingest.relevance import RelevanceFilter
from adapter.knowledge.load import load_knowledge
from adapter.knowledge.shipped import shipped

MEASURED = measured(1000)
LIMITS = Limits(
    syncs=Syncs(p50_us=50.0, p99_us=50.0, per_s=20_000.0, spread=0.1),
    echo=(replace(MEASURED, seconds=0.5, p99_us=50.0),) * 2,
    echo_costs_us=(10.0, 10.0),
    naive=Pace(per_s=1.0, cpu_us=300.0),
    naive_unfiltered=Pace(per_s=1.0, cpu_us=900.0),
    commits=Pace(per_s=200.0, cpu_us=20.0),
)
VALIDATION = Validated(messages=10, resources=40, valid=40, seconds=0.01, cpu_s=0.009)
FILTER = FilterCost(few_us_per_kb=3.0, many_us_per_kb=3.0)
GOALS = ("P0", "P1", "P1n", "P2", "P3", "P4", "P4d", "P4v", "P6", "P6g", "P9", "P9p")
TINY = bench_wire.Extent(unfiltered=200, kept=40, relevant=10, naive=4, rounds=1, syncs=20)


def run_of(name, measured=MEASURED, whole_s=1.0):
    return Run(
        name=name, measured=measured, whole_s=whole_s, cpu_us={"intake": 1.0, "core": 2.0}, resident_mib={"core": 90.0}
    )


def runs(**changed):
    names = ("unfiltered", "kept", "relevant", "target up", "target down")
    return {
        name: [changed.get("kept_run" if name == "kept" else name.replace(" ", "_"), run_of(name))] for name in names
    }


def wire(kept=40, to_keep=40, **changed):
    made = runs(**changed)
    return Wire(limits=LIMITS, runs=made, validation=VALIDATION, filtering=FILTER, kept=kept, to_keep=to_keep)


def options(**given):
    return Namespace(**{"quick": True, "strict": False, "gate": None, "save": None, "seed": 1, "json": False, **given})


def judged(limits=LIMITS, filtering=FILTER, kept=(40, 40), validation=VALIDATION, **changed):
    goals = goals_of(limits, runs(**changed), filtering, validation, kept_of_relevant=kept)
    assert tuple(goal.id for goal in goals) == GOALS
    return {goal.id for goal in goals if not goal.passed}


def test_at_its_goals_a_run_passes():
    assert judged() == set()


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({"unfiltered": run_of("u", whole_s=1.01)}, {"P1", "P1n"}),
        ({"unfiltered": run_of("u", replace(MEASURED, p99_us=300.1))}, {"P2"}),
        ({"kept_run": run_of("k", replace(MEASURED, seconds=1.01))}, {"P3"}),
        ({"relevant": run_of("r", whole_s=25.1)}, {"P4"}),
        ({"validation": replace(VALIDATION, seconds=0.656)}, set()),
        ({"validation": replace(VALIDATION, seconds=0.657)}, {"P4v"}),
        ({"validation": replace(VALIDATION, valid=39)}, {"P4d"}),
        ({"validation": replace(VALIDATION, resources=0, valid=0)}, {"P4d"}),
        ({"filtering": FilterCost(few_us_per_kb=3.0, many_us_per_kb=3.1)}, {"P6"}),
        ({"filtering": FilterCost(few_us_per_kb=1.0, many_us_per_kb=1.11)}, {"P6g"}),
        ({"target_down": run_of("d", replace(MEASURED, seconds=1.11))}, {"P9"}),
        ({"target_down": run_of("d", replace(MEASURED, p99_us=331.0))}, {"P9p"}),
        ({"kept_run": run_of("k", replace(MEASURED, codes={"AA": 999, "AE": 1}))}, {"P0"}),
        ({"kept_run": run_of("k", replace(MEASURED, codes={}))}, {"P0"}),
    ],
)
def test_each_goal_is_missed_just_beyond_its_limit(changed, missed):
    assert judged(**changed) == missed


@pytest.mark.parametrize(("syncs", "second_echo_s", "noisy"), [(0.3, 0.5, False), (0.31, 0.5, True), (0.0, 1.0, True)])
def test_a_run_is_noisy_where_echo_or_syncs_varied(syncs, second_echo_s, noisy):
    echo = (LIMITS.echo[0], replace(LIMITS.echo[0], seconds=second_echo_s))
    limits = replace(LIMITS, syncs=replace(LIMITS.syncs, spread=syncs), echo=echo)
    assert limits.noise()["noisy"] is noisy


def test_what_a_later_run_is_compared_by_is_processor_time_over_that_of_echo_or_plain_way():
    cost = FilterCost(few_us_per_kb=4.0, many_us_per_kb=5.0)
    told = gated(LIMITS, runs(relevant=replace(run_of("r"), cpu_us={"intake": 10.0, "core": 50.0})), cost, VALIDATION)
    assert told == {
        "unfiltered feed, processor time / echo": 0.3,
        "every message kept, processor time / echo": 0.3,
        "target down, processor time / echo": 0.3,
        "all relevant, processor time / plain way": 0.2,
        "validating every output, processor time / plain way": 3.0,
        "filter of a KB / echo of a message": 0.5,
        "filter, 5,000 codes / 5 codes": 1.25,
    }


def test_a_message_that_was_not_kept_fails_every_run_and_a_missed_ratio_none(monkeypatch, capsys):
    def with_kept(kept):
        slow = run_of("u", whole_s=9.0)
        monkeypatch.setattr(bench_wire, "measured", lambda *_: wire(*kept, unfiltered=slow))
        return bench_wire.run(options(json=True))

    assert with_kept((40, 40)) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["pass"]) for one in told["verdict"]][:3] == [("P0", True), ("P1", False), ("P1n", False)]
    assert with_kept((39, 40)) == 1


def test_strictly_a_missed_ratio_fails(monkeypatch, capsys):
    slow = run_of("u", whole_s=9.0)
    monkeypatch.setattr(bench_wire, "measured", lambda *_: wire(unfiltered=slow))
    assert bench_wire.run(options(strict=True)) == 1
    assert (
        "P1  FAILED  unfiltered feed, all that follows included / bare echo >= 0.50: 0.06\n" in capsys.readouterr().out
    )


def test_a_run_that_breaks_off_says_so(monkeypatch, capsys):
    def broken(*_):
        raise LoadBroke("the listener closed a connection")

    monkeypatch.setattr(bench_wire, "measured", broken)
    assert bench_wire.run(options()) == 2
    assert capsys.readouterr().err == "The bench broke off (LoadBroke): the listener closed a connection\n"


def test_a_feed_is_what_it_is_called():
    knowledge, _ = load_knowledge([shipped("mappings") / "demo"])
    judge = RelevanceFilter(knowledge, 10_000).judge_one

    def seen(kind, count):
        return [judge(message, envelope_of(message)).relevance for message in feed_of(kind, count, 20, "T")]

    assert set(seen("relevant", 50)) == {"relevant"}
    assert set(seen("kept", 50)) == {"near-miss"}
    unfiltered = seen("unfiltered", 3000)
    assert 30 <= unfiltered.count("relevant") <= 90
    assert set(unfiltered) == {"relevant", "irrelevant"}


def test_the_reports_of_a_whole_laboratory_are_as_large_as_they_are_there():
    reports = list(feed_of("unfiltered", 2000, 20, "T"))
    results = [report.count(b"\rOBX|") for report in reports]
    assert (min(results), max(results)) == (1, 30)
    assert 8.5 <= sum(results) / len(results) <= 10
    assert 1500 <= sum(map(len, reports)) / len(reports) <= 1900


def test_a_feed_is_the_same_for_the_same_seed_and_no_control_id_comes_twice():
    first, again = (list(feed_of("unfiltered", 500, 20, "T")) for _ in range(2))
    assert first == again
    assert first != list(feed_of("unfiltered", 500, 21, "T"))
    assert len({peek(message).control_id for message in first}) == 500


def test_the_filter_is_measured_with_few_and_many_codes():
    cost = filter_cost(list(feed_of("unfiltered", 20, 20, "T")))
    assert cost.few_us_per_kb > 0
    assert cost.many_us_per_kb > 0


@pytest.mark.slow
@pytest.mark.loopback
@pytest.mark.timeout(120)
def test_a_small_run_measures_everything_and_loses_nothing(monkeypatch, capsys):
    monkeypatch.setattr(bench_wire, "QUICK", TINY)
    assert bench_wire.run(_parser().parse_args(["bench", "wire", "--quick", "--json"])) == 0
    told = json.loads(capsys.readouterr().out)
    assert [goal["id"] for goal in told["verdict"]] == list(GOALS)
    assert told["verdict"][0]["measured"] == "40 of 40 kept, answers all AA"
    assert list(told["runs"]) == ["unfiltered", "kept", "relevant", "target up", "target down"]
    assert all(run["cpu_us"].keys() == {"intake", "core"} for run in told["runs"].values())
