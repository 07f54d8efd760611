"""The decision tables as a whole: exactly one row decides every situation, and the silent cells are known by name."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from adapter.domain.findings import EXPOSURES, MECHANISMS
from adapter.rules.decision import TABLES, decide
from adapter.rules.situation import Situation

LEVELS = ("blq", "low", "low-unquantified", "ok", "straddles")
TIMES = (
    ("absorbing", False),
    ("early", True),
    ("early", False),
    ("declining", False),
    ("first-window", True),
    ("first-window", False),
    ("between", False),
    ("later-window", True),
    ("later-window", False),
    ("expired", False),
)
"""Phase, and whether a detectable low counts as loss there."""
VERDICTS_WITH_REACTION = {
    "reaction-unresolved",
    "reaction-activity-preserved",
    "severe-reaction-activity-preserved",
    "suspected-neutralizing-hypersensitivity",
    "neutralizing-hypersensitivity",
}
ESTABLISHED = ("suspected-silent-inactivation", "neutralizing-hypersensitivity")


def grid(table):
    """Every situation a table can be asked for: 7,200 cells."""
    return tuple(
        Situation(
            table=table,
            level=level,
            phase=phase,
            low_is_loss=low_is_loss,
            reaction=reaction,
            severe=severe and reaction != "none",
            portion=portion,
            route=route,
            ok_in_window=ok_in_window,
            above_band=False,
        )
        for level, (phase, low_is_loss), reaction, severe, portion, route, ok_in_window in product(
            LEVELS,
            TIMES,
            ("none", "unconfirmed", "present"),
            (False, True),
            ("full", "partial", "negligible", "unknown"),
            ("IV", "IM", None),
            (False, True),
        )
    )


GRIDS = {table: grid(table) for table in TABLES}
each_table = pytest.mark.parametrize("table", sorted(TABLES))


def silent(cell):
    """Ruling 12 takes the gap between 48 and 72 h from D4 and D12 and gives it to nobody when there was a reaction.

    Erwinia's table has no early time after which lows no longer count, so `declining` never comes to it either.
    """
    if cell.table != "erwinia":
        return False
    lost = cell.level in ("blq", "low", "low-unquantified")
    given = cell.portion in ("full", "partial")
    gap_after_a_reaction = cell.phase == "between" and cell.reaction != "none" and given
    never = cell.phase == "declining" and (
        cell.portion == "full" or (cell.portion == "partial" and cell.reaction != "none")
    )
    return lost and (gap_after_a_reaction or never)


@each_table
def test_exactly_one_row_holds_for_every_situation_but_the_silent_ones(table):
    for cell in GRIDS[table]:
        rows = [rule for rule in TABLES[table] if rule.applies(cell)]
        assert len(rows) == (0 if silent(cell) else 1), (cell, [rule.id for rule in rows])


@each_table
def test_where_a_table_is_silent_the_answer_is_indeterminate_by_rule_d0(table):
    for cell in GRIDS[table]:
        rule = decide(cell)
        assert (rule.id == "D0") is silent(cell)
        if rule.id == "D0":
            assert (rule.exposure, rule.mechanism) == (
                "indeterminate",
                "not-assessable" if cell.reaction == "none" else "reaction-unresolved",
            )


def test_the_number_of_silent_cells_is_known(capsys):
    counted = {table: Counter(decide(cell).id for cell in GRIDS[table])["D0"] for table in TABLES}
    with capsys.disabled():
        print(f"\nD0 cells of {len(GRIDS['erwinia'])}: {counted}")
    assert (counted["pegylated"], counted["native"]) == (0, 0)
    assert counted["erwinia"] == sum(silent(cell) for cell in GRIDS["erwinia"])


@each_table
def test_every_row_decides_some_situation(table):
    deciding = {id(rule) for cell in GRIDS[table] for rule in TABLES[table] if rule.applies(cell)}
    assert deciding == {id(rule) for rule in TABLES[table]}


@each_table
def test_every_verdict_is_a_known_code(table):
    assert {rule.exposure for rule in TABLES[table]} <= set(EXPOSURES)
    assert {rule.mechanism for rule in TABLES[table]} <= set(MECHANISMS)


@each_table
def test_a_mechanism_names_a_reaction_exactly_when_there_is_one(table):
    for cell in GRIDS[table]:
        assert (decide(cell).mechanism in VERDICTS_WITH_REACTION) is (cell.reaction != "none"), cell


@each_table
def test_only_good_levels_in_or_after_a_window_are_adequate(table):
    adequate = {(cell.level, cell.phase) for cell in GRIDS[table] if decide(cell).exposure == "adequate"}
    assert adequate == {("ok", phase) for phase in ("first-window", "between", "later-window", "expired")}


@each_table
def test_no_partial_dose_is_ever_called_inactivated(table):
    for cell in GRIDS[table]:
        if cell.portion != "full":
            assert decide(cell).mechanism not in ESTABLISHED, cell


@each_table
def test_a_severe_reaction_never_reads_as_a_mild_one(table):
    for cell in GRIDS[table]:
        if cell.severe:
            assert decide(cell).mechanism != "reaction-activity-preserved", cell


@each_table
def test_a_detectable_low_is_never_read_as_more_than_nothing_measurable_is(table):
    strength = {"adequate": 0, "above-band": 0, "indeterminate": 1, "inadequate": 2}
    for cell in GRIDS[table]:
        if cell.level == "blq":
            low = Situation(**{**{name: getattr(cell, name) for name in Situation.__slots__}, "level": "low"})
            if decide(low).mechanism in ESTABLISHED:
                assert decide(cell).mechanism in ESTABLISHED, cell
                assert strength[decide(cell).exposure] >= strength[decide(low).exposure]


def test_erwinia_is_never_called_inactivated_after_the_first_window():
    for cell in GRIDS["erwinia"]:
        if cell.phase not in ("early", "first-window"):
            assert decide(cell).mechanism not in (*ESTABLISHED, "suspected-neutralizing-hypersensitivity"), cell


def test_nothing_measurable_on_the_first_day_is_provisional_for_pegylated_products_only():
    for table, expected in (("pegylated", {"D3b"}), ("native", {"D3c"}), ("erwinia", {"D3c"})):
        rules = {
            decide(cell).id
            for cell in GRIDS[table]
            if (cell.level, cell.phase, cell.portion, cell.route) == ("blq", "absorbing", "full", "IV")
            and cell.reaction != "none"
        }
        assert rules == expected
