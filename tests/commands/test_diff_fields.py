"""Two values field by field: rows find their partner, digits count, and both directions say the same."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.commands.diff_fields import differences

LEAVES = st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text()
ROWS = st.fixed_dictionaries({"key": st.sampled_from("abcd"), "value": LEAVES})
VALUES = st.recursive(
    LEAVES | st.lists(ROWS, max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("uvwxyz"), inner, max_size=4),
    max_leaves=12,
)


def told(before, after):
    return [(change.path, change.how, change.before, change.after) for change in differences(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": {"unit": "[IU]/L"}}, {"a": {"unit": "[IU]/mL"}}, [("a.unit", "changed", "[IU]/L", "[IU]/mL")]),
        ({"a": Decimal("0.10")}, {"a": Decimal("0.1")}, [("a", "changed", Decimal("0.10"), Decimal("0.1"))]),
        ({"a": Decimal("0.10")}, {"a": Decimal("0.10")}, []),
        ({"a": True}, {"a": 1}, [("a", "changed", True, 1)]),
        ({"a": 1}, {"a": "1"}, [("a", "changed", 1, "1")]),
        ({"a": None}, {"a": {"x": 1, "y": 2}}, [("a.x", "added", None, 1), ("a.y", "added", None, 2)]),
        ({"a": {"x": 1}}, {"a": None}, [("a.x", "gone", 1, None)]),
        ({"a": None}, {"a": {}}, [("a", "changed", None, {})]),
        ({"a": 1}, {}, [("a", "gone", 1, None)]),
        ({}, {"a": {"x": 1}}, [("a.x", "added", None, 1)]),
        ({}, {"a": None}, []),
        ({"a": None, "b": 1}, {"b": 1, "c": None}, []),
        ({"a": None}, {"a": {"x": 1, "y": None}}, [("a.x", "added", None, 1)]),
        ({"a": {"x": 1, "y": None}}, {}, [("a.x", "gone", 1, None)]),
        ({"a": None}, {"a": {"x": None}}, [("a", "changed", None, {"x": None})]),
        ({"a": [None]}, {"a": []}, [("a", "gone", None, None)]),
        (["p", "q"], ["q", "r"], [("", "gone", "p", None), ("", "added", None, "r")]),
        (["p", "p"], ["p"], [("", "gone", "p", None)]),
        (["p", "q"], ["q", "p"], [("", "changed", ["p", "q"], ["q", "p"])]),
        ([["p"]], [["p"], ["q"]], [("[2]", "added", None, ["q"])]),
        ([["p"], ["q"]], [["p"]], [("[2]", "gone", ["q"], None)]),
    ],
)
def test_what_differs_is_told_with_its_place(before, after, changes):
    assert told(before, after) == changes


def test_rows_are_paired_by_their_key_wherever_they_stand():
    before = {"samples": [{"key": "F1", "unit": "U"}, {"key": "F2", "unit": "U"}, {"key": "F3", "unit": "U"}]}
    after = {"samples": [{"key": "F1", "unit": "U"}, {"key": "F3", "unit": "E"}]}
    assert told(before, after) == [
        ("samples[F2]", "gone", {"key": "F2", "unit": "U"}, None),
        ("samples[F3].unit", "changed", "U", "E"),
    ]


def test_the_field_of_a_change_has_no_names_of_rows():
    (change,) = differences({"samples": [{"key": "F1", "unit": "U"}]}, {"samples": [{"key": "F1", "unit": "E"}]})
    assert (change.path, change.field) == ("samples[F1].unit", "samples.unit")


def test_one_row_left_over_on_each_side_is_the_same_under_another_name():
    before = {"coding": [{"system": "s", "code": "low"}, {"system": "s", "code": "kept"}]}
    after = {"coding": [{"system": "s", "code": "high"}, {"system": "s", "code": "kept"}]}
    assert told(before, after) == [("coding.code", "changed", "low", "high")]


def test_components_are_paired_by_their_code_and_problems_by_code_and_place():
    component = {"code": {"coding": [{"system": "s", "code": "exposure"}]}}
    before = {"component": [{**component, "value": 1}], "problems": [{"code": "near-miss", "where": "OBX[1]-3"}]}
    after = {"component": [{**component, "value": 2}], "problems": []}
    assert told(before, after) == [
        ("component[exposure].value", "changed", 1, 2),
        ("problems[near-miss OBX[1]-3]", "gone", {"code": "near-miss", "where": "OBX[1]-3"}, None),
    ]


def test_rows_that_share_a_name_are_compared_by_their_place():
    before = [{"key": "a", "value": 1}, {"key": "a", "value": 2}]
    after = [{"key": "a", "value": 1}, {"key": "a", "value": 3}]
    assert told(before, after) == [("[2].value", "changed", 2, 3)]


def test_another_order_of_rows_is_a_change():
    rows = [{"key": "a"}, {"key": "b"}]
    assert told({"rows": rows}, {"rows": rows[::-1]}) == [("rows", "changed", ["a", "b"], ["b", "a"])]


@given(VALUES)
def test_a_value_never_differs_from_itself(value):
    assert differences(value, value) == ()


@given(VALUES, VALUES)
def test_both_directions_tell_the_same_changes(one, other):
    there = [repr(change) for change in differences(one, other)]
    back = [repr(change.swapped()) for change in differences(other, one)]
    assert sorted(there) == sorted(back)


@given(VALUES, VALUES)
def test_values_without_a_difference_print_alike(one, other):
    if not differences(one, other):
        assert _unordered(one) == _unordered(other)


def _unordered(value):
    match value:
        case dict():
            return {name: _unordered(inner) for name, inner in value.items() if inner is not None}
        case list():
            return [_unordered(inner) for inner in value]
        case _:
            return type(value).__name__, str(value)
