"""Reactions whose time, dose, product or grade leaves a doubt (rulebook 2.10, rulings 19 and 20)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.domain.events import Coding

DOSE_2 = {"key": "MedicationAdministration/d2"}
DOSE_3 = {"key": "MedicationAdministration/d3"}


def allergy(number):
    return {"record": f"AllergyIntolerance/a{number}"}


def three_doses(story):
    return story().dose("3 10:00", None).dose("4 11:00", None, **DOSE_2).dose("5 12:00", None, **DOSE_3)


def records(entries):
    return [entry["records"][0]["fact"] for entry in entries]


def test_a_reaction_of_a_day_may_belong_to_every_dose_before_it_the_latest_first(story):
    first, second, third = three_doses(story).reaction("5", grade=3).read("6 12:00").findings
    (linked,) = third.evidence["reactions"]
    assert linked["could_also_belong_to"] == ["the dose of 2025-03-04", "the dose of 2025-03-03"]
    for finding in (first, second):
        (told,) = finding.evidence["unlinked_reactions"]
        assert (told["linked_to"], told["urgent"]) == ("the dose of 2025-03-05", False)
        assert "reaction-unconfirmed" not in finding.modifiers
        assert "grade 3, severe, 2025-03-05) is linked to the dose of 2025-03-05 and could" in finding.sentence


@pytest.mark.parametrize(("occurred", "also"), [("5 11:59", False), ("5 12:00", False), ("5", True)])
def test_a_reaction_not_before_the_start_of_its_dose_belongs_to_no_other(story, occurred, also):
    findings = three_doses(story).reaction(occurred, grade=2).read("6 12:00").findings
    entries = [entry for finding in findings for entry in finding.evidence["reactions"]]
    assert [bool(entry["could_also_belong_to"]) for entry in entries] == [also]


def test_a_certain_reaction_beside_an_uncertain_one_hides_neither(story):
    told = three_doses(story).reaction("5", grade=1).reaction("5 15:00", grade=2, **allergy(2))
    first, _, third = told.read("6 12:00").findings
    assert records(first.evidence["unlinked_reactions"]) == ["ehr|AllergyIntolerance/a1/1"]
    assert len(third.evidence["reactions"]) == 2


def test_what_is_linked_to_another_dose_is_told_after_what_is_linked_to_none(story):
    told = three_doses(story)
    for number in range(4):
        told.reaction(None, grade=1, **allergy(number))
    told.reaction("4", grade=1, **allergy(4)).reaction("5", grade=1, **allergy(5))
    first = told.read("6 12:00").findings[0]
    assert [name[-4:-2] for name in records(first.evidence["unlinked_reactions"])] == [
        "a0",
        "a1",
        "a2",
        "a3",
        "a4",
        "a5",
    ]


@pytest.mark.parametrize(
    ("given", "coded", "told"),
    [
        ("pegaspargase", "crisantaspase", ["crisantaspase"]),
        ("pegaspargase", "calaspargase", []),
        ("pegaspargase", None, []),
        ("pegaspargase", "a-product-nobody-described", []),
        ("a-product-nobody-described", "crisantaspase", []),
    ],
)
def test_a_reaction_coded_for_another_family_says_so_where_both_families_are_known(story, given, coded, told):
    sentence = story().dose(product=given).reaction(grade=2, product=coded).only("4 12:00").sentence
    assert [name for name in ("crisantaspase", "calaspargase") if f"coded for {name}" in sentence] == told


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        # By onset, then by key, then by source, in whatever order they arrived.
        (("3 10:20", {**allergy(2)}), ("3 14:00", {**allergy(1)})),
        (("3 10:20", {**allergy(1)}), ("3 10:20", {**allergy(2)})),
        (("3 10:20", {"source": "a", **allergy(1)}), ("3 10:20", {"source": "b", **allergy(1)})),
    ],
)
def test_records_are_told_in_one_order(story, one, other, turned):
    told = story().dose()
    for occurred, parts in (other, one) if turned else (one, other):
        told.reaction(occurred, grade=2, **parts)
    names = [record["fact"] for event in told.only("4 12:00").evidence["reactions"] for record in event["records"]]
    assert names == [f"{parts.get('source', 'ehr')}|{parts['record']}/1" for _, parts in (one, other)]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("one", "other", "grade", "source"),
    [
        ({"grade": 3}, {"severity": "severe"}, 3, "explicit"),
        ({"grade": 1}, {"severity": "moderate"}, 2, "severity"),
        ({"severity": "mild"}, {}, 1, "severity"),
        ({"grade": 1}, {}, 1, "explicit"),
        ({}, {}, None, None),
    ],
)
def test_an_event_has_its_highest_grade_and_of_equals_the_one_that_was_sent(story, one, other, grade, source, turned):
    first, second = (other, one) if turned else (one, other)
    (event,) = story().dose().reaction(**first).reaction("3 10:30", **second, **allergy(2)).only().evidence["reactions"]
    assert (event["grade"], event["grade_from"]) == (grade, source)


@pytest.mark.parametrize(
    ("concepts", "codings", "seen"),
    [
        (("urticaria",), (("126485001", "Urticaria"),), ["urticaria"]),
        (("urticaria",), (("126485001", "Urticaria"), ("1", "Blue nails")), ["urticaria", "Urticaria", "Blue nails"]),
        ((), (("267036007", None),), ["267036007"]),
    ],
)
def test_what_was_seen_is_told_in_our_words_or_else_as_it_was_written(story, concepts, codings, seen):
    written = tuple(Coding(code=code, text=text) for code, text in codings)
    (event,) = story().dose().reaction(concepts=concepts, manifestations=written).only().evidence["reactions"]
    assert event["manifestations"] == seen


@pytest.mark.parametrize(
    ("concepts", "written", "counts"),
    [
        (("nausea", "vomiting", "headache", "somnolence"), 4, False),
        (("nausea",), 1, False),
        (("nausea", "urticaria"), 2, True),
        (("nausea",), 2, True),
        ((), 0, True),
    ],
)
def test_only_a_record_of_nothing_but_notes_is_a_note(story, concepts, written, counts):
    codings = tuple(Coding(code=str(number), text="seen") for number in range(written))
    (event,) = story().dose().reaction(concepts=concepts, manifestations=codings).only().evidence["reactions"]
    assert event["counts"] is counts


@pytest.mark.parametrize("first", ["pegaspargase", "calaspargase"])
def test_an_untied_record_is_severe_by_the_policy_of_each_dose(story, rulebook, first):
    """Here calaspargase counts a reaction as severe from grade 2."""
    policies = tuple(
        replace(p, severe_grade=replace(p.severe_grade, value=type(p.severe_grade.value)(2)))
        if "calaspargase" in p.products
        else p
        for p in rulebook.policies
    )
    (second,) = {"pegaspargase", "calaspargase"} - {first}
    told = (
        story(replace(rulebook, policies=policies)).dose(product=first).dose("5 10:00", None, product=second, **DOSE_2)
    )
    findings = told.reaction(None, grade=2).read().findings
    severe = {f.dose.product: f.evidence["unlinked_reactions"][0]["severe"] for f in findings}
    assert severe == {"pegaspargase": False, "calaspargase": True}
