"""A reaction is told with what was seen, its grade and source, its certainty and its time (rulebook 2.10, 6.2)."""

from __future__ import annotations

import pytest

from adapter.domain.events import Coding

SEEN = "Reaction recorded: urticaria"


def told(story, occurred="3 10:20", dose=("3 10:00", "3 12:00"), **parts):
    """The sentence on the only reaction."""
    sentence = story().dose(*dose).reaction(occurred, **parts).only("5 12:00").sentence
    start = min(at for at in (sentence.find("Reaction recorded: "), sentence.find("Noted, not counted")) if at >= 0)
    return sentence[start:].partition(" No premedication")[0]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"grade": 2}, "grade 2 (as sent)"),
        ({"severity": "mild"}, "grade 1 (from the severity)"),
        ({}, "not graded"),
    ],
)
def test_a_grade_is_told_with_where_it_came_from(story, parts, words):
    assert told(story, **parts) == f"{SEEN}, {words}, confirmed, 0.33 h after the start."


@pytest.mark.parametrize(
    ("parts", "because"),
    [
        ({"grade": 3}, "its grade"),
        ({"severity": "severe"}, "the severity sent"),
        ({"grade": 3, "severity": "severe"}, "its grade and the severity sent"),
    ],
)
def test_why_a_reaction_counts_as_severe_is_told_beside_it_only(story, parts, because):
    assert (
        told(story, **parts)
        .partition(" The label")[0]
        .endswith(f"after the start. It is counted as severe because of {because}.")
    )
    assert "counted as severe" not in told(story, grade=2)
    assert "counted as severe" not in told(story, concepts=("nausea",), severity="severe")


def test_a_note_is_told_as_one(story):
    assert told(story, concepts=("nausea",), grade=1).startswith(
        "Noted, not counted as an allergic reaction: nausea, grade 1 (as sent), confirmed, "
    )


@pytest.mark.parametrize(
    ("concepts", "written", "seen"),
    [
        (("angio-oedema", "urticaria"), (), "angio oedema, urticaria"),
        ((), (), "manifestation not stated"),
        ((), (Coding(code="1", text="Blue nails"),), "Blue nails"),
    ],
)
def test_what_was_seen_is_told_in_words(story, concepts, written, seen):
    assert f"Reaction recorded: {seen}, grade" in told(story, concepts=concepts, manifestations=written, grade=2)


@pytest.mark.parametrize(
    ("occurred", "dose", "words"),
    [
        ("3 10:00", ("3 10:00", "3 12:00"), "0 h after the start"),
        ("3 10:20", ("3", None), "at 2025-03-03T10:20Z, order of reaction and dose not known"),
        ("4 10:20", ("3", None), "at 2025-03-04T10:20Z"),
        ("3", ("3 10:00", None), "on 2025-03-03, on the same day as the dose, order of reaction and dose not known"),
        ("2025-03", ("3 10:00", None), "on 2025-03, order of reaction and dose not known"),
        ("3", ("2025-03", None), "on 2025-03-03, order of reaction and dose not known"),
        ("4", ("3 10:00", None), "on 2025-03-04"),
        # The day begins with the dose.
        ("3", ("3 00:00", "3 02:00"), "on 2025-03-03"),
    ],
)
def test_the_time_of_a_reaction_is_told_as_far_as_it_is_known(story, occurred, dose, words):
    sentence = told(story, occurred, dose, grade=2)
    assert sentence.startswith(f"{SEEN}, grade 2 (as sent), confirmed, {words}.")


@pytest.mark.parametrize(
    ("occurred", "words"),
    [
        ("3 10:20", "recorded 0.33 h after the start; time of the event not known"),
        ("3", "recorded on 2025-03-03; time of the event not known"),
    ],
)
def test_the_time_of_a_record_is_no_time_of_the_event(story, occurred, words):
    sentence = told(story, occurred, grade=2, occurred_from="recordedDate")
    assert sentence.startswith(f"{SEEN}, grade 2 (as sent), confirmed, {words}.")


def test_the_other_doses_it_may_belong_to_are_named(story):
    lines = story().dose("3 10:00", None).dose("4 11:00", None, key="MedicationAdministration/d2")
    lines.dose("5 12:00", None, key="MedicationAdministration/d3").reaction("5", grade=2)
    sentence = lines.read("6 12:00").findings[-1].sentence
    assert " By its date it could also belong to the dose of 2025-03-04 and the dose of 2025-03-03. " in sentence
    assert "could also belong" not in told(story, grade=2)


def test_an_allergy_refuted_is_told_with_who_refuted_it(story):
    by = {"verification": "refuted", "recorder": "allergy clinic"}
    assert ", allergy refuted (recorded by allergy clinic); the event is kept, " in told(story, grade=2, **by)
    lines = story().dose().reaction(grade=2, verification="refuted")
    lines.reaction("3 10:30", grade=2, record="AllergyIntolerance/a2", verification="unconfirmed", recorder="ward")
    assert "ward" not in lines.only("5 12:00").sentence


def test_no_reaction_is_told_only_where_none_is_linked(story):
    none = "No reaction is linked to this dose."
    assert none in story().dose().only("5 12:00").sentence
    assert none not in story().dose().reaction(grade=2).only("5 12:00").sentence


def test_all_products_of_other_families_it_is_coded_for_are_named(story):
    lines = story().dose().reaction(grade=2, product="crisantaspase")
    lines.reaction("3 10:30", grade=2, record="AllergyIntolerance/a2", product="recombinant-crisantaspase")
    assert ", coded for crisantaspase and recombinant crisantaspase, " in lines.only("5 12:00").sentence
