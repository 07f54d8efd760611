"""Worked cases of the clinical rulebook about values, units and times of a sample: 25 to 30, 32 to 34, 46 and 48.

Dose 1 is pegaspargase 2,500 [IU]/m2 IV on 3 March 2025 10:00-12:00 UTC; T = 0.10, quantification limit 0.03.
"""

from __future__ import annotations

import pytest
from verdicts import verdict

ADEQUATE = ("adequate", "no-evidence-of-inactivation", "complete")
SUSPECTED = ("inadequate", "suspected-silent-inactivation", "confirmation-due")
BELOW_TARGET = ("indeterminate", "below-target-not-inactivation")
UNCLEAR = ("indeterminate", "not-assessable")


def test_case_25_a_hundred_units_per_litre_are_exactly_the_threshold(story, said):
    finding = story().dose().level("10 12:00", "100", factor="0.001").only()
    assert said(finding) == verdict(*ADEQUATE, "near-threshold first-dose", None, "D16 D16", "168")
    assert finding.samples[0].value == "0.100"


@pytest.mark.parametrize(("value", "factor"), [("0.45", "0.001"), ("450", "1")])
def test_cases_26_and_27_an_implausible_number_gets_no_verdict(story, said, value, factor):
    finding = story().dose().level("10 12:00", value, factor=factor).only("11 11:00")
    assert said(finding) == verdict(*UNCLEAR, "due", "unit-suspect first-dose", "P2", "D3 D3", "168")


def test_case_28_a_value_without_a_unit_gets_no_verdict(story, said):
    finding = story().dose().level("10 12:00", "unreadable", remarks=("unit-missing",)).only("11 11:00")
    assert said(finding) == verdict(*UNCLEAR, "due", "unit-missing first-dose", "P2", "D3 D3", "168")


def test_case_28_a_unit_fixed_by_the_configuration_of_the_sender_gives_one(story, said):
    finding = story().dose().level("10 12:00", "0.45", remarks=("unit-assumed",)).only()
    assert said(finding) == verdict(*ADEQUATE, "first-dose unit-assumed", None, "D16 D16", "168")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("<0.1", (*SUSPECTED, "unquantified-below first-dose", "P1", "D12 D12")),
        (">1.0", (*ADEQUATE, "first-dose", None, "D16 D16")),
        ("<0.2", (*UNCLEAR, "due", "first-dose", "P2", "D3 D3")),
        ("<=0.1", (*UNCLEAR, "due", "first-dose", "P2", "D3 D3")),
        (">0.05", (*UNCLEAR, "due", "first-dose", "P2", "D3 D3")),
        (">=0.1", (*ADEQUATE, "first-dose", None, "D16 D16")),
        (">0.1", (*ADEQUATE, "first-dose", None, "D16 D16")),
        ("ND", (*SUSPECTED, "first-dose", "P1", "D12 D12")),
        ("0", (*SUSPECTED, "first-dose", "P1", "D12 D12")),
        ("-0.01", (*SUSPECTED, "first-dose", "P1", "D12 D12")),
        ("0.1..0.2", (*ADEQUATE, "first-dose", None, "D16 D16")),
        ("0.05..0.09", (*SUSPECTED, "first-dose", "P1", "D12 D12")),
        ("0.05..0.1", (*UNCLEAR, "due", "first-dose", "P2", "D3 D3")),
    ],
)
def test_case_29_every_comparator_on_day_7(story, said, value, expected):
    assert said(story().dose().level("10 12:00", value).only("11 11:00")) == verdict(*expected, "168")


