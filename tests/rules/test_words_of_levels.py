"""What a sentence says of levels and of samples without one, word for word (rulebook 6.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

DOSE_2 = {"key": "MedicationAdministration/d2"}
END = "the end (2025-03-03T12:00Z) of pegaspargase 2500 IU/m2 IV"
NO_USABLE = f"No usable asparaginase activity level is known after {END}."
READ_BY = "Read by policy CONS16 version 1."
ABOVE = "At or above the 0.10 IU/mL threshold, policy CONS16 version 1."
DAY_7 = f"collected 2025-03-10T12:00Z, 168 h (day 7.0) after {END}."


def words_before_the_verdict(told, as_of="18 12:00"):
    """The statements before those on the verdict."""
    sentence = told.only(as_of).sentence
    return sentence[: min(sentence.index(verdict) for verdict in VERDICTS if verdict in sentence)].rstrip()


VERDICTS = ("The mechanism cannot be assessed:", "There is no evidence of", "This meets the first-sample criterion")


AT_168_H = "A sample collected 2025-03-10T12:00Z, 168 h after the dose,"
ON_DAY_7 = "A sample collected 2025-03-10, 156 to 180 h after the dose,"
UNTIMED = "A sample without a collection time"
ORDER = "An order for a level is reported as"


@pytest.mark.parametrize(
    ("collected", "value", "parts", "told"),
    [
        ("10 12:00", None, {"letter": "P"}, f"{AT_168_H} gave no level."),
        ("10 12:00", None, {}, f"{AT_168_H} is reported as final without a value."),
        ("10 12:00", "TNP", {}, f'{AT_168_H} is reported as final without a value (reported as "TNP").'),
        ("10 12:00", "pending", {"letter": "I"}, f"{AT_168_H} is reported as pending."),
        ("3 11:00", None, {}, "A sample collected 2025-03-03T11:00Z is reported as final without a value."),
        ("10", None, {"letter": "X"}, f"{ON_DAY_7} was cancelled by the laboratory."),
        (None, "pending", {"letter": "I"}, f"{ORDER} pending; no collection is recorded."),
        (None, None, {"status": "not-asked"}, f"{ORDER} not asked for; no collection is recorded."),
        (None, "TNP", {"letter": "X"}, f'{UNTIMED} was cancelled by the laboratory (reported as "TNP").'),
        (None, None, {"letter": "P"}, f"{UNTIMED} gave no level."),
    ],
)
def test_a_sample_without_a_level_is_told_word_for_word(story, collected, value, parts, told):
    said = words_before_the_verdict(story().dose().level(collected, value, **parts))
    assert said == f"{NO_USABLE} {told} {READ_BY}"


def test_a_word_that_says_what_the_status_says_is_not_repeated(story):
    told = story().dose().level("10 12:00", "pending", letter="I")
    told.events[-1] = replace(told.events[-1], reported=replace(told.events[-1].reported, text="Pending"))
    assert words_before_the_verdict(told) == f"{NO_USABLE} {AT_168_H} is reported as pending. {READ_BY}"


NEGATIVE = (
    f'Asparaginase activity reported as "-0.01 IU/mL", read as below quantification, {DAY_7} '
    "Below the quantification limit and below the 0.10 IU/mL threshold, policy CONS16 version 1. "
    "The laboratory reported a negative number; read as below quantification."
)
PRELIMINARY = (
    f"Asparaginase activity 0.4 IU/mL (preliminary), {DAY_7} "
    f"A sample collected 2025-03-10T12:00Z is reported as preliminary, so no verdict rests on it. {READ_BY}"
)
MARKED = "A result is marked as corrected; no other value is known for it."


@pytest.mark.parametrize(
    ("value", "letter", "told"),
    [
        ("0.4", "F", f"Asparaginase activity 0.4 IU/mL, {DAY_7} {ABOVE}"),
        ("0.4", "P", PRELIMINARY),
        ("0.4", "C", f"Asparaginase activity 0.4 IU/mL, {DAY_7} {ABOVE} {MARKED}"),
        ("-0.01", "F", NEGATIVE),
    ],
)
def test_one_level_is_told_word_for_word(story, value, letter, told):
    assert words_before_the_verdict(story().dose().level("10 12:00", value, letter=letter)) == told


@pytest.mark.parametrize(("letter", "remark"), [("F", ""), ("P", "A sample without a collection time is reported as ")])
def test_a_level_without_a_collection_time_is_told_word_for_word(story, letter, remark):
    said = words_before_the_verdict(story().dose().level(None, "0.4", letter=letter, reported="10 12:00"))
    status = " (preliminary)" if remark else ""
    whole = f"{remark}preliminary, so no verdict rests on it. " if remark else ""
    judged, read_by = ("", f" {READ_BY}") if remark else (f"{ABOVE} ", "")
    assert said == (
        f"Asparaginase activity 0.4 IU/mL{status}, collection time missing, at most 168 h after {END}. "
        f"{judged}{whole}The collection time is missing.{read_by}"
    )


def test_a_level_during_the_infusion_is_compared_with_nothing(story):
    assert words_before_the_verdict(story().dose().level("3 11:00", "0.4")) == (
        f"Asparaginase activity 0.4 IU/mL, collected 2025-03-03T11:00Z, before {END}."
    )


def test_of_several_levels_each_stands_with_its_time_and_side(story, moment_at):
    told = story().dose().level("3 11:00", "0.4").level("3", "0.5").level("10", "0.6").level("10 12:00", "0.7")
    told.level(None, "0.8", received_by_laboratory=moment_at("3 11:00"))
    assert words_before_the_verdict(told) == (
        f"Asparaginase activity around {END}: "
        "0.5 IU/mL, collected 2025-03-03, possibly before that time, by rule D0; "
        "0.4 IU/mL, collected 2025-03-03T11:00Z, before that time, by rule D0; "
        "0.8 IU/mL, collection time missing, not after that time, by rule D0; "
        "0.6 IU/mL, collected 2025-03-10, between 156 and 180 h, at or above the 0.10 IU/mL threshold, by rule D16; "
        "0.7 IU/mL, collected 2025-03-10T12:00Z, 168 h (day 7.0), at or above the 0.10 IU/mL threshold, by rule D16. "
        f"{READ_BY} The verdict rests on the level at 168 h. The collection time is missing."
    )


def test_a_level_whose_time_is_a_day_is_named_by_its_range(story):
    rests = "The verdict rests on the level at 168 h. The exposure is that of the level at 324 to 348 h."
    assert rests in story().dose().level("10 12:00", "0.04").level("17", "0.05").only().sentence
    rests = "The verdict rests on the level at 180 to 204 h."
    assert rests in story().dose().level("10 12:00", "0.4").level("11", "0.5").only().sentence


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("0.5", '"0.5 IU/mL"'),
        (None, "no value"),
    ],
)
def test_a_correction_tells_what_stands_now_even_when_that_is_nothing(story, now, told):
    tale = story().dose().level("10 12:00", "0.4", key="LAB/1")
    tale.level("10 12:00", now, key="LAB/1", letter="C", reported="11 20:00")
    said = words_before_the_verdict(tale)
    assert f'A result was corrected by the laboratory from "0.4 IU/mL" to {told}.' in said


def test_contradicting_lows_are_no_pattern(story):
    told = story().dose().level("10 12:00", "0.05").level("17 08:00", "0.06").level("17 09:00", "0.5")
    assert "discordant" in told.only().modifiers
    assert "fast-clearance" not in told.only().sentence


@pytest.mark.parametrize(("later", "times"), [(1, 1), (2, 1)])
def test_only_the_next_dose_is_said_to_have_no_level(story, later, times):
    told = story().dose().level("10 12:00", "<0.03").dose("17 10:00", None, **DOSE_2)
    if later == 2:
        told.dose("24 10:00", None, key="MedicationAdministration/d3")
    assert told.read("25 12:00").findings[0].sentence.count("has no level that answers this") == times


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("lipaemic", ' Laboratory comment: "lipaemic".'),
        ("Tube marked X..", ' Laboratory comment: "Tube marked X".'),
        (" \n ", ""),
        (None, ""),
    ],
)
def test_a_comment_is_told_without_its_full_stop_and_a_blank_one_is_none(story, comment, told):
    said = words_before_the_verdict(story().dose().level("10 12:00", "0.4", comment=comment))
    assert said == f"Asparaginase activity 0.4 IU/mL, {DAY_7} {ABOVE}{told}"
