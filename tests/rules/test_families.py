"""What a dose knows of the doses of its family before and after it, gathered once for all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapter.rules.families import afters, befores
from adapter.rules.interpretation import judge

START = datetime(2025, 3, 3, 10, 0, tzinfo=UTC)
TWO_WEEKS = timedelta(days=14)


@pytest.fixture
def family(story, rulebook):
    """Judged doses two weeks apart, each with the level named, or none."""

    def judged(*levels):
        told = story()
        for number, level in enumerate(levels):
            at = START + number * TWO_WEEKS
            told.dose(at, None, key=f"MedicationAdministration/d{number:02d}")
            if level:
                told.level(at + timedelta(days=7), level)
        return [draft.dose for draft in judge(told.history(), rulebook, START + timedelta(days=400)).drafts]

    return judged


def test_the_doses_before_one_are_a_sequence(family):
    doses = family("0.5", "0.4", None)
    before = list(befores(doses))
    assert [list(known) for known in before] == [[], doses[:1], doses[:2]]
    assert [len(known) for known in before] == [0, 1, 2]
    assert (before[2][0], before[2][-1], list(before[2][-1:])) == (doses[0], doses[1], [doses[1]])
    with pytest.raises(IndexError):
        before[1][1]
    assert not before[0]


def test_a_dose_knows_the_last_earlier_ones_that_bear_on_it(family):
    doses = family("0.5", "<0.03", "<0.03", None, "0.5", None)
    assert [dose.combined.mechanism for dose in doses[1:3]] == [
        "suspected-silent-inactivation",
        "confirmed-silent-inactivation",
    ]
    told = [
        (known.established, known.suspicious and doses.index(known.suspicious), known.inactivated, known.measured)
        for known in befores(doses)
    ]
    assert told == [
        (False, None, (), None),
        (False, None, (), 0),
        (False, 1, (1,), 1),
        (True, 2, (1, 2), 2),
        (True, 2, (1, 2), 2),
        (True, 2, (1, 2), 4),
    ]


def test_no_more_inactivated_doses_are_remembered_than_are_ever_listed(family):
    last = list(befores(family(*["<0.03"] * 12)))[-1]
    assert (last.inactivated, last.established) == (tuple(range(1, 11)), True)


def test_a_dose_knows_the_next_ones_that_bear_on_it(family):
    doses = family("<0.03", None, None, "0.5", None)
    assert [[doses.index(later) for later in known] for known in afters(doses)] == [[1, 3], [2, 3], [3], [4], []]


def test_a_dose_without_a_time_knows_the_next_one_with_a_time_as_well(story, rulebook):
    told = (
        story().dose(None, None, key="MedicationAdministration/d1").dose(None, None, key="MedicationAdministration/d2")
    )
    told.dose("3 10:00", "3 12:00", key="MedicationAdministration/d3")
    drafts = judge(told.history(), rulebook, START + timedelta(days=400)).drafts
    assert [[later.episode.key[-2:] for later in draft.later] for draft in drafts] == [["d2", "d3"], ["d3"], []]


@pytest.fixture
def reacted_doses(story, rulebook):
    """Judged doses two weeks apart, each followed by a reaction of the grade named, a note, or nothing."""

    def judged(*grades):
        told = story()
        for number, grade in enumerate(grades):
            at = START + number * TWO_WEEKS
            told.dose(at, None, key=f"MedicationAdministration/d{number:02d}")
            parts = {"concepts": ("nausea",)} if grade == "note" else {"grade": grade}
            if grade:
                told.reaction(at + timedelta(minutes=5), record=f"AllergyIntolerance/a{number:02d}", **parts)
        return [draft.dose for draft in judge(told.history(), rulebook, START + timedelta(days=800)).drafts]

    return judged


def listed_before_last(doses):
    reactions = list(befores(doses))[-1].reactions
    return [doses.index(entry.dose) for entry in reactions.listed], reactions.others


@pytest.mark.parametrize(
    ("grades", "listed", "others"),
    [
        ([], [], 0),
        ([1, None, "note", 2], [0, 3], 0),
        ([1] * 10, list(range(10)), 0),
        # Of more than ten the last three, and the severe ones before them, the latest seven.
        ([1] * 11, [8, 9, 10], 8),
        ([3, *[1] * 10], [0, 8, 9, 10], 7),
        ([3, *[1] * 7, 3, 1, 1], [0, 8, 9, 10], 7),
        ([1, 3, 1, 3, *[1] * 8], [1, 3, 9, 10, 11], 7),
        ([3] * 12, list(range(2, 12)), 2),
    ],
)
def test_of_many_earlier_reactions_the_latest_and_the_severe_are_listed_each_once(
    reacted_doses, grades, listed, others
):
    assert listed_before_last(reacted_doses(*grades, None)) == (listed, others)
