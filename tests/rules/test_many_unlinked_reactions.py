"""Of many reaction records that no dose explains, each dose tells the latest and the urgent ones, and counts others."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from adapter.domain.events import Version

DOSE_2 = {"key": "MedicationAdministration/d2"}


def told(finding):
    """The keys of the records beside a dose, and how many more there are."""
    further = re.search(r"(\d+) further reaction records? could concern this dose", finding.sentence)
    names = [entry["records"][0]["fact"] for entry in finding.evidence["unlinked_reactions"]]
    return [re.search(r"/(\w+)/1$", name)[1] for name in names], int(further[1]) if further else 0


def some(told_of, letter, count, occurred=None, **parts):
    """So many records of one kind, none of them severe."""
    for number in range(10, 10 + count):
        told_of.reaction(occurred, grade=1, record=f"AllergyIntolerance/{letter}{number}", **parts)
    return told_of


def made(moment_at, at):
    return {"version": Version(number=1, updated=moment_at(at))}


@pytest.mark.parametrize(
    ("count", "listed", "others"),
    [(10, [f"a{n}" for n in range(10, 20)], 0), (11, ["a18", "a19", "a20"], 8), (15, ["a22", "a23", "a24"], 12)],
)
def test_of_more_than_ten_records_of_one_age_the_last_three_are_told(story, count, listed, others):
    assert told(some(story().dose(), "a", count).only("4 12:00")) == (listed, others)
    assert told(some(story().dose(None, None), "a", count).only("4 12:00")) == (listed, others)


def test_records_near_a_dose_and_records_without_a_date_are_counted_together(story):
    told_of = some(some(story().dose(), "a", 6), "b", 5, "7 10:00")
    assert told(told_of.only("9 12:00")) == (["a13", "a14", "a15"], 8)


def test_a_record_without_a_date_is_as_late_as_it_was_made(story, moment_at):
    early = some(some(story().dose(), "b", 10, "8 10:00"), "a", 1, **made(moment_at, "7 10:00"))
    late = some(some(story().dose(), "b", 10, "8 10:00"), "a", 1, **made(moment_at, "12 10:00"))
    assert told(early.only("20 12:00")) == (["b17", "b18", "b19"], 8)
    assert told(late.only("20 12:00")) == (["a10", "b18", "b19"], 8)


def test_beside_a_dose_without_a_time_records_of_any_date_are_told_by_their_age(story):
    told_of = some(some(story().dose(None, None), "b", 12, "8 10:00"), "a", 2)
    assert told(told_of.only("20 12:00")) == (["a10", "a11", "b21"], 11)


def test_of_a_dose_with_a_time_only_the_records_made_after_it_are_told(story, moment_at):
    told_of = story().dose().dose("2025-04-01T10:00Z", None, **DOSE_2)
    told_of = some(told_of, "a", 1, **made(moment_at, "12 10:00"))
    told_of = some(told_of, "b", 1, "2025-04-20T10:00Z")
    first, second = told_of.read("2025-05-01T00:00Z").findings
    assert told(first) == (["a10"], 0)
    assert told(second) == (["b10"], 0)


def test_an_urgent_record_is_told_beside_every_dose_it_could_concern(story, moment_at):
    """Among records of any date it stands at another place than among those without one."""
    told_of = story().dose(None, None).dose(**DOSE_2)
    told_of = some(some(told_of, "a", 12), "b", 2, "2025-04-20T10:00Z")
    severe = {"concepts": ("anaphylaxis",), "manifestations": (), **made(moment_at, "12 10:00")}
    told_of.reaction(None, record="AllergyIntolerance/c10", **severe)
    for finding in told_of.read("2025-05-01T00:00Z").findings:
        names, _ = told(finding)
        assert "c10" in names
        assert "reaction-unconfirmed" in finding.modifiers


def test_of_many_records_each_dose_tells_those_that_are_severe_by_its_own_policy(story, rulebook, moment_at):
    """Here calaspargase counts a reaction as severe from grade 2."""
    policies = tuple(
        replace(p, severe_grade=replace(p.severe_grade, value=type(p.severe_grade.value)(2)))
        if "calaspargase" in p.products
        else p
        for p in rulebook.policies
    )
    told_of = story(replace(rulebook, policies=policies)).dose().dose("5 10:00", product="calaspargase", **DOSE_2)
    told_of = some(told_of, "a", 12)
    told_of.reaction(None, grade=2, record="AllergyIntolerance/c10", **made(moment_at, "12 10:00"))
    first, second = told_of.read().findings
    assert ("c10" in told(first)[0], "c10" in told(second)[0]) == (False, True)


def test_what_may_be_of_another_dose_counts_among_the_many(story):
    told_of = some(story().dose("3 10:00", None).dose("4 11:00", None, **DOSE_2), "a", 10)
    told_of.reaction("4", grade=1, record="AllergyIntolerance/b10")
    assert told(told_of.read("6 12:00").findings[0]) == (["a17", "a18", "a19"], 8)


@pytest.mark.parametrize(
    ("mild", "words"),
    [
        (4, "1 further reaction record could concern this dose."),
        (5, "2 further reaction records could concern this dose."),
    ],
)
def test_one_further_record_is_not_called_several(story, mild, words):
    told_of = story().dose()
    for number in range(7):
        told_of.reaction(None, grade=3, record=f"AllergyIntolerance/a{number}")
    assert f" {words} " in some(told_of, "b", mild).only("4 12:00").sentence
