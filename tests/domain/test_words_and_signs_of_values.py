"""The words, signs, components and flags of a reported value, each with its meaning (rulebook 2.4, ruling 3)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from values_read import above, below, number, span, unreadable

from adapter.domain.activity import Activity
from adapter.domain.values import Value, is_implausible, read_value

D = Decimal


def negative(text, value):
    return Value(kind="below-quantification", low=D(0), number=D(value), text=text)


@pytest.mark.parametrize(
    "words",
    [
        "nd",
        "n.d.",
        "not detected",
        "not detectable",
        "none detected",
        "undetected",
        "undetectable",
        "negative",
        "blq",
        "bloq",
        "<lloq",
        "< lloq",
        "<loq",
        "< loq",
        "<lod",
        "< lod",
        "below lloq",
        "below loq",
        "below detection",
        "below detection limit",
        "below limit of detection",
        "below quantification",
        "below quantification limit",
        "below limit of quantification",
        "below the limit of detection",
        "below the limit of quantification",
    ],
)
def test_words_for_nothing_measurable_are_read_in_any_case_and_with_a_full_stop(words):
    for text in (words, words.upper(), f" {words.rstrip('.')}. "):
        value = read_value([text])
        assert (value.kind, value.low, value.high) == ("below-quantification", None, None)


@pytest.mark.parametrize("words", ["", "see note", "See Notes", "PENDING", "pending."])
def test_words_for_no_value_yet_are_no_value(words):
    assert read_value([words]) == Value(kind="none", text=words)


@pytest.mark.parametrize(
    ("sign", "meant"),
    [
        ("<", "<"),
        ("<=", "<="),
        (">", ">"),
        (">=", ">="),
        ("\u2264", "<="),
        ("\u2265", ">="),
        ("&lt;", "<"),
        ("&lt;=", "<="),
        ("&gt;", ">"),
        ("&gt;=", ">="),
    ],
)
def test_every_sign_has_its_meaning_inside_the_text_and_as_a_component(sign, meant):
    text = f"{sign}0.5"
    expected = below(text, "0.5", meant) if meant.startswith("<") else above(text, "0.5", meant)
    assert read_value([text]) == expected
    assert read_value([sign, "0.5"], declared_type="SN") == expected


@pytest.mark.parametrize(
    ("components", "declared_type", "expected"),
    [
        (["0.45", ""], "CWE", number("0.45", "0.45")),
        (["Not detected", "", ""], "CWE", Value(kind="below-quantification", text="Not detected")),
        (["0.30", "0.45"], " CE ", number("0.30", "0.30")),
        (["", "0.45", "L"], "CNE", number("0.45", "0.45")),
        (["", "", "0.45", "L"], "CF", unreadable("0.45L")),
        (["", "0.1-0.2"], "SN", span("0.1-0.2", "0.1", "0.2")),
        (["", "0.1", "-", "0.3", "5"], "SN", unreadable("0.1-0.35")),
        (["", "1", "2", "3"], "SN", unreadable("123")),
        (["", "", "3"], "SN", unreadable("3")),
        (["", "", "-", "3"], "SN", unreadable("-3")),
        (["<", "", "-", "3"], "SN", unreadable("<-3")),
        (["", "1E", "-", "2"], "SN", unreadable("1E-2")),
        (["0.45", "", ""], "SN", number("0.45", "0.45")),
        (["", ""], "SN", Value(kind="none", text="")),
        (["0.45", "about half", "L"], "CE", number("0.45", "0.45")),
        (["0.45", "about half", "L"], "cwe ", number("0.45", "0.45")),
        (["0.45", "about half", "L"], "CNE", number("0.45", "0.45")),
        (["0.45", "about half", "L"], "CF", number("0.45", "0.45")),
        (["0.45", "about half", "L"], "SN", unreadable("0.45about halfL")),
        (["A1", "0.45"], "CWE", number("0.45", "0.45")),
        (["A1", "B2", "0.45"], "CWE", unreadable("A1")),
        (["A1", "", "0.45"], "CWE", unreadable("A1")),
        (["", "", "0.45"], "CWE", unreadable("0.45")),
        (["", "", "0", ".45"], "CWE", unreadable("0.45")),
        (["", "0.45"], "SN", number("0.45", "0.45")),
        (["", "0.1", "-", "0.2"], "SN", span("0.1-0.2", "0.1", "0.2")),
        (["5", "0.45"], "SN", unreadable("50.45")),
        (["", "", "", "2"], "SN", unreadable("2")),
        (["", "1", "", "2"], "SN", unreadable("12")),
        (["", "1", ".", "5"], "SN", unreadable("1.5")),
        (["", "1", "", "", "2"], "SN", unreadable("12")),
        (["", "1", "", "", "", "2"], "SN", unreadable("12")),
        (["<", "0.1", "-", "0.2"], "SN", unreadable("<0.1-0.2")),
        ([">", "1E", "-", "2"], "SN", unreadable(">1E-2")),
        ([">", "", "-", "0"], "SN", unreadable(">-0")),
    ],
)
def test_components_are_read_by_the_declared_type(components, declared_type, expected):
    assert read_value(components, declared_type=declared_type) == expected


@pytest.mark.parametrize(
    ("components", "declared_type", "with_comma", "without"),
    [
        (["1,5"], "ST", number("1,5", "1.5"), unreadable("1,5")),
        (["1,5", "high"], "CWE", number("1,5", "1.5"), unreadable("1,5")),
        (["XX", "1,25"], "CWE", number("1,25", "1.25"), unreadable("XX")),
        (["", "1,25", "-", "1,5"], "SN", span("1,25-1,5", "1.25", "1.5"), unreadable("1,25-1,5")),
        (["-0,45"], "ST", negative("-0,45", "-0.45"), negative("-0,45", "-0.45")),
        (["10,45"], "ST", number("10,45", "10.45"), unreadable("10,45")),
        (["0.234"], "ST", number("0.234", "0.234"), number("0.234", "0.234")),
        (["1.23"], "ST", number("1.23", "1.23"), number("1.23", "1.23")),
        (["1234.567"], "ST", number("1234.567", "1234.567"), number("1234.567", "1234.567")),
        (["", "1,5"], "SN", number("1,5", "1.5"), unreadable("1,5")),
        (["1,5-2,5"], "ST", span("1,5-2,5", "1.5", "2.5"), unreadable("1,5-2,5")),
        (["0,5-1,5"], "ST", span("0,5-1,5", "0.5", "1.5"), unreadable("0,5-1,5")),
        (["1.234"], "ST", unreadable("1.234"), number("1.234", "1.234")),
        (["+0,45"], "ST", number("+0,45", "0.45"), number("+0,45", "0.45")),
    ],
)
def test_a_comma_is_read_by_the_senders_decimal_sign(components, declared_type, with_comma, without):
    assert read_value(components, declared_type=declared_type, decimal_comma=True) == with_comma
    assert read_value(components, declared_type=declared_type) == without


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hemolyzed", Value(kind="rejected", text="hemolyzed")),
        ("hemolyzed 3", unreadable("hemolyzed 3")),
        ("-1-2", unreadable("-1-2")),
        ("0.1-0.1", span("0.1-0.1", "0.1", "0.1")),
        ("<=0", unreadable("<=0")),
        ("<0", unreadable("<0")),
        (">=0", above(">=0", "0", ">=")),
        (">-1", unreadable(">-1")),
        ("0 IU/mL", Value(kind="below-quantification", low=D(0), number=D(0), unit="IU/mL", text="0 IU/mL")),
        ("-2 IU/L", Value(kind="below-quantification", low=D(0), number=D(-2), unit="IU/L", text="-2 IU/L")),
        (">1 IU/mL", above(">1 IU/mL", "1", unit="IU/mL")),
        ("1E30", number("1E30", "1" + "0" * 30)),
        ("1E31", unreadable("1E31")),
        ("1E-30", number("1E-30", "1E-30")),
        ("1E-31", unreadable("1E-31")),
        ("x" * 200, unreadable("x" * 200)),
        ("hemolyzed " + "x" * 191, unreadable("hemolyzed " + "x" * 191)),
    ],
)
def test_the_edges_of_the_grammar(text, expected):
    assert read_value([text]) == expected


def test_any_blanks_are_one_blank():
    assert read_value(["\t0.45 \n  IU/mL "]) == number("0.45 IU/mL", "0.45", "IU/mL")


@pytest.mark.parametrize(
    ("text", "flags", "expected"),
    [
        ("hemolyzed", [">"], Value(kind="rejected", text="hemolyzed")),
        ("hemolyzed", ["<", ">"], Value(kind="rejected", text="hemolyzed")),
        ("pending", [">"], Value(kind="none", text="pending")),
        ("pending", ["<", ">"], Value(kind="none", text="pending")),
        ("perhaps", [">"], unreadable("perhaps")),
        ("5 IU/L", ["<"], below("5 IU/L", "5", unit="IU/L")),
        ("5 IU/L", [">"], above("5 IU/L", "5", unit="IU/L")),
        (">1", [">"], above(">1", "1")),
        (">1", ["<"], unreadable(">1")),
        ("<1", ["<"], below("<1", "1")),
        ("<1", [">"], unreadable("<1")),
        ("ND", ["<"], Value(kind="below-quantification", text="ND")),
        ("ND", [">"], unreadable("ND")),
        ("0.1-0.2", ["<"], unreadable("0.1-0.2")),
    ],
)
def test_a_flag_that_is_content_meets_a_value_of_each_kind(text, flags, expected):
    assert read_value([text], flags=flags) == expected


def test_a_range_with_a_doubtful_end_is_unreadable():
    assert read_value(["0.5-1,234"]) == unreadable("0.5-1,234")


def test_a_value_has_no_number_and_no_text_unless_told():
    value = Value(kind="none")
    assert (value.low, value.high, value.number, value.unit, value.text) == (None, None, None, None, "")


@pytest.mark.parametrize(
    ("kind", "low", "factor", "implausible"),
    [
        ("number", "5", "1", False),
        ("number", "5.001", "1", True),
        ("above", "5.001", "1", True),
        ("below-quantification", "6", "1", False),
        ("number", "0.0024", "0.001", True),
        ("number", "0.0025", "0.001", False),
        ("number", "0.0024", "0.0011", False),
        ("number", "0.0024", "0.00006", True),
    ],
)
def test_a_level_is_implausible_above_any_dose_or_below_any_assay_of_a_small_unit(kind, low, factor, implausible):
    level = Activity(kind=kind, low=D(low), high=None, factor=D(factor))
    assert is_implausible(level) is implausible


def test_an_activity_came_from_iu_per_ml_unless_told():
    assert Activity(kind="number", low=D(1), high=D(1)).factor == 1
