"""Which modifiers stand beside a verdict, each at both sides of what raises it (rulebook 2.1, CONTRACTS 3)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapter.domain.findings import MODIFIERS
from adapter.rules.modifiers import ordered

DOSE_2 = {"key": "MedicationAdministration/d2"}
FIRST = ("first-dose",)
PART = {"amount": Decimal(1000), "ordered_amount": Decimal(2500)}


def test_modifiers_are_told_once_each_in_the_order_of_their_codes_and_other_words_never():
    assert ordered((*reversed(MODIFIERS), "early", "no-modifier")) == MODIFIERS


@pytest.mark.parametrize(
    ("status", "collected", "remarks", "told"),
    [
        # What was never collected lacks no time of collection, and says so of nothing else.
        ("pending", None, ("sample-time-missing",), ()),
        ("not-asked", None, ("sample-time-missing",), ()),
        ("pending", None, ("unit-assumed",), ("unit-assumed",)),
        ("pending", None, (), ()),
        ("final", None, (), ("sample-time-missing",)),
        ("cancelled", None, (), ("sample-time-missing", "specimen-quality")),
        ("preliminary", None, (), ("sample-time-missing", "preliminary")),
        ("pending", "10 12:00", ("sample-time-missing",), ("sample-time-missing",)),
        ("final", "10 12:00", ("zone-assumed",), ("zone-assumed",)),
        ("preliminary", "10 12:00", (), ("preliminary",)),
        ("cancelled", "10 12:00", (), ("specimen-quality",)),
        ("corrected", "10 12:00", (), ("corrected",)),
        ("final", "10 12:00", (), ()),
    ],
)
def test_a_sample_has_the_modifiers_of_its_status_and_its_time(story, status, collected, remarks, told):
    value = "0.5" if status in ("final", "preliminary", "corrected") else None
    reading = story().dose().level(collected, value, status=status, remarks=remarks).read()
    assert set(reading.findings[0].modifiers) == {*told, *FIRST}


def test_a_result_that_replaces_another_value_is_corrected_whatever_its_own_status(story):
    told = story().dose().level("10 12:00", "0.4", key="K", reported="10 20:00")
    told.level("10 12:00", "0.5", key="K", reported="11 20:00", letter="C")
    told.level("10 12:00", "0.5", key="K", reported="12 20:00")
    assert told.only().modifiers == ("corrected", *FIRST)


@pytest.mark.parametrize(
    ("collected", "told"),
    [("10", True), ("2025-03", True), ("2025-03-10T12:00Z", False), ("2025-03-10T12:00:01Z", False)],
)
def test_a_date_or_a_month_is_no_time_of_collection(story, collected, told):
    finding = story().dose().level(collected, "0.5").only()
    assert ("date-only" in finding.modifiers) is told


@pytest.mark.parametrize(
    ("value", "hours", "told"),
    [
        ("0.5", "168", ()),
        ("<0.1", "168", ("unquantified-below",)),
        ("<0.03", "168", ()),
        ("0.5", "143.9", ("early",)),
        ("0.5", "144", ()),
        ("0.5", "192", ()),
        ("0.5", "192.1", ("late",)),
        ("0.5", "311.9", ("late",)),
        ("0.5", "312", ()),
        ("0.5", "360", ()),
        ("0.5", "360.1", ("late",)),
        (None, "100", ()),
        (None, "400", ()),
        ("0.0899", "168", ()),
        ("0.090", "168", ("near-threshold",)),
        ("0.110", "168", ("near-threshold",)),
        ("0.1101", "168", ()),
    ],
)
def test_a_level_has_the_modifiers_of_its_size_and_its_time(story, after, value, hours, told):
    assert set(story().dose().level(after(hours), value).only().modifiers) == {*told, *FIRST}


@pytest.mark.parametrize(
    ("value", "method", "told"),
    [
        ("0.0999", "MAAT", ("near-threshold",)),
        ("0.10", "MAAT", ("near-threshold", "method-bias")),
        ("0.123", "MAAT", ("near-threshold", "method-bias")),
        ("0.1231", "MAAT", ()),
        ("0.12", "maat test", ("near-threshold", "method-bias")),
        ("0.12", "AHA", ()),
        ("0.12", None, ()),
        ("<0.1", "MAAT", ("unquantified-below",)),
    ],
)
def test_a_method_that_reads_high_widens_what_is_near_the_threshold(story, value, method, told):
    assert set(story().dose().level("10 12:00", value, method=method).only().modifiers) == {*told, *FIRST}


@pytest.mark.parametrize(
    ("dose", "told"),
    [
        ({}, ()),
        ({"remarks": ("zone-assumed",)}, ("zone-assumed",)),
        (PART, ("partial-dose",)),
        ({**PART, "amount": Decimal(1250)}, ()),
        ({"status": "stopped", "amount": None}, ("partial-dose", "dose-unknown")),
        ({"status": "completed", "amount": None}, ()),
        ({**PART, "status": "on-hold"}, ()),
        ({"status": "unknown", "amount": None}, ()),
        ({"product": "unspecified-asparaginase"}, ("product-ambiguous",)),
    ],
)
def test_a_dose_has_the_modifiers_of_its_product_and_its_portion(story, dose, told):
    assert set(story().dose(**dose).only("4 12:00").modifiers) == {*told, *FIRST}


@pytest.mark.parametrize(
    ("second", "value", "told"),
    [
        ("2025-03-10T11:59Z", "0.5", True),
        ("2025-03-10T12:00Z", "0.5", False),
        ("2025-03-10T11:59Z", None, False),
        ("2025-03-10T11:59Z", "<0.03", True),
    ],
)
def test_a_dose_less_than_seven_days_after_another_of_its_family_may_carry_its_activity(story, second, value, told):
    lines = story().dose().dose(second, None, **DOSE_2).level("17 12:00", value)
    assert ("same-family-carryover" in lines.read().findings[1].modifiers) is told


def test_carry_over_is_told_of_the_dose_just_before_and_of_one_family_only(story):
    lines = story().dose("2025-02-01T10:00Z", None).dose("10 10:00", None, **DOSE_2).level("17 12:00", "0.5")
    assert "same-family-carryover" not in lines.read().findings[1].modifiers
    lines = story().dose().dose("5 10:00", None, product="crisantaspase", **DOSE_2).level("7 10:00", "0.5")
    assert lines.read().findings[1].modifiers == ("cross-family-residual", "first-dose")


@pytest.mark.parametrize(
    ("reaction", "told"),
    [
        ({"grade": 2}, ()),
        ({}, ()),
        ({"severity": "mild"}, ("grade-mapped",)),
        ({"concepts": ("anaphylaxis",)}, ("grade-mapped",)),
        ({"text": "adrenaline given"}, ("grade-mapped",)),
        ({"concepts": ("nausea",), "severity": "mild"}, ()),
        ({"grade": 2, "verification": "unconfirmed"}, ("reaction-unconfirmed",)),
        ({"concepts": ("nausea",), "verification": "unconfirmed"}, ()),
        ({"grade": 2, "verification": "refuted"}, ("reaction-refuted",)),
        ({"grade": 2, "occurred": "3"}, ("date-only",)),
        ({"concepts": ("nausea",), "occurred": "3"}, ()),
    ],
)
def test_a_dose_has_the_modifiers_of_the_reactions_that_count(story, reaction, told):
    assert set(story().dose().reaction(**reaction).only("4 12:00").modifiers) == {*told, *FIRST}


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({}, True),
        ({"letter": "P"}, False),
        ({"remarks": ("unit-missing",)}, False),
        ({"collected": "3 11:00"}, True),
    ],
)
def test_a_value_that_may_still_change_or_is_in_doubt_is_near_no_threshold(story, parts, told):
    finding = story().dose().level(**{"collected": "10 12:00", "value": "0.1", **parts}).only()
    assert ("near-threshold" in finding.modifiers) is told


def test_one_level_among_other_samples_is_enough_to_tell_of_carry_over(story):
    lines = story().dose().dose("10 11:59", None, **DOSE_2).level("17 11:00", None, letter="X").level("17 12:00", "0.5")
    assert "same-family-carryover" in lines.read().findings[1].modifiers


@pytest.mark.parametrize(("collected", "told"), [("10", True), ("10 12:00", False)])
def test_a_sample_of_no_dose_says_that_only_its_date_is_known(story, collected, told):
    (lone,) = story().level(collected, "0.5").read().unlinked
    assert lone.modifiers == (("date-only", "no-dose-known") if told else ("no-dose-known",))
