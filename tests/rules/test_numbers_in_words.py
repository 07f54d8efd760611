"""Numbers, amounts and times as a sentence shows them: no idle zeros, no exponent, halves rounded up."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from adapter.domain.times import exact_moment, iso_moment
from adapter.rules.quantities import (
    amount_text,
    day_of,
    day_text,
    fraction_text,
    hours_text,
    plain,
    short,
    time_text,
    unit_text,
)

HALF_PAST_NINE = "2025-03-10T09:30:00"


@pytest.mark.parametrize(("number", "shown"), [("0.10", "0.10"), ("1E+2", "100"), ("1E-7", "0.0000001"), ("5", "5")])
def test_a_number_keeps_its_digits_and_has_no_exponent(number, shown):
    assert plain(Decimal(number)) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("2.345", "2.35"),
        ("2.335", "2.34"),
        ("2.344", "2.34"),
        ("2.50", "2.5"),
        ("2.00", "2"),
        ("100", "100"),
        ("1000", "1000"),
        ("0.5", "0.5"),
        ("0.004", "0"),
        ("0", "0"),
        ("-0.004", "0"),
        ("-0.5", "-0.5"),
    ],
)
def test_a_short_number_has_at_most_two_places(number, shown):
    assert short(Decimal(number)) == shown


@pytest.mark.parametrize(
    ("elapsed", "shown"),
    [
        (timedelta(hours=167, minutes=30), "167.5"),
        (timedelta(days=7), "168"),
        (timedelta(minutes=1), "0.02"),
        (timedelta(seconds=17, milliseconds=999), "0"),
        (timedelta(seconds=18), "0.01"),
        (timedelta(hours=-1), "-1"),
        (timedelta(0), "0"),
        # One microsecond below a half: told from exact microseconds, never from a rounded quotient.
        (timedelta(days=350_000, seconds=17, microseconds=999_999), "8400000"),
        (timedelta(days=350_000, seconds=18), "8400000.01"),
    ],
)
def test_elapsed_hours_have_at_most_two_places(elapsed, shown):
    assert hours_text(elapsed) == shown


@pytest.mark.parametrize(
    ("elapsed", "shown"),
    [
        (timedelta(days=7), "7.0"),
        (timedelta(hours=167, minutes=30), "7.0"),
        (timedelta(hours=1, minutes=12), "0.1"),
        (timedelta(hours=1, minutes=11), "0.0"),
        (timedelta(hours=3, minutes=36), "0.2"),
        (timedelta(hours=6), "0.3"),
        (timedelta(days=14, hours=12), "14.5"),
    ],
)
def test_elapsed_days_have_one_place(elapsed, shown):
    assert day_text(elapsed) == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (Fraction(1), "1"),
        (Fraction(1, 2), "0.5"),
        (Fraction(2, 3), "0.6667"),
        (Fraction(1, 20_000), "0.0001"),
        (Fraction(1, 20_001), "0"),
        (Fraction(3, 20_000), "0.0002"),
        (Fraction(5, 20_000), "0.0003"),
        (Fraction(10), "10"),
    ],
)
def test_a_fraction_of_a_dose_has_at_most_four_places(given, shown):
    assert fraction_text(given) == shown


@pytest.mark.parametrize(
    ("amount", "unit", "shown"),
    [
        ("2500", "[IU]/m2", "2500 IU/m2"),
        ("2500.0", "[IU]/m2", "2500 IU/m2"),
        ("2500.50", "[iU]", "2500.5 IU"),
        ("0.40", "mg", "0.4 mg"),
        ("1000", None, "1000 without a unit"),
        ("10", "", "10 without a unit"),
        ("1E+3", "[IU]", "1000 IU"),
    ],
)
def test_an_amount_has_no_idle_zeros_and_a_unit_as_people_write_it(amount, unit, shown):
    assert amount_text(Decimal(amount), unit) == shown


@pytest.mark.parametrize(
    ("unit", "shown"), [("[IU]/mL", "IU/mL"), ("[iU]/mL", "IU/mL"), ("m[IU]/mL", "mIU/mL"), ("mg/m2", "mg/m2")]
)
def test_a_unit_is_written_without_brackets(unit, shown):
    assert unit_text(unit) == shown


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (f"{HALF_PAST_NINE}Z", "2025-03-10T09:30Z"),
        (f"{HALF_PAST_NINE}+00:00", "2025-03-10T09:30Z"),
        (f"{HALF_PAST_NINE}+01:00", "2025-03-10T09:30+01:00"),
        ("2025-03-10T09:30:15Z", "2025-03-10T09:30:15Z"),
        ("2025-03-10T09:30:00.250Z", "2025-03-10T09:30:00.250000Z"),
        ("2025-03-10T09:30:00.000Z", "2025-03-10T09:30Z"),
        ("2025-03-10", "2025-03-10"),
        ("2025-03", "2025-03"),
    ],
)
def test_a_time_is_shown_as_it_was_sent_without_idle_seconds(sent, shown):
    zone = iso_moment(f"{HALF_PAST_NINE}Z").earliest.tzinfo
    assert time_text(iso_moment(sent, default_zone=zone)) == shown


def test_a_time_without_a_zone_says_so():
    assert time_text(iso_moment(HALF_PAST_NINE)) == "2025-03-10T09:30 (zone not known)"
    assert time_text(iso_moment("2025-03-10")) == "2025-03-10 (zone not known)"


def test_the_day_of_a_time_is_the_day_as_sent():
    assert day_of(iso_moment("2025-03-10T23:30:00-05:00")) == "2025-03-10"
    assert day_of(exact_moment(iso_moment("2025-03-10T23:30:00Z").earliest)) == "2025-03-10"
    assert day_of(iso_moment("2025")) == "2025"
    assert day_of(None) == "unknown date"
