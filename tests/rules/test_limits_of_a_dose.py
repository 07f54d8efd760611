"""The numbers a dose is read with: those of its policy, and the project's own where no policy speaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from adapter.domain.history import BEFORE_ALL
from adapter.domain.policy import RuleBook
from adapter.rules.limits import (
    LAST_INSTANT,
    Limits,
    days,
    hours,
    limits_for,
    shifted,
    threshold_at,
    window_at,
    windows,
)

WITHOUT_POLICY = Limits(product=None, policy=None)


@pytest.fixture
def policy(rulebook):
    return rulebook.policy_for("pegaspargase", date(2025, 3, 3))


def test_without_a_policy_the_projects_own_limits_hold():
    assert WITHOUT_POLICY.reaction_link == timedelta(hours=72)
    assert WITHOUT_POLICY.severe_grade == 3
    assert WITHOUT_POLICY.antihistamine_window == timedelta(hours=6)
    assert WITHOUT_POLICY.steroid_window == timedelta(hours=24)
    assert WITHOUT_POLICY.sample_link == timedelta(days=42)
    assert WITHOUT_POLICY.implausible_above_iu_per_ml == Decimal(5)
    assert WITHOUT_POLICY.implausible_below_iu_per_ml == Decimal("0.0025")


@pytest.mark.parametrize(
    ("field", "value", "limit", "expected"),
    [
        ("reaction_link_h", "48", "reaction_link", timedelta(hours=48)),
        ("severe_grade", "4", "severe_grade", 4),
        ("premedication_antihistamine_h", "2", "antihistamine_window", timedelta(hours=2)),
        ("premedication_steroid_h", "12.5", "steroid_window", timedelta(hours=12, minutes=30)),
        ("sample_link_days", "28", "sample_link", timedelta(days=28)),
        ("implausible_above", "4", "implausible_above_iu_per_ml", Decimal(4)),
        ("implausible_below", "0.001", "implausible_below_iu_per_ml", Decimal("0.001")),
    ],
)
def test_a_policy_replaces_each_of_them(policy, field, value, limit, expected):
    cited = replace(getattr(policy, field), value=Decimal(value))
    assert getattr(Limits(product=None, policy=replace(policy, **{field: cited})), limit) == expected


def test_a_dose_is_read_by_the_policy_of_its_product_and_its_day(rulebook, policy):
    assert limits_for("pegaspargase", date(2025, 3, 3), rulebook) == Limits(
        product=rulebook.products["pegaspargase"], policy=policy
    )


def test_a_dose_without_a_day_or_of_an_unknown_product_has_no_policy(rulebook):
    assert limits_for("pegaspargase", None, rulebook) == Limits(product=rulebook.products["pegaspargase"], policy=None)
    assert limits_for("something-else", date(2025, 3, 3), rulebook) == WITHOUT_POLICY


def test_a_policy_for_a_product_nobody_described_is_not_used(policy):
    book = RuleBook(products={}, policies=(policy,), chosen={"pegaspargase": policy.id})
    assert book.policy_for("pegaspargase", date(2025, 3, 3)) == policy
    assert limits_for("pegaspargase", date(2025, 3, 3), book) == WITHOUT_POLICY


def test_hours_and_days_of_a_policy_are_exact():
    assert hours(Decimal("0.5")) == timedelta(minutes=30)
    assert days(Decimal("1.5")) == timedelta(hours=36)


def with_windows(policy, *spans):
    first = policy.time_points[0]
    points = tuple(
        replace(
            first,
            name=f"{opens}-{closes}",
            min_h=replace(first.min_h, value=Decimal(opens)),
            max_h=replace(first.max_h, value=Decimal(closes)),
            threshold=replace(first.threshold, value=Decimal(threshold)),
        )
        for opens, closes, threshold in spans
    )
    return replace(policy, time_points=points)


def test_windows_stand_in_the_order_of_time_whatever_the_file_says(policy):
    mixed = with_windows(policy, ("300", "340", "0.02"), ("100", "400", "0.1"), ("100", "200", "0.1"))
    assert [window.name for window in windows(mixed)] == ["100-200", "100-400", "300-340"]


@pytest.mark.parametrize(
    ("elapsed", "name"),
    [
        ("99.99", None),
        ("100", "100-200"),
        ("200", "100-200"),
        ("200.01", None),
        ("299.99", None),
        ("300", "300-340"),
        ("340", "300-340"),
        ("340.01", None),
    ],
)
def test_both_ends_of_a_window_belong_to_it(policy, elapsed, name):
    window = window_at(with_windows(policy, ("100", "200", "0.1"), ("300", "340", "0.02")), hours(Decimal(elapsed)))
    assert (window.name if window else None) == name


@pytest.mark.parametrize(
    ("elapsed", "threshold"), [("1", "0.1"), ("100", "0.1"), ("299.99", "0.1"), ("300", "0.02"), ("900", "0.02")]
)
def test_a_threshold_holds_from_the_opening_of_its_window_until_the_next_opens(policy, elapsed, threshold):
    two = with_windows(policy, ("100", "200", "0.1"), ("300", "340", "0.02"))
    assert threshold_at(two, hours(Decimal(elapsed))) == Decimal(threshold)


def test_an_instant_is_moved_and_held_at_the_ends_of_the_calendar():
    noon = datetime(2025, 3, 3, 12, tzinfo=UTC)
    assert shifted(noon, timedelta(hours=-1)) == datetime(2025, 3, 3, 11, tzinfo=UTC)
    assert shifted(LAST_INSTANT, timedelta(hours=23)) == datetime(9999, 12, 31, 23, tzinfo=UTC)
    assert shifted(LAST_INSTANT, timedelta(hours=24)) == LAST_INSTANT
    assert shifted(BEFORE_ALL, timedelta(microseconds=-1)) == BEFORE_ALL
