"""`troughline bench mapping`: what it measures and which results fail it; never how fast."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace
from random import Random

import pytest

from adapter.cli import main
from adapter.commands import bench_mapping
from adapter.commands.bench_mapping import MessageCost, goals_of, message_of
from adapter.commands.bench_verdict import verdict

TINY = bench_mapping.Extent(rounds=1, results=(1, 3))
COST = MessageCost(
    results=1,
    relevant=True,
    size_bytes=400,
    filter_us=20.0,
    reading_us=100.0,
    hl7apy_us=6_000.0,
    python_hl7_us=300.0,
    as_expected=True,
)


def options(**given: object) -> Namespace:
    return Namespace(**{"quick": True, "strict": False, "gate": None, "save": None, "seed": 20, "json": False, **given})


def test_every_kind_of_message_is_measured_beside_both_libraries(monkeypatch, capsys):
    monkeypatch.setattr(bench_mapping, "QUICK", TINY)
    monkeypatch.setattr(bench_mapping, "ROUND_US", 1.0)
    assert main(["bench", "mapping", "--quick", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(m["relevant"], m["results"]) for m in told["messages"]] == [(True, 1), (True, 3), (False, 1), (False, 3)]
    assert all(m["hl7apy_us"] > 0 and m["python_hl7_us"] > 0 and m["as_expected"] for m in told["messages"])
    assert [goal["id"] for goal in told["verdict"]] == ["M0", "M1"]
    assert len(told["gated"]) == 4


def test_an_irrelevant_message_costs_the_filter_alone():
    assert COST.whole_us == 120.0
    assert replace(COST, relevant=False).whole_us == 20.0


@pytest.mark.parametrize(("hl7apy_us", "passed"), [(6_000.0, True), (5_999.0, False)])
def test_the_worst_message_decides(hl7apy_us: float, *, passed: bool):
    goals = goals_of([replace(COST, relevant=False), replace(COST, hl7apy_us=hl7apy_us)])
    assert [goal["pass"] for goal in verdict(goals)] == [True, passed]


@pytest.mark.parametrize(("right", "status"), [(True, 0), (False, 1)])
def test_only_a_message_read_wrongly_fails_the_run(monkeypatch, capsys, right: bool, status: int):
    costs = [replace(COST, as_expected=right, hl7apy_us=1.0, python_hl7_us=None)]
    result = {
        "bench": "mapping",
        "seed": 20,
        "machine": {"python": "3", "processors": 2, "load": 0.1},
        "messages": [
            {**{name: getattr(cost, name) for name in cost.__dataclass_fields__}, "whole_us": cost.whole_us}
            for cost in costs
        ],
        "gated": bench_mapping.gated(costs),
    }
    monkeypatch.setattr(bench_mapping, "measured", lambda *_: (result, goals_of(costs)))
    assert bench_mapping.run(options()) == status
    printed = capsys.readouterr().out
    assert "python-hl7 is left out: it is not installed (pip install hl7)" in printed
    assert ("WRONG" in printed) is not right
    assert "M1  missed" in printed


def test_a_relevant_message_begins_with_an_activity_and_has_as_many_results_as_asked_for():
    for relevant in (True, False):
        raw = message_of(Random(1), 4, relevant=relevant)  # noqa: S311 - repeatable, not secret
        assert raw.count(b"\rOBX|") == 4
        assert (b"ASPACT" in raw) is relevant
