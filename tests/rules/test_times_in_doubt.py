"""A level whose time is not one instant says what every possible time would say, and no more (ruling 6)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

MONTH = "2025-03"


def verdict(finding):
    return finding.rules[0], finding.exposure, [code for code in finding.modifiers if code in ("early", "late")]


def phases(finding):
    return finding.evidence["samples"][0]["phases"]


def changed(rulebook, **parts):
    """The rule book with other numbers for pegaspargase."""
    return replace(rulebook, policies=tuple(replace(p, **parts) if p.id == "CONS16" else p for p in rulebook.policies))


def cons16(rulebook):
    return next(policy for policy in rulebook.policies if policy.id == "CONS16")


@pytest.mark.parametrize(
    ("collected", "said"),
    [
        ("8 23:59", ("D17", "indeterminate", ["early"])),
        # Between 120 and 144 h after a dose that is known by its day: a window holds both its ends.
        ("9 00:00", ("D0", "indeterminate", [])),
        ("10 00:00", ("D16", "adequate", [])),
    ],
)
def test_the_latest_possible_time_counts_as_well(story, collected, said):
    assert verdict(story().dose("3", None).level(collected, "0.5").only()) == said


@pytest.mark.parametrize(
    ("ended", "said"),
    [("3 00:00", ("D0", "indeterminate", [])), ("2 23:59", ("D18", "indeterminate", ["late"]))],
)
def test_the_earliest_possible_time_counts_as_well(story, ended, said):
    assert verdict(story().dose("2 22:00", ended).level("11", "0.06").only()) == said


@pytest.mark.parametrize(("collected", "late"), [("11", False), ("12", True)])
def test_a_sample_is_late_only_where_every_possible_time_is(story, collected, late):
    assert ("late" in story().dose().level(collected, "0.5").only().modifiers) is late


def test_every_phase_between_both_ends_counts_as_well(story):
    finding = story().dose("2025-02-25T10:00Z", "2025-02-25T12:00Z").level(MONTH, "0.5").only("2025-05-01T00:00Z")
    assert phases(finding) == ["early", "first-window", "between", "later-window", "expired"]


def test_early_and_declining_lows_are_told_apart_between_both_ends(story):
    told = story().dose("2025-02-25T10:00Z", "2025-02-25T12:00Z", product="calaspargase").level(MONTH, "0.5")
    assert phases(told.only("2025-05-01T00:00Z"))[:3] == ["early", "declining", "first-window"]


@pytest.mark.parametrize("route", ["IV", "IM", None])
def test_absorption_and_the_time_after_it_are_told_apart_between_both_ends(story, moment_at, route):
    told = story().dose(route=route).level(None, "0.5", received_by_laboratory=moment_at("10 12:00"))
    assert phases(told.only()) == ["absorbing", "early", "first-window"]


def test_a_window_between_both_ends_counts_as_well(story):
    finding = story().dose("2025-02-20T10:00Z", "2025-02-20T12:00Z").level(MONTH, "0.5").only("2025-05-01T00:00Z")
    assert phases(finding) == ["between", "later-window", "expired"]
    assert "late" not in finding.modifiers


def test_a_window_of_one_instant_counts_as_well(story, rulebook):
    day_7, day_14 = cons16(rulebook).time_points
    book = changed(rulebook, time_points=(replace(day_7, min_h=day_7.target_h, max_h=day_7.target_h), day_14))
    assert phases(story(book).dose().level("10", "0.5").only()) == ["early", "first-window", "between"]


@pytest.mark.parametrize(
    ("collected", "said"),
    [("19", ("D18", "indeterminate", ["late"])), ("20", ("D0", "indeterminate", ["late"]))],
)
def test_two_mechanisms_are_none_although_the_exposure_is_one(story, rulebook, collected, said):
    """Beyond the last window a low may still be read as decline, until no low is read any more: here at 400 h."""
    book = changed(rulebook, no_verdict_after=replace(cons16(rulebook).no_verdict_after, value=Decimal(400)))
    assert verdict(story(book).dose().level(collected, "0.06").only("25 12:00")) == said


@pytest.mark.parametrize(("collected", "rule"), [("10", "D9"), ("11", "D4b")])
def test_a_good_level_that_may_lie_outside_the_windows_keeps_no_activity(story, after, collected, rule):
    told = story().dose().reaction(grade=2).level(collected, "0.5").level(after("250"), "0.06")
    assert told.only().evidence["samples"][1]["rule"] == rule


def test_a_good_level_without_a_time_is_a_good_early_one(story, moment_at):
    told = story().dose().level(None, "0.4", received_by_laboratory=moment_at("6 10:00"))
    assert verdict(told.only("7 12:00")) == ("D17", "indeterminate", ["early"])


@pytest.mark.parametrize(
    ("parts", "level"), [({}, "ok"), ({"letter": "P"}, None), ({"remarks": ("unit-missing",)}, None)]
)
def test_only_a_level_that_can_be_used_has_a_class(story, parts, level):
    finding = story().dose().level("10 12:00", "0.4", **parts).only()
    assert finding.evidence["samples"][0]["level"] == level


@pytest.mark.parametrize(("day_7", "rule"), [("0.06", "D4b"), ("0.5", "D9")])
def test_only_a_good_level_in_a_window_keeps_activity(story, after, day_7, rule):
    told = story().dose().reaction(grade=2).level(after("168"), day_7).level(after("336"), "0.05")
    assert told.only().evidence["samples"][1]["rule"] == rule


def test_a_sample_received_the_instant_after_the_dose_blames_no_reaction(story, moment_at):
    """It may have been taken just before the dose."""
    told = story().dose().reaction(grade=2)
    told.level(None, "<0.03", received_by_laboratory=moment_at("2025-03-03T12:00:00.000001Z"))
    finding = told.only("4 12:00")
    assert (finding.rules[0], finding.mechanism) == ("D0", "reaction-unresolved")
