"""What a reading is read by, what is awaited, and what was not known: once each, and only where it is so (6.2)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

DOSE_2 = {"key": "MedicationAdministration/d2"}
NO_POLICY = "No policy is in force for this dose, so no verdict is given."
READ_BY = "Read by policy CONS16 version 1."
ON_HOLD = "he dose record has status on hold, so a level cannot be assigned"
NO_TIME = "Without a dose time no sampling window is known."
COMPLETE = "Monitoring of this dose is complete."
NO_FURTHER = "No further level is due for this dose by the policy."
CUT_SHORT = "The next dose of the family is recorded before a level settled the exposure of this dose."
PASSED = "No level that settles the exposure is known for this dose, and its sampling windows have passed."
NOT_OPEN = "The first sampling window is not open yet."
ON_NEXT_DOSE = "A confirming sample is awaited, on the next dose of its family."
AWAITED = (
    NO_TIME,
    COMPLETE,
    NO_FURTHER,
    CUT_SHORT,
    PASSED,
    NOT_OPEN,
    ON_NEXT_DOSE,
    "The sampling window is open.",
)
TEAM = "The clinical decision rests with the treating team."
LABEL = "ending pegaspargase after hypersensitivity of grade 3 or 4, whatever the level"


def awaited(finding):
    return [text for text in AWAITED if f". {text} " in finding.sentence]


def not_known(finding):
    _, told, rest = finding.sentence.partition("Not known: ")
    return rest.partition(". ")[0].split(", ") if told else []


@pytest.mark.parametrize(("letter", "rule", "told"), [("P", "Q3", True), ("F", "D0", False)])
def test_that_no_policy_reads_a_dose_is_told_once(story, pegaspargase_only, letter, rule, told):
    """By rule D0 it is the reason of the verdict already."""
    finding = story(pegaspargase_only).dose(product="calaspargase").level("10 12:00", "0.4", letter=letter).only()
    assert (finding.rules[0], NO_POLICY in finding.sentence) == (rule, told)
    assert ("there is no policy for calaspargase pegol" in finding.sentence) is not told
    assert NO_POLICY not in story().dose().level("10 12:00", "0.4", letter=letter).only().sentence


@pytest.mark.parametrize(("letters", "times"), [("", 1), ("X", 1), ("P", 1), ("F", 0), ("XF", 0), ("FX", 0), ("FF", 1)])
def test_the_policy_is_named_once(story, letters, times):
    """Where one level was compared with a threshold, the statement on the level names it."""
    told = story().dose()
    for number, letter in enumerate(letters):
        told.level(f"10 1{number}:00", "0.4", letter=letter)
    sentence = told.only("11 12:00").sentence
    assert sentence.count(READ_BY) == times
    assert sentence.count("policy CONS16 version 1.") == 1


@pytest.mark.parametrize(("letter", "rule"), [("P", "Q3"), ("F", "D0")])
def test_that_a_dose_is_not_over_is_told_once(story, letter, rule):
    told = story().dose("3 10:00", None, status="on-hold").level("10 12:00", "0.4", letter=letter)
    assert (told.only().rules[0], told.only().sentence.count(ON_HOLD)) == (rule, 1)


@pytest.mark.parametrize(("level", "said"), [("0.5", [NO_FURTHER]), ("0.06", [NO_FURTHER]), (None, [])])
def test_urgent_is_not_called_complete(story, level, said):
    told = story().dose().reaction(grade=3)
    told = told.level("10 12:00", level) if level else told
    assert awaited(told.only("10 14:00"))[: len(said)] == said
    assert awaited(story().dose().level("10 12:00", "0.5").only("10 14:00")) == [COMPLETE]


def test_a_complete_dose_is_not_cut_short_by_the_next_one(story):
    told = story().dose().level("10 12:00", "0.5").dose("12 10:00", None, **DOSE_2)
    assert awaited(told.read("14 12:00").findings[0]) == [COMPLETE]


def test_windows_end_by_themselves_or_by_the_next_dose(story):
    assert awaited(story().dose().dose("12 10:00", None, **DOSE_2).read("14 12:00").findings[0]) == [CUT_SHORT]
    assert awaited(story().dose().only("25 12:00")) == [PASSED]
    assert awaited(story().dose().only("4 12:00")) == [NOT_OPEN]


def test_nothing_is_awaited_after_a_dose_without_a_time_or_without_a_policy(story, pegaspargase_only):
    assert awaited(story().dose(None, None).only("4 12:00")) == [NO_TIME]
    finding = story(pegaspargase_only).dose(product="calaspargase").only("4 12:00")
    assert awaited(finding) == []
    assert "  " not in finding.sentence


def test_a_confirming_sample_is_awaited_only_where_one_is_due(story, rulebook):
    policies = tuple(replace(p, confirmed_by="two-doses") for p in rulebook.policies)
    book = replace(rulebook, policies=policies)
    assert awaited(story(book).dose().level("10 12:00", "<0.03").only("11 12:00")) == [ON_NEXT_DOSE]
    assert awaited(story(book).dose().level("10 12:00", "0.5").only("11 12:00")) == [COMPLETE]
    assert awaited(story(book).dose().only("4 12:00")) == [NOT_OPEN]


@pytest.mark.parametrize(
    ("parts", "absent"),
    [
        ({}, []),
        ({"ended": None}, ["end of the dose"]),
        ({"route": None}, ["route"]),
        ({"amount": None}, ["amount given"]),
        ({"ended": None, "route": None, "amount": None}, ["end of the dose", "route", "amount given"]),
        ({"status": "on-hold"}, ["fraction given"]),
        ({"status": "on-hold", "amount": None}, ["amount given", "fraction given"]),
        # That nobody knows how much was given is a statement of its own.
        ({"status": "stopped", "amount": None}, []),
        ({"status": "stopped", "amount": None, "route": None}, ["route"]),
    ],
    ids=str,
)
def test_facts_of_the_dose_that_were_not_known_are_listed(story, parts, absent):
    finding = story().dose(**parts).level("10 12:00", "0.4").only()
    assert not_known(finding) == absent
    stopped = parts.get("status") == "stopped"
    assert ("How much of the dose was given is not known." in finding.sentence) is stopped


@pytest.mark.parametrize(
    ("limits", "letters", "absent"),
    [
        ((None,), "F", True),
        (("0.03", None), "FF", True),
        ((None, "0.03"), "FF", True),
        (("0.03", "0.03"), "FF", False),
        ((None,), "X", False),
        (("0.03", None), "FX", False),
    ],
)
def test_the_limit_of_the_assay_is_missed_where_a_level_was_read_without_it(story, limits, letters, absent):
    told = story().dose()
    for number, (limit, letter) in enumerate(zip(limits, letters, strict=True)):
        told.level(f"10 1{number}:00", "0.4", letter=letter, lloq_iu_per_ml=limit and Decimal(limit))
    assert not_known(told.only()) == (["quantification limit of the assay"] if absent else [])


@pytest.mark.parametrize(("letters", "missed"), [("F", True), ("FF", True), ("X", False)])
def test_a_missing_collection_time_is_evidence_and_stands_with_its_level(story, moment_at, letters, missed):
    told = story().dose()
    for number, letter in enumerate(letters):
        parts = {} if number else {"received_by_laboratory": moment_at("10 12:00")}
        told.level(None if number == 0 else "10 13:00", "0.4", letter=letter, **parts)
    finding = told.only()
    assert ("collection time" in finding.evidence["missing"]) is missed
    assert not_known(finding) == []


@pytest.mark.parametrize(
    ("grade", "level", "label", "team"),
    [(3, "0.5", True, True), (2, "0.5", False, True), (1, "0.5", False, True), (2, "<0.03", False, False)],
)
def test_a_statement_of_others_is_told_with_its_short_source_and_the_team_decides(story, grade, level, label, team):
    sentence = story().dose().reaction(grade=grade).level("10 12:00", level).only().sentence
    assert (f"{LABEL} (Oncaspar, US prescribing information; paraphrased). " in sentence) is label
    assert (TEAM in sentence) is team


def test_the_team_decides_on_a_severe_reaction_of_which_no_policy_tells(story, rulebook):
    silent = replace(rulebook, policies=tuple(replace(p, quotations=()) for p in rulebook.policies))
    assert TEAM in story(silent).dose().reaction(grade=3).level("10 12:00", "0.5").only().sentence
    assert TEAM not in story(silent).dose().reaction(grade=2).level("10 12:00", "0.5").only().sentence


def test_premedication_is_missed_in_the_evidence_and_told_with_the_drugs(story):
    assert story().dose().only().evidence["missing"] == ["premedication (none recorded)"]
    assert story().dose().premedicated().only().evidence["missing"] == []
    assert not_known(story().dose().only()) == []


@pytest.mark.parametrize(
    ("citation", "named"),
    [("Short: long", "Short"), ("Short: long: longer", "Short"), ("Without a sign", "Without a sign")],
)
def test_a_source_is_named_up_to_its_first_colon(story, rulebook, citation, named):
    policies = tuple(replace(p, citations=tuple((key, citation) for key, _ in p.citations)) for p in rulebook.policies)
    book = replace(rulebook, policies=policies)
    sentence = story(book).dose().reaction(grade=3).level("10 12:00", "0.5").only().sentence
    assert f"{LABEL} ({named}; paraphrased). " in sentence
