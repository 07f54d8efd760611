"""Every condition of the decision tables as a truth table over all situations, written out as boxes of values."""

from __future__ import annotations

from itertools import product

import pytest

from adapter.rules import conditions
from adapter.rules.situation import Situation

AXES = {
    "level": ("blq", "low", "low-unquantified", "ok", "straddles"),
    "phase": ("absorbing", "early", "declining", "first-window", "between", "later-window", "expired"),
    "low_is_loss": (False, True),
    "reaction": ("none", "unconfirmed", "present"),
    "severe": (False, True),
    "portion": ("full", "partial", "negligible", "unknown"),
    "route": ("IV", "IM", None),
    "ok_in_window": (False, True),
}
LOST = ("blq", "low", "low-unquantified")
DETECTABLE = ("low", "low-unquantified")
READABLE = ("early", "declining", "first-window", "between", "later-window")
REACTED = ("unconfirmed", "present")
BOXES = {
    "REACTION": [{"reaction": REACTED}],
    "NO_REACTION": [{"reaction": ("none",)}],
    "CONFIRMED_RECORD": [{"reaction": ("present",)}],
    "UNCONFIRMED_RECORD": [{"reaction": ("unconfirmed",)}],
    "SEVERE": [{"reaction": REACTED, "severe": (True,)}],
    "NOT_SEVERE": [{"reaction": REACTED, "severe": (False,)}],
    "FULL": [{"portion": ("full",)}],
    "NOT_FULL": [{"portion": ("partial", "negligible", "unknown")}],
    "PARTIAL": [{"portion": ("partial",)}],
    "FULL_OR_PARTIAL": [{"portion": ("full", "partial")}],
    "TOO_LITTLE": [{"portion": ("negligible", "unknown")}],
    "STRADDLES": [{"level": ("straddles",)}],
    "REACHED": [{"level": ("ok",)}],
    "LOW": [{"level": LOST}],
    "NIL": [{"level": ("blq",)}],
    "DETECTABLE": [{"level": DETECTABLE}],
    "LOSS_OF_ACTIVITY": [
        {"level": ("blq",), "phase": READABLE},
        {"level": DETECTABLE, "phase": READABLE, "low_is_loss": (True,)},
    ],
    "EXPLICABLE_LOW": [{"level": DETECTABLE, "phase": READABLE, "low_is_loss": (False,)}],
    "JUDGED_LOW": [{"level": LOST, "phase": READABLE}],
    "PROVISIONAL_NIL": [{"portion": ("full",), "route": ("IV",), "level": ("blq",)}],
    "NOT_PROVISIONAL_NIL": [
        {"portion": ("partial", "negligible", "unknown")},
        {"route": ("IM", None)},
        {"level": ("low", "low-unquantified", "ok", "straddles")},
    ],
    "TOO_EARLY_FOR_A_LOW": [{"phase": ("absorbing",)}],
    "TOO_LATE_FOR_A_LOW": [{"phase": ("expired",)}],
    "INSIDE_A_WINDOW": [{"phase": ("first-window", "later-window")}],
    "OUTSIDE_THE_WINDOWS": [{"phase": ("absorbing", "early", "declining", "between", "expired")}],
    "WINDOW_OR_LATER": [{"phase": ("first-window", "between", "later-window", "expired")}],
    "BEFORE_THE_WINDOW": [{"phase": ("absorbing", "early", "declining")}],
    "BY_THE_END_OF_THE_FIRST_WINDOW": [{"phase": ("early", "first-window")}],
    "IN_FIRST_WINDOW": [{"phase": ("first-window",)}],
    "IN_LATER_WINDOW": [{"phase": ("later-window",)}],
    "BETWEEN_OR_AFTER": [{"phase": ("between", "expired")}],
    "BETWEEN_THE_WINDOWS": [{"phase": ("between",)}],
    "KEPT_IN_A_WINDOW": [{"ok_in_window": (True,)}],
    "NOT_KEPT_IN_A_WINDOW": [{"ok_in_window": (False,)}],
}
SITUATIONS = tuple(
    Situation(table="pegylated", above_band=False, **dict(zip(AXES, values, strict=True)))
    for values in product(*AXES.values())
)


def expected(name, situation):
    """Whether the situation lies in one of the boxes."""
    return any(all(getattr(situation, axis) in allowed for axis, allowed in box.items()) for box in BOXES[name])


def test_every_condition_has_its_boxes():
    named = {name for name, value in vars(conditions).items() if isinstance(value, conditions.Condition)}
    assert named == set(BOXES)


@pytest.mark.parametrize("name", BOXES)
def test_a_condition_holds_exactly_in_its_boxes(name):
    condition = getattr(conditions, name)
    wrong = [s for s in SITUATIONS if condition.holds(s) is not expected(name, s)]
    assert wrong[:3] == []
