"""`troughline bench delivery`: what it measures and which results fail it; never how fast."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from adapter.cli import main
from adapter.commands import bench_delivery
from adapter.commands.bench_delivery import Delivered, Delivery
from adapter.commands.bench_delivery_ways import Pace, copy_of, held, ours, owed, recorded, stand_in
from adapter.commands.bench_verdict import exit_status, verdict

TINY = bench_delivery.Extent(patients=3, slow_patients=2, naive_patients=1)
PACE = Pace(patients=100, resources=400, seconds=1.0, cpu_s=0.4)
ONE = Delivered(workers=1, at_once=50, delay_ms=0.0, pace=PACE, right=True)
DELIVERY = Delivery(
    delivered=[
        ONE,
        replace(ONE, delay_ms=20.0, pace=replace(PACE, seconds=10.0)),
        replace(ONE, delay_ms=20.0, workers=4, pace=replace(PACE, seconds=4.0)),
    ],
    bare={1: replace(PACE, seconds=0.25), 4: PACE},
    naive=replace(PACE, cpu_s=0.8),
)


@pytest.mark.slow
def test_every_setting_is_measured_beside_bare_posts_and_the_plain_way_and_everything_stands_once(monkeypatch, capsys):
    monkeypatch.setattr(bench_delivery, "QUICK", TINY)
    assert main(["bench", "delivery", "--quick", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    settings = [(one["workers"], one["at_once"], one["delay_ms"]) for one in told["delivered"]]
    assert settings == [(1, 1, 0.0), (1, 50, 0.0), (4, 1, 0.0), (4, 50, 0.0), (1, 50, 20.0), (4, 50, 20.0)]
    assert all(one["right"] and one["patients_per_s"] > 0 and one["resource_us"] > 0 for one in told["delivered"])
    assert [one["workers"] for one in told["bare"]] == [1, 4]
    assert told["naive"]["resource_us"] > 0
    assert [goal["id"] for goal in told["verdict"]] == ["D0", "D1", "D2", "D3"]
    assert len(told["gated"]) == 5


@pytest.mark.loopback
@pytest.mark.parametrize("workers", [1, 4])
def test_what_the_stand_in_holds_is_what_was_owed_and_a_second_write_or_another_digit_is_seen(workers, tmp_path):
    state_file = owed(tmp_path / "owed", 4, 20)
    with stand_in() as url:
        with copy_of(state_file, tmp_path / "copy") as state:
            sent = recorded(state, url)
        assert len(sent.bundles) == 4
        once = {reference: (1, digest) for reference, digest in sent.wanted.items()}
        with copy_of(state_file, tmp_path / "copy") as state:
            _, ended = ours(state, url, workers=workers, at_once=3)
        assert ended["confirmed"] == len(once)
        assert held(url) == once
        assert held(url) == {}, "it begins anew"
        for _ in range(2):
            with copy_of(state_file, tmp_path / "copy") as state:
                ours(state, url, workers=workers, at_once=50)
        assert held(url) == {reference: (2, digest) for reference, digest in sent.wanted.items()}


def test_goals_are_ratios_of_one_run():
    assert {goal["id"]: (goal["measured"], goal["pass"]) for goal in verdict(DELIVERY.goals())} == {
        "D0": ("all", True),
        "D1": ("0.25", True),
        "D2": ("0.50", True),
        "D3": ("2.50", True),
    }


@pytest.mark.parametrize(("right", "status"), [(True, 0), (False, 1)])
def test_only_what_stands_wrongly_fails_the_run(right: bool, status: int):
    slow = replace(ONE, pace=replace(PACE, seconds=100.0), right=right)
    goals = replace(DELIVERY, delivered=[slow, *DELIVERY.delivered[1:]]).goals()
    assert [goal.passed for goal in goals][:2] == [right, False]
    assert exit_status(goals, strict=False) == status
    assert exit_status(goals, strict=True) == 1


def test_the_page_has_a_line_for_every_way(capsys, monkeypatch):
    monkeypatch.setattr(bench_delivery, "measured", lambda *_: DELIVERY)
    assert main(["bench", "delivery", "--quick"]) == 0
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()[3:9]] == ["Troughline"] * 3 + ["bare", "bare", "plain"]
    assert "D0  ok" in printed
