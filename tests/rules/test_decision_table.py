"""The decision table as a whole: every situation is decided by one rule, and the silent cells are known."""

from __future__ import annotations

from collections import Counter
from itertools import product

from adapter.domain.findings import EXPOSURES, MECHANISMS
from adapter.rules.decision import RULES, decide
from adapter.rules.situation import Situation

LEVELS = ("blq", "low", "low-unquantified", "ok", "straddles")
PHASES = ("absorbing", "early", "first-window", "between", "later-window", "expired")
GRID = tuple(
    Situation(
        level=level,
        phase=phase,
        reaction=reaction,
        severe=severe and reaction != "none",
        portion=portion,
        route=route,
        ok_in_window=ok_in_window,
    )
    for level, phase, reaction, severe, portion, route, ok_in_window in product(
        LEVELS,
        PHASES,
        ("none", "unconfirmed", "present"),
        (False, True),
        ("full", "partial", "negligible", "unknown"),
        ("IV", "IM", None),
        (False, True),
    )
)
VERDICTS_WITH_REACTION = {
    "reaction-unresolved",
    "reaction-activity-preserved",
    "severe-reaction-activity-preserved",
    "suspected-neutralizing-hypersensitivity",
    "neutralizing-hypersensitivity",
}


def test_the_table_is_silent_nowhere():
    decided = Counter(decide(situation).id for situation in GRID)
    assert decided["D0"] == 0
    assert set(decided) == {rule.id for rule in RULES}


def test_every_row_decides_some_situation():
    deciding = {id(next(rule for rule in RULES if rule.when(situation))) for situation in GRID}
    assert deciding == {id(rule) for rule in RULES}


def test_every_verdict_is_a_known_code():
    assert {rule.exposure for rule in RULES} <= set(EXPOSURES)
    assert {rule.mechanism for rule in RULES} <= set(MECHANISMS)


def test_a_mechanism_names_a_reaction_exactly_when_there_is_one():
    for situation in GRID:
        reacted = situation.reaction != "none"
        assert (decide(situation).mechanism in VERDICTS_WITH_REACTION) is reacted, situation


def test_only_good_levels_in_or_after_a_window_are_adequate():
    adequate = {(s.level, s.phase) for s in GRID if decide(s).exposure == "adequate"}
    assert adequate == {("ok", phase) for phase in ("first-window", "between", "later-window", "expired")}


def test_no_partial_dose_is_ever_called_inactivated():
    established = ("suspected-silent-inactivation", "neutralizing-hypersensitivity")
    for situation in GRID:
        if situation.portion != "full":
            assert decide(situation).mechanism not in established, situation


def test_a_severe_reaction_never_reads_as_a_mild_one():
    for situation in GRID:
        if situation.severe:
            assert decide(situation).mechanism != "reaction-activity-preserved", situation
