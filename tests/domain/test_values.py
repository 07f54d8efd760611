from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values_read import above, below, number, span, unreadable

from adapter.domain.activity import Activity
from adapter.domain.values import Value, activity_of, is_implausible, read_value

D = Decimal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.45", number("0.45", "0.45")),
        ("0.450", number("0.450", "0.450")),
        (".45", number(".45", "0.45")),
        ("4.5E-1", number("4.5E-1", "0.45")),
        ("065.88", number("065.88", "65.88")),
        ("+0.1", number("+0.1", "0.1")),
        ("0,45", number("0,45", "0.45")),
        ("1,234", unreadable("1,234")),
        ("1,234.5", unreadable("1,234.5")),
        ("<0.03", below("<0.03", "0.03")),
        ("< 0.03", below("< 0.03", "0.03")),
        ("&lt;0.03", below("&lt;0.03", "0.03")),
        ("\u2264 0,03", below("\u2264 0,03", "0.03", "<=")),
        ("<=0.1", below("<=0.1", "0.1", "<=")),
        (">1.0", above(">1.0", "1.0")),
        (">=1.0", above(">=1.0", "1.0", ">=")),
        ("=0.4", number("=0.4", "0.4")),
        ("0.1-0.2", span("0.1-0.2", "0.1", "0.2")),
        ("0.1 - 0.2 IU/mL", span("0.1 - 0.2 IU/mL", "0.1", "0.2", "IU/mL")),
        ("0.2-0.1", unreadable("0.2-0.1")),
        ("<0.1-0.2", unreadable("<0.1-0.2")),
        ("450 IU/L", number("450 IU/L", "450", "IU/L")),
        ("4.5E/mL", number("4.5E/mL", "4.5", "E/mL")),
        ("<30 [IU]/L", below("<30 [IU]/L", "30", unit="[IU]/L")),
        ("<0", unreadable("<0")),
        ("<-1", unreadable("<-1")),
        (">0", above(">0", "0")),
        ("1e40", unreadable("1e40")),
        ("12:30", unreadable("12:30")),
        ("2025-03-10", unreadable("2025-03-10")),
        ("0.4\u00b2", unreadable("0.4\u00b2")),
        ("GT 45", unreadable("GT 45")),
        ("None", unreadable("None")),
        ("+", unreadable("+")),
        (".", unreadable(".")),
        ("...", unreadable("...")),
    ],
)
def test_a_text_is_read_by_the_grammar_and_by_nothing_else(text, expected):
    assert read_value([text], declared_type="ST") == expected


@pytest.mark.parametrize(
    "text", ["ND", "n.d.", "not detected", "Not Detected.", "BLQ", "<LLOQ", "undetectable", "negative"]
)
def test_words_for_no_activity_are_below_quantification(text):
    assert read_value([text]) == Value(kind="below-quantification", text=text)


@pytest.mark.parametrize(("text", "value"), [("0", "0"), ("0.00", "0.00"), ("-0.01", "-0.01")])
def test_zero_and_negative_numbers_are_below_quantification(text, value):
    assert read_value([text]) == Value(kind="below-quantification", low=D(0), number=D(value), text=text)


@pytest.mark.parametrize("components", [[], [""], ["see note"], ["pending"], ["  "]])
def test_blank_and_pending_are_no_value(components):
    assert read_value(components).kind == "none"


@pytest.mark.parametrize(
    "text", ["TNP", "QNS", "haemolysed", "Sample hemolyzed", "Specimen rejected", "test not performed"]
)
def test_words_for_a_refused_specimen_are_no_value(text):
    assert read_value([text]) == Value(kind="rejected", text=text)


@pytest.mark.parametrize("text", ["not haemolysed", "no haemolysis"])
def test_a_denied_refusal_is_unreadable(text):
    assert read_value([text]) == unreadable(text)


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        (["<", "0.03"], below("<0.03", "0.03")),
        (["", "0.03"], number("0.03", "0.03")),
        (["=", "0.03"], number("=0.03", "0.03")),
        (["", "0.1", "-", "0.3"], span("0.1-0.3", "0.1", "0.3")),
        (["<>", "0.03"], unreadable("<>0.03")),
        (["", "1", ":", "8"], unreadable("1:8")),
        (["", "0.1", "-"], unreadable("0.1-")),
        (["<", "0.1", "-", "0.3"], unreadable("<0.1-0.3")),
        (["", "0.1", "", "0.3"], unreadable("0.10.3")),
    ],
)
def test_a_structured_numeric_is_read_by_its_components(components, expected):
    assert read_value(components, declared_type="SN") == expected