def test_case_30_below_the_limit_is_not_the_limit(story, after, said):
    # On day 10 the two readings of one printed 0.03 part: nothing measurable is a loss, a detectable low is none.
    below = story().dose().level(after("240"), "<0.03").only(after("250"))
    assert said(below) == verdict(*SUSPECTED, "late first-dose", "P1", "D12 D12", "240")
    plain = story().dose().level(after("240"), "0.03").only(after("250"))
    assert said(plain) == verdict(*BELOW_TARGET, "sample-overdue", "late first-dose", "P2", "D18 D18", "240")


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (
            "143.9",
            ("indeterminate", "no-evidence-of-inactivation", "sample-overdue", "early first-dose", "P2", "D17 D17"),
        ),
        ("144", (*ADEQUATE, "first-dose", None, "D16 D16")),
        ("156", (*ADEQUATE, "first-dose", None, "D16 D16")),
        ("168", (*ADEQUATE, "first-dose", None, "D16 D16")),
        ("192", (*ADEQUATE, "first-dose", None, "D16 D16")),
        ("192.1", (*ADEQUATE, "late first-dose", None, "D16 D16")),
    ],
)
def test_case_32_a_good_level_around_day_7(story, after, said, hours, expected):
    assert said(story().dose().level(after(hours), "0.15").only(after("193"))) == verdict(*expected, hours)


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("143.9", (*SUSPECTED, "early first-dose", "P1", "D12 D12")),
        ("144", (*SUSPECTED, "first-dose", "P1", "D12 D12")),
        ("156", (*SUSPECTED, "first-dose", "P1", "D12 D12")),
        ("192", (*SUSPECTED, "first-dose", "P1", "D12 D12")),
        ("192.1", (*BELOW_TARGET, "sample-overdue", "late first-dose", "P2", "D18 D18")),
    ],
)
def test_case_33_a_low_level_around_day_7(story, after, said, hours, expected):
    assert said(story().dose().level(after(hours), "0.06").only(after("193"))) == verdict(*expected, hours)


@pytest.mark.parametrize(
    ("day", "value", "expected"),
    [
        (3, "0.40", ("indeterminate", "no-evidence-of-inactivation", "missed", "early first-dose", None, "D17 D17")),
        (3, "0.05", (*SUSPECTED, "early first-dose", "P1", "D12 D12")),
        (10, "0.12", (*ADEQUATE, "late first-dose", None, "D16 D16")),
        (10, "0.06", (*BELOW_TARGET, "missed", "late first-dose", "P3", "D18 D18")),
        (10, "<0.03", (*SUSPECTED, "late first-dose", "P1", "D12 D12")),
        (16, "0.08", (*UNCLEAR, "missed", "late first-dose", None, "D18b D18b")),
        (21, "0.02", (*UNCLEAR, "missed", "late first-dose", None, "D18b D18b")),
    ],
)
def test_case_34_samples_off_the_schedule(story, after, said, day, value, expected):
    finding = story().dose().level(after(24 * day), value).only(after("505"))
    assert said(finding) == verdict(*expected, str(24 * day))


def test_case_46_a_rejected_tube_leaves_the_sample_due(story, said):
    told = story().dose().level("10 12:00", "TNP", letter="X", remarks=("specimen-quality",))
    assert said(told.only("11 12:00")) == verdict(
        "no-result", "not-assessable", "due", "specimen-quality first-dose", None, "Q2 D19", "168"
    )
    assert said(told.only("11 12:01")) == verdict(
        "no-result", "not-assessable", "sample-overdue", "specimen-quality first-dose", "P2", "Q2 D20", "168"
    )


@pytest.mark.parametrize(
    ("value", "modifiers"),
    [
        ("0.1", "near-threshold method-bias first-dose"),
        ("0.11", "near-threshold method-bias first-dose"),
        ("0.123", "near-threshold method-bias first-dose"),
        ("0.124", "first-dose"),
    ],
)
def test_case_48_a_method_that_reads_high_is_named_near_the_threshold(story, said, value, modifiers):
    finding = story().dose().level("10 12:00", value, method="MAAT").only()
    assert said(finding) == verdict(*ADEQUATE, modifiers, None, "D16 D16", "168")


def test_case_48_below_the_threshold_the_method_is_not_excused(story, said):
    finding = story().dose().level("10 12:00", "0.099", method="MAAT").only()
    assert said(finding) == verdict(*SUSPECTED, "near-threshold first-dose", "P1", "D12 D12", "168")
