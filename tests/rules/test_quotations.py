"""A statement of others is printed beside the mechanism, route, window and grade it is about, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

EU_72_H = "the intramuscular route or a 48-hour interval as options when the level at 72 h"
EU_48_H = "the intramuscular route as an option when the level at 48 h"
US = "The US label of Erwinaze is described as naming activity monitoring"
ALL = (EU_72_H, EU_48_H, US)
MG = {"product": "recombinant-crisantaspase", "amount": Decimal(25), "unit": "mg/m2"}


def told(finding):
    return tuple(statement for statement in ALL if statement in finding.sentence)


@pytest.mark.parametrize(
    ("hours", "route", "expected"),
    [
        ("48", "IV", (EU_48_H, US)),
        ("48", None, (EU_48_H, US)),
        ("48", "IM", ()),
        ("58", "IV", (EU_48_H, US)),
        ("59", "IV", (US,)),
        ("30", "IV", (US,)),
        ("60", "IV", (EU_72_H, US)),
        ("78", "IV", (EU_72_H, US)),
        ("72", "IM", ()),
    ],
)
def test_options_of_a_label_stand_beside_their_route_and_window(story, after, hours, route, expected):
    finding = story().dose(route=route, **MG).level(after(hours), "0.06").only()
    assert finding.mechanism == "below-target-not-inactivation"
    assert told(finding) == expected
    assert [one["statement"] for one in finding.evidence["quotations"]] == [
        one["statement"] for one in finding.evidence["quotations"] if one["statement"] in finding.sentence
    ]
    assert len(finding.evidence["quotations"]) == len(expected)


def test_no_option_is_told_where_the_target_was_met(story, after):
    assert told(story().dose(**MG).level(after("72"), "0.1").only()) == ()


@pytest.mark.parametrize(("grade", "expected", "unknown"), [(1, False, False), (2, True, False), (None, True, True)])
def test_a_rule_from_a_grade_upwards_is_told_for_that_grade_or_an_unknown_one(story, grade, expected, unknown):
    sentence = story().dose().reaction(grade=grade).level("10 12:00", "0.5").only().sentence
    assert ("of grade 2 or more" in sentence) is expected
    assert (". The grade is not known. " in sentence) is unknown
    assert "ALLTogether is described as continuing" in sentence


@pytest.mark.parametrize(
    ("grades", "told"), [((1, 1), False), ((1, 2), True), ((2, 1), True), ((2, 2), True), ((1, None), True)]
)
def test_one_reaction_of_that_grade_is_enough(story, grades, told):
    first, second = grades
    told_of = story().dose().reaction(grade=first).reaction("3 20:00", grade=second, record="AllergyIntolerance/a2")
    assert ("of grade 2 or more" in told_of.level("10 12:00", "0.5").only().sentence) is told


@pytest.mark.parametrize(("second", "told"), [({"concepts": ("nausea",)}, False), ({}, True)])
def test_the_grade_of_a_note_is_the_grade_of_no_reaction(story, second, told):
    told_of = story().dose().reaction(grade=1)
    told_of.reaction("3 20:00", grade=2, record="AllergyIntolerance/a2", **second)
    assert ("of grade 2 or more" in told_of.level("10 12:00", "0.5").only().sentence) is told


def test_an_unknown_grade_is_named_only_beside_a_statement_that_hangs_on_it(story, rulebook):
    policies = tuple(
        replace(p, quotations=tuple(q for q in p.quotations if q.from_grade is None)) for p in rulebook.policies
    )
    sentence = (
        story(replace(rulebook, policies=policies)).dose().reaction(grade=None).level("10 12:00", "0.5").only().sentence
    )
    assert "ALLTogether is described as continuing" in sentence
    assert "The grade is not known." not in sentence


@pytest.mark.parametrize(("window", "told"), [(None, True), ("day 7", False)])
def test_a_statement_about_a_window_is_not_told_where_no_level_was_read(story, rulebook, window, told):
    policies = tuple(
        replace(p, quotations=tuple(replace(q, situation="not-assessable", window=window) for q in p.quotations))
        for p in rulebook.policies
    )
    finding = story(replace(rulebook, policies=policies)).dose().only("4 12:00")
    assert (finding.mechanism, bool(finding.evidence["quotations"])) == ("not-assessable", told)
