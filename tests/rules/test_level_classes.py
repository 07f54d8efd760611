"""The class of a level against a threshold of 0.10 and a quantification limit, at both sides of every boundary."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from adapter.domain.activity import Activity, Reported
from adapter.domain.events import ActivityMeasured, Version
from adapter.rules.limits import Limits
from adapter.rules.qualify import (
    data_faults,
    implausible,
    level_class,
    measurable,
    method_bias,
    near_threshold,
    result_awaited,
    upper_bound,
    usability,
)

THRESHOLD = Decimal("0.10")
DAY_7 = timedelta(hours=168)
WITHOUT_POLICY = Limits(product=None, policy=None)


def number(text, factor="1"):
    value = Decimal(text)
    return Activity(kind="number", low=value, high=value, number=value, factor=Decimal(factor))


def below(text, *, included=False):
    value = Decimal(text)
    sign = "<=" if included else "<"
    return Activity(kind="below", low=Decimal(0), high=value, high_included=included, comparator=sign, number=value)


def above(text, *, included=False):
    value = Decimal(text)
    sign = ">=" if included else ">"
    return Activity(kind="above", low=value, high=None, low_included=included, comparator=sign, number=value)


def between(low, high, *, high_included=True):
    return Activity(kind="range", low=Decimal(low), high=Decimal(high), high_included=high_included)


NOT_DETECTED = Activity(kind="below-quantification", low=Decimal(0), high=None, high_included=False)


def sample(activity, **parts):
    values = {"status": "final", "letter": "F", "lloq_iu_per_ml": Decimal("0.03"), "collected": None}
    return ActivityMeasured(
        patient="p",
        source="lab",
        key="s1",
        version=Version(),
        activity=activity,
        reported=Reported(value=None, unit=None, text=""),
        **{**values, **parts},
    )


@pytest.fixture
def limits(rulebook):
    return Limits(
        product=rulebook.products["pegaspargase"], policy=rulebook.policy_for("pegaspargase", date(2025, 3, 3))
    )


@pytest.mark.parametrize(
    ("value", "lloq", "expected"),
    [
        ("0.10", "0.03", "ok"),
        ("0.0999", "0.03", "low"),
        ("0.03", "0.03", "low"),
        ("0.0299", "0.03", "blq"),
        ("0.0001", None, "low"),
        ("0", None, "blq"),
        ("0", "0.03", "blq"),
        ("-0.01", None, "blq"),
        ("-0.01", "0.20", "straddles"),
        ("0", "0.20", "straddles"),
        ("0.05", "0.10", "blq"),
        ("0.05", "0.101", "straddles"),
        ("0.15", "0.20", "straddles"),
        ("0.20", "0.20", "ok"),
    ],
)
def test_a_plain_number(value, lloq, expected):
    assert level_class(number(value), THRESHOLD, Decimal(lloq) if lloq else None) == expected


@pytest.mark.parametrize(
    ("activity", "lloq", "expected"),
    [
        (below("0.10"), "0.03", "low-unquantified"),
        (below("0.10", included=True), "0.03", "straddles"),
        (below("0.1001"), "0.03", "straddles"),
        (below("0.09", included=True), "0.03", "low-unquantified"),
        (below("0.03"), "0.03", "blq"),
        (below("0.03", included=True), "0.03", "low-unquantified"),
        (below("0.02", included=True), "0.03", "blq"),
        (below("0.0301"), "0.03", "low-unquantified"),
        (below("0.03"), None, "low-unquantified"),
        (below("0.10"), "0.10", "blq"),
    ],
)
def test_a_value_below_an_upper_limit(activity, lloq, expected):
    assert level_class(activity, THRESHOLD, Decimal(lloq) if lloq else None) == expected


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        (above("0.10"), "ok"),
        (above("0.10", included=True), "ok"),
        (above("0.0999"), "straddles"),
        (between("0.10", "0.20"), "ok"),
        (between("0.0999", "0.20"), "straddles"),
        (between("0.05", "0.10"), "straddles"),
        (between("0.05", "0.10", high_included=False), "low"),
        (between("0.05", "0.0999"), "low"),
        (between("0.05", "0.11", high_included=False), "straddles"),
    ],
)
def test_a_value_above_a_limit_and_a_range(activity, expected):
    assert level_class(activity, THRESHOLD, Decimal("0.03")) == expected


@pytest.mark.parametrize(
    ("lloq", "expected"), [(None, "blq"), ("0.03", "blq"), ("0.10", "blq"), ("0.1001", "straddles")]
)
def test_words_such_as_not_detected_mean_below_quantification(lloq, expected):
    assert level_class(NOT_DETECTED, THRESHOLD, Decimal(lloq) if lloq else None) == expected


@pytest.mark.parametrize(
    ("status", "activity", "remarks", "expected"),
    [
        ("final", number("0.5"), (), "usable"),
        ("corrected", number("0.5"), (), "usable"),
        ("preliminary", number("0.5"), (), "preliminary"),
        ("final", None, (), "no-level"),
        ("preliminary", None, (), "no-level"),
        ("pending", number("0.5"), (), "no-level"),
        ("not-asked", number("0.5"), (), "no-level"),
        ("cancelled", number("0.5"), (), "no-level"),
        ("entered-in-error", number("0.5"), (), "no-level"),
        ("final", None, ("value-unreadable",), "unusable"),
        ("preliminary", None, ("value-unreadable",), "preliminary"),
        ("final", number("0.5"), ("unit-missing",), "unusable"),
        ("final", number("0.5"), ("unit-suspect",), "unusable"),
        ("preliminary", number("0.5"), ("unit-suspect",), "preliminary"),
        ("final", number("0.5"), ("unit-assumed",), "usable"),
        ("final", number("5.01"), (), "unusable"),
        ("cancelled", None, ("value-unreadable",), "no-level"),
    ],
)
def test_whether_a_result_may_support_a_verdict(status, activity, remarks, expected):
    assert usability(sample(activity, status=status, remarks=remarks), WITHOUT_POLICY) == expected


@pytest.mark.parametrize(
    ("status", "awaited"),
    [("preliminary", True), ("pending", True), ("final", False), ("cancelled", False), ("not-asked", False)],
)
def test_a_result_is_awaited_while_it_is_preliminary_or_pending(status, awaited):
    assert result_awaited(sample(None, status=status)) is awaited


@pytest.mark.parametrize(
    ("activity", "remarks", "faults"),
    [
        (number("0.5"), (), ()),
        (number("0.5"), ("unit-assumed", "zone-assumed"), ()),
        (number("0.5"), ("unit-assumed", "unit-missing"), ("unit-missing",)),
        (number("5.01"), (), ("unit-suspect",)),
        (number("5.01"), ("unit-missing",), ("unit-missing",)),
        (number("5.01"), ("unit-suspect",), ("unit-suspect",)),
        (None, ("value-unreadable",), ("value-unreadable",)),
        (None, (), ()),
    ],
)
def test_the_faults_of_a_result_are_told_once(activity, remarks, faults):
    assert data_faults(sample(activity, remarks=remarks), WITHOUT_POLICY) == faults


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        (number("5"), False),
        (number("5.0001"), True),
        (above("5"), False),
        (above("5.0001"), True),
        (number("0.0025", "0.001"), False),
        (number("0.0024", "0.001"), True),
        (number("0.0024", "0.00006"), True),
        (number("0.0024", "0.0011"), False),
        (number("0.0024", "1"), False),
        (number("0", "0.001"), False),
        (Activity(kind="range", low=Decimal("0.001"), high=Decimal("0.002"), factor=Decimal("0.001")), False),
        (replace(below("0.0024"), factor=Decimal("0.001")), False),
    ],
)
def test_a_number_is_implausible_above_any_dose_or_where_per_litre_was_meant_per_millilitre(activity, expected):
    assert implausible(activity, WITHOUT_POLICY) is expected


@pytest.mark.parametrize(
    ("activity", "lloq", "expected"),
    [
        (number("0.03"), "0.03", True),
        (number("0.0299"), "0.03", False),
        (number("0.0001"), None, True),
        (number("0"), None, False),
        (between("0.03", "0.2"), "0.03", True),
        (between("0", "0.2"), None, False),
        (above("0.02"), "0.03", False),
        (below("0.5"), None, False),
        (NOT_DETECTED, None, False),
        (None, "0.03", False),
    ],
)
def test_enzyme_was_certainly_present_from_the_quantification_limit_upwards(activity, lloq, expected):
    assert measurable(sample(activity, lloq_iu_per_ml=Decimal(lloq) if lloq else None)) is expected


@pytest.mark.parametrize(
    ("activity", "lloq", "most"),
    [
        (number("0.5"), "0.03", "0.5"),
        (below("0.05"), "0.03", "0.05"),
        (between("0.1", "0.3"), "0.03", "0.3"),
        (NOT_DETECTED, "0.03", "0.03"),
        (NOT_DETECTED, None, "0.10"),
        (above("0.5"), "0.03", None),
        (None, "0.03", None),
    ],
)
def test_the_most_a_result_allows(activity, lloq, most):
    found = upper_bound(sample(activity, lloq_iu_per_ml=Decimal(lloq) if lloq else None), THRESHOLD)
    assert found == (Decimal(most) if most else None)


@pytest.mark.parametrize(
    ("activity", "method", "near", "biased"),
    [
        (number("0.0899"), None, False, False),
        (number("0.09"), None, True, False),
        (number("0.11"), None, True, False),
        (number("0.1101"), None, False, False),
        (number("0.11"), "AHA", True, False),
        (number("0.1101"), "AHA", False, False),
        # MAAT reads 23 % higher: from the threshold to 0.123.
        (number("0.0999"), "MAAT", True, False),
        (number("0.10"), "MAAT", True, True),
        (number("0.123"), "maat assay", True, True),
        (number("0.1231"), "MAAT", False, False),
        (below("0.10"), "MAAT", False, False),
        (between("0.10", "0.11"), "MAAT", False, False),
        (None, "MAAT", False, False),
    ],
)
def test_near_the_threshold_and_read_too_high(limits, activity, method, near, biased):
    measured = sample(activity, method=method)
    assert near_threshold(measured, limits, DAY_7) is near
    assert method_bias(measured, limits) is biased


def test_without_a_policy_nothing_is_near_a_threshold():
    measured = sample(number("0.10"), method="MAAT")
    assert near_threshold(measured, WITHOUT_POLICY, DAY_7) is False
    assert method_bias(measured, WITHOUT_POLICY) is False


def test_the_bias_of_a_method_counts_from_the_threshold_of_the_first_window(limits):
    first = limits.policy.time_points[0]
    later = replace(
        first,
        min_h=replace(first.min_h, value=first.max_h.value + 24),
        max_h=replace(first.max_h, value=first.max_h.value + 48),
        threshold=replace(first.threshold, value=Decimal("0.02")),
    )
    both = replace(limits, policy=replace(limits.policy, time_points=(later, first)))
    assert method_bias(sample(number("0.12"), method="MAAT"), both)
    assert not method_bias(sample(number("0.02"), method="MAAT"), both)
