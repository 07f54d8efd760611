"""Two records of one reaction are one event, and it is as severe as the more severe of them (rulebook 2.2)."""

from __future__ import annotations

import pytest

SECOND = {"record": "AllergyIntolerance/a2"}


@pytest.mark.parametrize(
    ("first", "second", "events"),
    [
        ("3 10:20", "3 11:20", 1),
        ("3 10:20", "3 11:21", 2),
        ("3", "3", 1),
        # A date alone may be any hour of its day, so it is not known to be the hour of another record.
        ("3 00:30", "3", 2),
        ("3 23:30", "3", 2),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_records_within_an_hour_at_both_ends_are_one_event(story, first, second, events, turned):
    one, other = (second, first) if turned else (first, second)
    told = story().dose("2 22:00", "3 00:10").reaction(one, grade=2).reaction(other, grade=2, **SECOND)
    assert len(told.only("4 12:00").reactions) == events


def test_later_records_are_held_against_the_first_of_each_event(story):
    told = story().dose()
    for number, onset in enumerate(("3 10:20", "3 11:10", "3 11:30", "3 12:20", "3 12:45"), start=1):
        told.reaction(onset, grade=2, record=f"AllergyIntolerance/a{number}")
    assert [[name[-4:-2] for name in r.records] for r in told.only("5 12:00").reactions] == [
        ["a1", "a2"],
        ["a3", "a4"],
        ["a5"],
    ]


@pytest.mark.parametrize(
    ("one", "other", "severe", "counts"),
    [
        ({"grade": 3}, {"grade": 1}, True, True),
        ({"grade": 1}, {"grade": 3}, True, True),
        ({"grade": 2}, {"grade": 1}, False, True),
        ({"concepts": ("nausea",), "severity": "severe"}, {"grade": 1}, False, True),
        ({"concepts": ("nausea",), "severity": "severe"}, {"concepts": ("headache",)}, False, False),
    ],
)
def test_an_event_is_severe_and_counts_where_one_of_its_records_makes_it_so(story, one, other, severe, counts):
    (reaction,) = story().dose().reaction(**one).reaction("3 10:30", **other, **SECOND).only("4 12:00").reactions
    assert (reaction.severe, reaction.counts) == (severe, counts)


@pytest.mark.parametrize(("verification", "modified"), [("confirmed", False), ("unconfirmed", True)])
def test_reactions_are_unconfirmed_only_where_all_of_them_are(story, verification, modified):
    """A second event of the dose that is confirmed makes the reaction more than an unconfirmed one (D4a)."""
    told = story().dose().reaction(grade=2, verification="unconfirmed")
    told.reaction("3 20:00", grade=1, verification=verification, **SECOND)
    assert told.level("10 12:00", "<0.03").only().rules[0] == ("D4a" if modified else "D4")
