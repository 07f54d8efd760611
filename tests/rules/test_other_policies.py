"""The rules read their numbers from the policy: another policy gives another reading of the same facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest


def cons16(rulebook):
    return next(policy for policy in rulebook.policies if policy.id == "CONS16")


def consensus(rulebook):
    return next(policy for policy in rulebook.policies if policy.label == "CONS16@1")


def cited(number, like):
    return replace(like, value=Decimal(number))


def with_policy(rulebook, policy):
    return replace(rulebook, policies=(policy,))


@pytest.mark.parametrize(
    ("value", "hours", "exposure"),
    [
        ("0.25", "168", "adequate"),
        ("0.251", "168", "above-band"),
        ("0.251", "250", "adequate"),
        ("0.251", "336", "above-band"),
        ("0.251", "100", "indeterminate"),
    ],
)
def test_a_good_level_inside_a_window_may_lie_above_the_band(story, after, rulebook, value, hours, exposure):
    policy = cons16(rulebook)
    banded = replace(policy, band_upper=cited("0.25", policy.near_threshold_low))
    finding = story(with_policy(rulebook, banded)).dose().level(after(hours), value).only()
    assert (finding.exposure, finding.mechanism) == (exposure, "no-evidence-of-inactivation")
    assert finding.monitoring == ("complete" if exposure != "indeterminate" else "sample-overdue")


@pytest.mark.parametrize(("value", "exposure"), [("0.019", "inadequate"), ("0.02", "adequate")])
def test_each_window_has_its_own_threshold(story, after, rulebook, value, exposure):
    policy = cons16(rulebook)
    first, second = policy.time_points
    other = replace(policy, time_points=(first, replace(second, threshold=cited("0.02", second.threshold))))
    finding = story(with_policy(rulebook, other)).dose()
    finding = finding.level(after("336"), value, lloq_iu_per_ml=Decimal("0.01")).only()
    assert finding.exposure == exposure
    assert finding.threshold_iu_per_ml == Decimal("0.02")


@pytest.mark.parametrize(
    ("started", "policy"), [("2016-01-01T10:00Z", "CONS16@1"), ("2015-12-31T10:00Z", None), ("3 10:00", "CONS16@2")]
)
def test_a_dose_is_read_by_the_version_in_force_at_its_start(story, rulebook, started, policy):
    first = cons16(rulebook)
    second = replace(first, version="2", valid_from=date(2025, 3, 3))
    book = replace(rulebook, policies=(first, second))
    assert story(book).dose(started, None).only().policy == policy


def test_a_quantification_limit_above_the_threshold_leaves_low_levels_open(story):
    for value in ("0.05", "0.15", "ND"):
        finding = story().dose().level("10 12:00", value, lloq_iu_per_ml=Decimal("0.2")).only()
        assert (finding.exposure, finding.rules) == ("indeterminate", ("D3", "D3"))


def test_words_for_nothing_measurable_need_no_known_limit(story):
    finding = story().dose().level("10 12:00", "ND", lloq_iu_per_ml=None).level("12 12:00", "0.41").only()
    assert "discordant" in finding.modifiers


def test_an_upper_limit_without_a_known_quantification_limit_is_low_not_nil(story, after):
    finding = story().dose().level(after("250"), "<0.03", lloq_iu_per_ml=None).only()
    assert (finding.mechanism, finding.rules) == ("below-target-not-inactivation", ("D18", "D18"))
    assert "unquantified-below" in finding.modifiers


@pytest.mark.parametrize(
    ("value", "lloq", "mechanism"),
    [
        ("0.03", "0.03", "below-target-not-inactivation"),
        ("0.0299", "0.03", "suspected-silent-inactivation"),
        ("<0.03", "0.03", "suspected-silent-inactivation"),
        ("<0.031", "0.03", "below-target-not-inactivation"),
        ("<=0.03", "0.03", "below-target-not-inactivation"),
        ("<=0.029", "0.03", "suspected-silent-inactivation"),
    ],
)
def test_below_quantification_on_day_10_is_read_by_the_limit_of_the_assay(story, after, value, lloq, mechanism):
    finding = story().dose().level(after("240"), value, lloq_iu_per_ml=Decimal(lloq)).only()
    assert finding.mechanism == mechanism


def test_a_level_above_the_range_is_never_the_lower_one_of_a_contradiction(story):
    finding = story().dose().level("10 12:00", ">1.0").level("12 12:00", "2.5").only()
    assert finding.mechanism == "no-evidence-of-inactivation"


def test_a_method_that_reads_high_is_named_for_plain_numbers_only(story):
    assert "method-bias" not in story().dose().level("10 12:00", ">0.11", method="MAAT").only().modifiers


def test_the_evidence_tells_what_would_have_changed_the_verdict(story):
    changes = story().dose().level("10 12:00", "0.06").only().evidence["would_change"]
    assert changes == [
        {
            "if": "a reaction were linked to the dose",
            "rule": "D4",
            "exposure": "inadequate",
            "mechanism": "neutralizing-hypersensitivity",
        },
        {
            "if": "less than half of the dose had been given",
            "rule": "D15",
            "exposure": "inadequate",
            "mechanism": "below-target-not-inactivation",
        },
        {
            "if": "the level were at or above the threshold",
            "rule": "D16",
            "exposure": "adequate",
            "mechanism": "no-evidence-of-inactivation",
        },
    ]


@pytest.mark.parametrize("value", ["<0.2", None])
def test_an_open_level_names_what_would_settle_it_and_no_level_names_nothing(story, value):
    told = story().dose(status="stopped", amount=None).reaction(grade=2)
    changes = (told.level("13 12:00", value) if value else told).only().evidence["would_change"]
    assert [change["rule"] for change in changes] == (["D3", "D9"] if value else [])


def test_a_level_above_the_band_names_the_band(story, rulebook):
    policy = cons16(rulebook)
    banded = replace(policy, band_upper=cited("0.25", policy.near_threshold_low))
    above, within = (
        story(with_policy(rulebook, banded)).dose().level("10 12:00", value).only().sentence
        for value in ("0.251", "0.25")
    )
    told = "At or above the 0.10 IU/mL threshold and above the band of the policy, which ends at 0.25 IU/mL, policy"
    assert told in above
    assert "band" not in within


@pytest.mark.parametrize(
    ("confirmed_by", "awaited"),
    [
        ("two-doses", "awaited, on the next dose of its family."),
        ("two-samples", "awaited, on this dose or on the next"),
    ],
)
def test_a_suspicion_tells_where_the_confirming_sample_is_awaited(story, rulebook, confirmed_by, awaited):
    book = with_policy(rulebook, replace(cons16(rulebook), confirmed_by=confirmed_by))
    assert awaited in story(book).dose().level("10 12:00", "<0.03").only().sentence


@pytest.mark.parametrize(("route", "told"), [(None, True), ("IM", False)])
def test_a_low_too_early_without_a_route_names_the_route_as_the_reason(story, route, told):
    finding = story().dose(route=route).reaction(grade=2).level("4 16:00", "<0.03").only()
    assert finding.rules[0] == "D3c"
    assert ("the route is not known, so the longer of the two times is kept to" in finding.sentence) is told
    promised = {change["if"]: change["rule"] for change in finding.evidence["would_change"]}
    assert promised.get("the dose were known to be intravenous") == ("D4" if told else None)
    assert "the dose were known to be intramuscular" not in promised


@pytest.mark.parametrize(("product", "said"), [("pegaspargase", True), ("calaspargase", True), ("native-ecoli", False)])
def test_the_bias_of_a_method_is_one_for_pegylated_products(story, product, said):
    finding = story().dose(product=product).level("6 12:00", "0.11", method="MAAT").only()
    assert ("method-bias" in finding.modifiers) is said


@pytest.mark.parametrize(("threshold", "near"), [("0.0899", False), ("0.09", True), ("0.11", True), ("0.1101", False)])
def test_a_band_about_another_threshold_names_no_level_near_one(story, rulebook, threshold, near):
    policy = cons16(rulebook)
    points = tuple(replace(p, threshold=replace(p.threshold, value=Decimal(threshold))) for p in policy.time_points)
    told = story(with_policy(rulebook, replace(policy, time_points=points))).dose().level("10 12:00", "0.1")
    assert ("near-threshold" in told.only().modifiers) is near
