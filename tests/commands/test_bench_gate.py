"""The gate of a bench: ratios of this run against those of an earlier one, and what cannot be compared."""

from __future__ import annotations

import json
from argparse import Namespace

import pytest

from adapter.commands.bench_gate import Compared, NoBaseline, baseline, compared, gate_lines
from adapter.commands.bench_outcome import before, conclude
from adapter.commands.bench_verdict import Goal

FINE = Goal(id="P0", goal="all kept", measured="all", passed=True, correctness=True)
MISSED = Goal(id="P1", goal="ratio >= 0.50", measured="0.10", passed=False)
WRONG = Goal(id="P8d", goal="equal", measured="DIFFERENT", passed=False, correctness=True)
RESULT = {"bench": "whole", "extent": "quick", "gated": {"unfiltered": 4.0}}


def options(**given):
    return Namespace(**{"json": True, "strict": False, "gate": None, "save": None, **given})


def concluded(goals=(FINE,), was=None, now=4.0, **given):
    return conclude({**RESULT, "gated": {"unfiltered": now}}, goals, options(**given), was, lambda *_: "the page\n")


@pytest.fixture
def kept(tmp_path, capsys):
    """A run that was kept."""
    path = tmp_path / "before.json"
    assert concluded(save=path) == 0
    capsys.readouterr()
    return path


@pytest.mark.parametrize(("now", "status"), [(5.0, 0), (5.0001, 1), (1.0, 0)])
def test_a_quarter_more_passes_the_gate_and_a_little_more_does_not(kept, capsys, now, status):
    was = before(options(gate=kept), bench="whole", extent="quick")
    assert concluded(was=was, now=now, gate=kept) == status
    (row,) = json.loads(capsys.readouterr().out)["compared"]
    assert row == {"name": "unfiltered", "was": 4.0, "now": now, "change": now / 4.0, "worse": status == 1}


@pytest.mark.parametrize(
    ("goals", "strict", "status"),
    [([MISSED], False, 0), ([MISSED], True, 1), ([WRONG], False, 1), ([FINE], True, 0)],
)
def test_without_a_gate_only_wrong_results_fail_unless_strict(goals, strict, status):
    assert concluded(goals, strict=strict) == status


def test_a_wrong_result_fails_also_where_every_ratio_is_as_before():
    assert concluded([WRONG], was={"unfiltered": 4.0}) == 1


def test_a_ratio_that_only_one_run_measured_is_told_and_fails_nothing():
    rows = compared({"gone": 1.0, "both": 2.0}, {"both": 2.0, "new": 3.0})
    assert rows == [
        Compared(name="gone", was=1.0, now=None),
        Compared(name="both", was=2.0, now=2.0),
        Compared(name="new", was=None, now=3.0),
    ]
    assert not any(row.worse for row in rows)


def test_the_comparison_is_a_table_of_was_and_is(tmp_path):
    rows = compared({"slower": 1.0, "same": 2.0, "gone": 1.0}, {"slower": 1.3, "same": 2.0})
    assert gate_lines(rows, tmp_path / "before.json")[1:] == [
        "ratio        was        is   change",
        "slower     1.000     1.300   x 1.30  WORSE",
        "same       2.000     2.000   x 1.00",
        "gone       1.000         -           measured by one run only",
    ]


def test_for_a_person_the_page_stands_before_the_comparison(kept, capsys):
    assert concluded(was={"unfiltered": 4.0}, json=False, gate=kept) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "the page"
    assert printed[1].startswith(f"ratios of this run against {kept} ")
    assert len(printed) == 4


def test_what_is_kept_is_what_json_prints(tmp_path, capsys):
    path = tmp_path / "run.json"
    assert concluded([MISSED], save=path) == 0
    told = json.loads(capsys.readouterr().out)
    assert json.loads(path.read_text()) == told
    assert told["verdict"] == [{"id": "P1", "goal": "ratio >= 0.50", "measured": "0.10", "pass": False}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is no JSON"),
        ("[]", "is no result of a bench"),
        ('{"schema": 2, "gated": {"a": 1}}', "is no result of a bench"),
        ('{"schema": 1}', "is no result of a bench"),
        ('{"schema": 1, "gated": {"a": 0}}', "is no result of a bench"),
        ('{"schema": 1, "gated": {"a": "1"}}', "is no result of a bench"),
        (
            '{"schema": 1, "bench": "wire", "extent": "quick", "gated": {}}',
            "bench wire (quick), and this one is of whole",
        ),
        (
            '{"schema": 1, "bench": "whole", "extent": "full", "gated": {}}',
            "bench whole (full), and this one is of whole",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_to_do(tmp_path, text, says):
    path = tmp_path / "before.json"
    path.write_text(text)
    with pytest.raises(NoBaseline, match="--save") as refused:
        baseline(path, bench="whole", extent="quick")
    assert says in str(refused.value)


def test_a_baseline_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NoBaseline, match=r"cannot be read \(No such file or directory\); write one with --save"):
        baseline(tmp_path / "no.json", bench="whole", extent="quick")


def test_a_run_that_could_not_be_kept_is_refused_before_it_is_measured(tmp_path):
    with pytest.raises(NoBaseline, match="there is no folder"):
        before(options(save=tmp_path / "no" / "run.json"), bench="whole", extent="quick")


def test_a_run_that_cannot_be_kept_at_the_end_is_printed_all_the_same(tmp_path, capsys):
    assert concluded(save=tmp_path) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["bench"] == "whole"
    assert err == f"{tmp_path} cannot be written (Is a directory): this run is not kept.\n"
