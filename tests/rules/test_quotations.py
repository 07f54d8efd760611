"""A statement of others is printed beside the mechanism, route, window and grade it is about, and nowhere else."""

from __future__ import annotations

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
    assert ("The grade is not known." in sentence) is unknown
    assert "ALLTogether is described as continuing" in sentence