def test_a_coded_value_is_read_from_its_code_or_its_text():
    assert read_value(["XX", "Not detected", "L"], declared_type="CWE").kind == "below-quantification"
    assert read_value(["ND", "whatever", "L"], declared_type="CE").kind == "below-quantification"
    assert read_value(["XX", "whatever", "L"], declared_type="CE") == unreadable("XX")


@pytest.mark.parametrize(
    ("text", "flags", "expected"),
    [
        ("0.03", ["<"], below("0.03", "0.03")),
        ("1.0", [">"], above("1.0", "1.0")),
        ("0.03", ["L", "<"], below("0.03", "0.03")),
        ("<0.03", ["<"], below("<0.03", "0.03")),
        ("<0.03", [">"], unreadable("<0.03")),
        ("0.03", ["<", ">"], unreadable("0.03")),
        ("0.1-0.2", ["<"], unreadable("0.1-0.2")),
        ("0.42", ["QCF"], Value(kind="rejected", text="0.42")),
        ("0.42", ["H", "LL"], number("0.42", "0.42")),
        ("ND", [">"], unreadable("ND")),
        ("ND", ["<"], Value(kind="below-quantification", text="ND")),
        ("", ["<"], Value(kind="none", text="")),
    ],
)
def test_only_signs_and_qcf_among_the_flags_are_content(text, flags, expected):
    assert read_value([text], flags=flags) == expected


def test_a_sender_with_a_decimal_comma_may_write_any_number_with_it():
    assert read_value(["1,234"], decimal_comma=True) == number("1,234", "1.234")
    assert read_value(["1.234"], decimal_comma=True) == unreadable("1.234")
    assert read_value(["0.234"], decimal_comma=True) == number("0.234", "0.234")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            number("", "100"),
            Activity(kind="number", low=D("0.100"), high=D("0.100"), number=D("0.100"), factor=D("0.001")),
        ),
        (
            below("", "30"),
            Activity(
                kind="below", low=D(0), high=D("0.030"), high_included=False, comparator="<", number=D("0.030"),
                factor=D("0.001"),
            ),
        ),
        (
            above("", "30"),
            Activity(
                kind="above", low=D("0.030"), high=None, low_included=False, comparator=">", number=D("0.030"),
                factor=D("0.001"),
            ),
        ),
        (
            Value(kind="below-quantification"),
            Activity(kind="below-quantification", low=D(0), high=None, factor=D("0.001")),
        ),
    ],
)  # fmt: skip
def test_a_value_becomes_an_interval_in_iu_per_ml(value, expected):
    assert activity_of(value, D("0.001")) == expected


@pytest.mark.parametrize("kind", ["none", "rejected", "unreadable"])
def test_what_is_no_level_becomes_no_interval(kind):
    assert activity_of(Value(kind=kind), D(1)) is None


@pytest.mark.parametrize(
    ("value", "factor", "expected"),
    [
        (number("", "5"), "1", False),
        (number("", "5.001"), "1", True),
        (above("", "5.001"), "1", True),
        (below("", "6"), "1", False),
        (number("", "2.5"), "0.001", False),
        (number("", "2.4"), "0.001", True),
        (number("", "0.0024"), "1", False),
        (below("", "0.45"), "0.001", False),
        (Value(kind="below-quantification", low=D(0), number=D(0)), "0.001", False),
    ],
)
def test_a_level_is_implausible_above_five_and_below_the_reach_of_per_litre_assays(value, factor, expected):
    assert is_implausible(activity_of(value, D(factor))) is expected


@given(
    st.lists(st.text(max_size=30), max_size=5), st.sampled_from(["NM", "SN", "ST", "CE", ""]),
    st.lists(st.sampled_from(["<", ">", "H", "QCF"]), max_size=2), st.booleans(),
)  # fmt: skip
def test_any_text_has_a_meaning_and_a_readable_one_is_an_ordered_interval(components, declared, flags, comma):
    value = read_value(components, declared_type=declared, flags=flags, decimal_comma=comma)
    level = activity_of(value, D("0.001"))
    assert (level is None) == (value.kind in {"none", "rejected", "unreadable"})
    assert level is None or level.high is None or 0 <= level.low <= level.high


@given(st.decimals(min_value="0.000001", max_value=100000, places=6))
def test_a_plain_number_always_keeps_its_digits(value):
    assert read_value([format(value, "f")], declared_type="NM").number == value


@pytest.mark.parametrize(("characters", "kind"), [(200, "rejected"), (201, "unreadable")])
def test_a_value_of_more_than_200_characters_is_read_as_nothing(characters, kind):
    assert read_value(["haemolysed ".ljust(characters, "x")]).kind == kind
