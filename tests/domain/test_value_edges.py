"""The value grammar at its edges: every word, every sign, components that only together look like a number, limits."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from adapter.domain.activity import Activity
from adapter.domain.units import DOSE_UNITS, REFUSED, times
from adapter.domain.values import LONGEST_VALUE_CHARACTERS, Value, is_implausible, read_value

D = Decimal
UNITS = Path(__file__).parents[2] / "mappings" / "tables" / "units.csv"


def unreadable(text):
    return Value(kind="unreadable", text=text)


def number(text, value, unit=None):
    return Value(kind="number", low=D(value), high=D(value), number=D(value), unit=unit, text=text)


@pytest.mark.parametrize(
    "text",
    [
        *("nd", "n.d.", "not detected", "not detectable", "none detected", "undetected", "undetectable", "negative"),
        *("blq", "bloq", "<lloq", "< lloq", "<loq", "< loq", "<lod", "< lod", "below lloq", "below loq"),
        *("below detection", "below detection limit", "below limit of detection", "below the limit of detection"),
        *("below quantification", "below quantification limit", "below limit of quantification"),
        "below the limit of quantification",
    ],
)
def test_every_word_for_nothing_measurable(text):
    assert read_value([text]) == Value(kind="below-quantification", low=None, high=None, text=text)
    assert read_value([text.upper()]).kind == "below-quantification"


@pytest.mark.parametrize("text", ["see note", "see notes", "pending", "See Note."])
def test_every_word_for_no_value(text):
    assert read_value([text]) == Value(kind="none", text=text)


@pytest.mark.parametrize(
    ("sign", "comparator", "kind"),
    [
        *(("<", "<", "below"), ("<=", "<=", "below"), ("\u2264", "<=", "below")),
        *(("&lt;", "<", "below"), ("&lt;=", "<=", "below")),
        *((">", ">", "above"), (">=", ">=", "above"), ("\u2265", ">=", "above")),
        *(("&gt;", ">", "above"), ("&gt;=", ">=", "above")),
        *(("=", None, "number"), ("", None, "number")),
    ],
)
def test_every_sign(sign, comparator, kind):
    for value in (read_value([f"{sign}0.4"]), read_value([sign, "0.4"], declared_type="SN")):
        assert (value.kind, value.comparator, value.number) == (kind, comparator, D("0.4"))


@pytest.mark.parametrize(
    ("components", "line"),
    [
        (["1", "5"], "15"),
        (["", "1", "2", "3"], "123"),
        (["", "1", "", "3"], "13"),
        (["", "1", "", "", "5"], "15"),
        (["", "0.1", "-", "0.3", "5"], "0.1-0.35"),
        (["", "", "", "3"], "3"),
        (["", "", "3"], "3"),
        (["", "", "-", "3"], "-3"),
        (["<", "", "-", "3"], "<-3"),
        (["", "1E", "-", "2"], "1E-2"),
    ],
)
def test_components_that_only_together_look_like_a_number_are_unreadable(components, line):
    assert read_value(components, declared_type="SN") == unreadable(line)


def test_a_range_in_one_component_is_a_range():
    assert read_value(["", "0.1-0.2"], declared_type="SN").kind == "range"
    assert read_value(["", "0.1", "-", "0.2"], declared_type="SN").kind == "range"


def test_empty_components_behind_a_value_mean_nothing():
    assert read_value(["0.45", ""], declared_type="NM") == number("0.45", "0.45")
    assert read_value(["Not detected", "", ""], declared_type="CWE").kind == "below-quantification"


@pytest.mark.parametrize("declared_type", ["CE", "CWE", "CNE", "CF", "cwe", " CE "])
def test_every_coded_type_is_read_by_its_code_then_by_its_text(declared_type):
    assert read_value(["XX", "0.45", "L"], declared_type=declared_type) == number("0.45", "0.45")
    assert read_value(["0.30", "0.45"], declared_type=declared_type) == number("0.30", "0.30")
    assert read_value(["", "0.45", "L"], declared_type=declared_type) == number("0.45", "0.45")
    assert read_value(["XX", "whatever", "0.45"], declared_type=declared_type) == unreadable("XX")
    assert read_value(["", "", "0.45"], declared_type=declared_type) == unreadable("0.45")
    assert read_value(["", "", "0.45", "L"], declared_type=declared_type) == unreadable("0.45L")


@pytest.mark.parametrize(
    ("components", "declared_type", "low", "high"),
    [
        (["1,25"], "ST", "1.25", "1.25"),
        (["", "1,25"], "SN", "1.25", "1.25"),
        (["", "1,25", "-", "1,5"], "SN", "1.25", "1.5"),
        (["XX", "1,25"], "CWE", "1.25", "1.25"),
        (["1,25", "other"], "CWE", "1.25", "1.25"),
        (["1,25-1,5"], "ST", "1.25", "1.5"),
    ],
)
def test_the_senders_decimal_comma_holds_in_every_form(components, declared_type, low, high):
    read = read_value(components, declared_type=declared_type, decimal_comma=True)
    assert (read.low, read.high) == (D(low), D(high))
    assert read_value(components, declared_type=declared_type).kind == "unreadable"


@pytest.mark.parametrize(
    ("text", "decimal_comma", "value"),
    [
        ("+0,45", False, "0.45"),
        ("-0,45", False, "-0.45"),
        ("10,45", False, None),
        ("1.234", False, "1.234"),
        ("1.234", True, None),
        ("0.234", True, "0.234"),
        ("1234.567", True, "1234.567"),
        ("1.23", True, "1.23"),
    ],
)
def test_a_comma_or_point_that_could_part_thousands_is_not_guessed(text, decimal_comma, value):
    assert read_value([text], decimal_comma=decimal_comma).number == (D(value) if value else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-0.1-0.2", unreadable("-0.1-0.2")),
        ("0.1-1,234", unreadable("0.1-1,234")),
        ("0.2-0.2", Value(kind="range", low=D("0.2"), high=D("0.2"), text="0.2-0.2")),
        ("<=0", unreadable("<=0")),
        (">=0", Value(kind="above", low=D(0), comparator=">=", number=D(0), text=">=0")),
        (">-1", unreadable(">-1")),
        ("1e30", number("1e30", "1" + "0" * 30)),
        ("1e31", unreadable("1e31")),
        ("1e-30", number("1e-30", "0." + "0" * 29 + "1")),
        ("1e-31", unreadable("1e-31")),
        ("0 IU/mL", Value(kind="below-quantification", low=D(0), number=D(0), unit="IU/mL", text="0 IU/mL")),
        (">1 IU/mL", Value(kind="above", low=D(1), comparator=">", number=D(1), unit="IU/mL", text=">1 IU/mL")),
        ("qns 5", unreadable("qns 5")),
        ("x" * LONGEST_VALUE_CHARACTERS, unreadable("x" * LONGEST_VALUE_CHARACTERS)),
        ("qns" + " " + "x" * LONGEST_VALUE_CHARACTERS, unreadable("qns " + "x" * LONGEST_VALUE_CHARACTERS)),
    ],
)
def test_both_sides_of_what_a_number_may_be(text, expected):
    assert read_value([text]) == expected


def test_a_refused_specimen_is_told_up_to_the_longest_value():
    just = "qns " + "x" * (LONGEST_VALUE_CHARACTERS - 4)
    assert read_value([just]).kind == "rejected"
    assert read_value([f"{just}x"]).kind == "unreadable"


def test_a_value_is_one_line_with_single_blanks():
    assert read_value([" 0.45 \r\n\t IU/mL "]) == number("0.45 IU/mL", "0.45", "IU/mL")


@pytest.mark.parametrize(
    ("text", "flags", "expected"),
    [
        ("0.03 IU/mL", ["<"], ("below", D("0.03"), "IU/mL")),
        (">1.0", [">"], ("above", D("1.0"), None)),
        (">1.0", ["<"], ("unreadable", None, None)),
        ("QNS", [">"], ("rejected", None, None)),
        ("QNS", ["<", ">"], ("rejected", None, None)),
        ("", [">"], ("none", None, None)),
        ("", ["<", ">"], ("none", None, None)),
        ("???", [">"], ("unreadable", None, None)),
    ],
)
def test_a_sign_among_the_flags_changes_numbers_only(text, flags, expected):
    value = read_value([text], flags=flags)
    assert (value.kind, value.number, value.unit) == expected


@pytest.mark.parametrize(
    ("factor", "implausible"), [("0.001", True), ("0.0011", False), ("0.002", False), ("1", False)]
)
def test_a_small_number_is_implausible_only_where_a_factor_made_it_small(factor, implausible):
    level = D("0.0024")
    activity = Activity(kind="number", low=level, high=level, low_included=True, high_included=True, factor=D(factor))
    assert is_implausible(activity) is implausible


def test_nothing_measurable_is_never_implausible():
    nothing = Activity(kind="below-quantification", low=D(0), high=None, low_included=True, high_included=True)
    assert is_implausible(nothing) is False
    assert nothing.factor == D(1)


def test_products_are_exact_far_beyond_the_digits_a_laboratory_sends():
    assert str(times(D("1." + "3" * 38), D("0.06"))) == "0.0" + "7" + "9" * 37 + "8"


def test_the_units_of_doses_and_the_word_of_the_table_for_units_that_are_no_activity():
    assert {"[IU]", "[IU]/m2", "mg", "mg/m2", "mL"} == DOSE_UNITS
    assert f",{REFUSED}," in UNITS.read_text(encoding="utf-8")
    assert REFUSED == "refused"
