"""What one other fact would make of a level, and which rows missed it by one condition (rulebook 6.2, 6.3)."""

from __future__ import annotations

from decimal import Decimal

import pytest

PARTIAL = {"amount": Decimal(500), "ordered_amount": Decimal(2500)}
REACTED = "a reaction were linked to the dose"
UNREACTED = "no reaction were linked to the dose"
PART = "less than half of the dose had been given"
FULL = "the dose were known to be full"
LOW = "the level were detectable and below the threshold"
GOOD = "the level were at or above the threshold"
NIL = "the level were below the quantification limit"
IN_TIME = "the sample had been taken in the first window"
INTRAVENOUS = "the dose were known to be intravenous"
SEVERE_BESIDE = "the severe reaction recorded beside it were linked to the dose"


def changes(finding):
    return {change["if"]: change["rule"] for change in finding.evidence["would_change"]}


@pytest.mark.parametrize(
    ("dose", "reaction", "hours", "value", "told"),
    [
        ({}, None, "168", "0.5", {REACTED: "D9", LOW: "D12"}),
        ({}, {"grade": 3}, "168", "0.5", {UNREACTED: "D16", LOW: "D4"}),
        ({}, {"grade": 2}, "168", "<0.1", {UNREACTED: "D12", PART: "D5", GOOD: "D9"}),
        ({}, None, "168", "<0.03", {REACTED: "D4", PART: "D15", GOOD: "D16"}),
        ({}, None, "336", "<0.1", {REACTED: "D4b", GOOD: "D16", NIL: "D12", IN_TIME: "D12"}),
        ({}, {"grade": 2}, "336", "0.06", {UNREACTED: "D14", GOOD: "D9", NIL: "D4", IN_TIME: "D4"}),
        ({}, None, "400", "0.06", {REACTED: "D3d", GOOD: "D16", IN_TIME: "D12"}),
        (PARTIAL, {"grade": 3}, "250", "0.06", {UNREACTED: "D15", GOOD: "D8"}),
        (PARTIAL, {"grade": 2}, "168", "<0.03", {UNREACTED: "D15", FULL: "D4", GOOD: "D9"}),
        (
            {"status": "stopped", "amount": None},
            None,
            "168",
            "<0.03",
            {REACTED: "D6", FULL: "D12", GOOD: "D16"},
        ),
        ({"route": None}, {"grade": 2}, "28", "<0.03", {UNREACTED: "D3c", IN_TIME: "D4", INTRAVENOUS: "D4"}),
        ({"route": "IM"}, {"grade": 2}, "28", "<0.03", {UNREACTED: "D3c", IN_TIME: "D4"}),
    ],
)
def test_every_single_other_fact_that_changes_the_reading_is_told_and_no_other(
    story, after, dose, reaction, hours, value, told
):
    lines = story().dose(**dose)
    lines = lines if reaction is None else lines.reaction(**reaction)
    assert changes(lines.level(after(hours), value).only()) == told


@pytest.mark.parametrize(
    ("value", "severity", "told"),
    [
        ("0.5", "severe", {SEVERE_BESIDE: "D8", LOW: "D12"}),
        ("0.5", "mild", {REACTED: "D9", LOW: "D12"}),
        ("<0.03", "severe", {SEVERE_BESIDE: "D4", PART: "D15", GOOD: "D16"}),
    ],
)
def test_a_severe_reaction_waiting_beside_the_dose_is_the_one_that_could_be_linked(story, value, severity, told):
    finding = story().dose().reaction(None, severity=severity).level("10 12:00", value).only()
    assert changes(finding) == told


def test_a_severe_note_that_is_no_reaction_is_none_that_could_be_linked(story):
    lines = story().dose().reaction(None, severity="severe", concepts=("nausea",))
    assert REACTED in changes(lines.level("10 12:00", "0.5").only())


def test_rows_are_near_that_lacked_one_condition_and_say_what_was_so_instead(story, after):
    nearly = story().dose().reaction(grade=3).level(after("168"), "0.5").only().evidence["nearly"]
    assert {(row["rule"], row["because"]) for row in nearly} == {
        ("D4", "the level is not lost, or normal decline may explain it"),
        ("D4b", "the level is not a low one that normal decline may explain"),
        ("D9", "no reaction of grade 1-2, and none that is not graded, is linked to the dose"),
        ("D10", "the sample was taken in the first sampling window or later"),
        ("D16", "a reaction is linked to the dose"),
    }


def test_another_row_of_the_deciding_rule_is_not_a_near_one(story, after):
    """D9 reads a low after a good level in a window, and outside it, in two rows."""
    lines = story().dose().reaction(grade=2).level(after("168"), "0.5").level(after("336"), "0.06")
    finding = lines.only()
    assert finding.rules[1] == "D9"
    assert "D9" not in {row["rule"] for row in finding.evidence["nearly"]}
    assert "D8" in {row["rule"] for row in finding.evidence["nearly"]}


@pytest.mark.parametrize(
    ("product", "hours", "rule", "in_window"),
    [
        ("calaspargase", "400", "D18", "D14"),
        ("crisantaspase", "59", "D18", "E2"),
        ("pegaspargase", "250", "D18", "D12"),
    ],
)
def test_a_low_outside_the_windows_tells_what_it_would_say_in_the_first(story, after, product, hours, rule, in_window):
    finding = story().dose(product=product).level(after(hours), "0.06").only("25 12:00")
    changes = {one["if"]: one["rule"] for one in finding.evidence["would_change"]}
    assert finding.rules[0] == rule
    assert changes[IN_TIME] == in_window
