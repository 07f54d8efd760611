"""The reason that stands beside a verdict is the one of its rule, its level and its time (rulebook 6.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

DOSE_2 = {"key": "MedicationAdministration/d2"}
SYMPTOMS = "Such drugs can hide symptoms, not a loss of activity."
SILENT = "no rule applies with certainty"
NO_LEVEL = "Premedicated dose without a level: symptoms may have been suppressed and activity is unknown."
MASKED = "Loss of activity without a linked reaction; {}, so a masked reaction cannot be told from a silent one."


DETECTABLE = {
    "D4b": "full dose, reaction, and a low but detectable level at a time when normal decline could explain it",
    "D14": "detectable, below the threshold in the sampling window: short coverage or fast clearance",
    "D18": "detectable, below the threshold outside the sampling windows, where normal decline may explain it",
    "E2": "detectable, below the target by about 48 h after the dose: dose, interval or route may explain it",
}
UNKNOWN = {
    "D4b": "full dose, reaction, and a level below an upper limit only, at a time when normal decline could explain it",
    "D14": "below the threshold in the sampling window, whether detectable is not known",
    "D18": "below the threshold outside the sampling windows, where normal decline may explain it",
    "E2": "below the target by about 48 h after the dose, whether detectable is not known",
}


def reason(finding):
    """The words before the last rule named."""
    return finding.sentence.partition(f" (rule {finding.rules[-1]})")[0].rpartition(": ")[2]


@pytest.mark.parametrize(
    ("rule", "dose", "reacted", "hours"),
    [
        ("D14", {}, False, "336"),
        ("D18", {}, False, "250"),
        ("D4b", {}, True, "250"),
        ("E2", {"product": "crisantaspase"}, False, "48"),
    ],
)
@pytest.mark.parametrize(("value", "known"), [("0.05", True), ("<0.05", False)])
def test_that_a_low_is_detectable_is_told_only_where_it_is_known(
    story, after, rule, dose, reacted, hours, value, known
):
    told = story().dose(**dose)
    told = (told.reaction(grade=2) if reacted else told).level(after(hours), value)
    sentence = told.only("25 12:00").sentence
    for words, so in ((DETECTABLE[rule], known), (UNKNOWN[rule], not known)):
        assert (f": {words} (rule {rule})." in sentence) is so


@pytest.mark.parametrize(
    ("value", "parts", "words"),
    [
        ("<0.2", {}, "the value may lie on either side of the threshold"),
        ("0.4", {"remarks": ("unit-missing",)}, "the laboratory sent no unit"),
        ("450", {}, "the unit or the size of the number needs a check"),
        ("unreadable", {"remarks": ("value-unreadable",)}, "the value cannot be read"),
        # A fault of the specimen is no reason; what makes the value useless is.
        ("unreadable", {"remarks": ("specimen-quality", "value-unreadable")}, "the value cannot be read"),
    ],
)
def test_a_level_without_a_verdict_says_what_is_wrong_with_it(story, value, parts, words):
    finding = story().dose().level("10 12:00", value, **parts).only()
    assert (finding.rules[-1], reason(finding)) == ("D3", words)


@pytest.mark.parametrize(
    ("second", "rule", "words"),
    [
        ("5 10:00", "D20", "no level is known, and the next dose is recorded before the sampling window closed"),
        ("14 10:00", "D20", "no level is known and the sampling window has passed"),
    ],
)
def test_no_level_says_whether_the_next_dose_came_first(story, second, rule, words):
    finding = story().dose().dose(second, None, **DOSE_2).read("15 12:00").findings[0]
    assert (finding.rules[-1], reason(finding)) == (rule, words)


@pytest.mark.parametrize(
    ("dose", "level", "words"),
    [
        (
            {"started": "3 10:00"},
            {"collected": "3 11:00"},
            "the sample was collected during the administration, or at its end",
        ),
        ({"started": "3 10:00"}, {"collected": "3"}, "the order of sample and dose is not known"),
        (
            {"started": "3", "ended": None},
            {"collected": "9 06:00"},
            "a time is known by its date only, and the possible times lead to different readings",
        ),
    ],
)
def test_an_undecided_level_says_what_is_in_doubt(story, dose, level, words):
    finding = story().dose(**dose).level(level["collected"], "0.4").only()
    assert (finding.rules[-1], reason(finding)) == ("D0", words)


def test_a_level_without_a_collection_time_says_so(story, moment_at):
    told = story().dose().level(None, "<0.03", received_by_laboratory=moment_at("10 12:00"))
    assert reason(told.only()) == "without a collection time the possible times lead to different readings"


def test_a_wide_end_of_the_dose_leaves_the_possible_times_apart(story):
    """An end before the start: either may be wrong, and both are known to the minute."""
    finding = story().dose("3 12:00", "3 10:00").level("9 11:00", "0.4").only()
    assert reason(finding) == "the possible times lead to different readings"


def test_of_two_levels_that_may_be_of_two_doses_each_tells_what_it_would_say(story):
    told = story().dose("3 10:00", None).dose("17", None, **DOSE_2).level("17", "0.4").level("17", "<0.03")
    first = told.read("18 12:00").findings[0]
    assert first.sentence.count("If drawn before the dose of 2025-03-17: ") == 2


def test_a_sample_after_two_doses_of_one_instant_may_belong_to_either(story, after):
    """The order of sample and dose is known."""
    told = story().dose().dose(product="native-ecoli", **DOSE_2).level(after("72"), "0.06")
    reasons = [reason(finding) for finding in told.read().findings]
    assert reasons == ["the sample may belong to several doses, which lead to different readings"] * 2


def test_drawn_during_an_infusion_a_sample_says_nothing_of_either_dose(story):
    told = story().dose().dose("17 10:00", "17 12:00", **DOSE_2).level("17 11:00", "0.4")
    first, second = told.read("18 12:00").findings
    assert reason(first) == "the sample was collected during the administration of the dose of 2025-03-17"
    assert reason(second) == "the sample was collected during the administration, or at its end"
    assert "If drawn" not in first.sentence + second.sentence


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (None, NO_LEVEL),
        ("0.5", SYMPTOMS),
        (
            "<0.03",
            MASKED.format("the dose was premedicated with corticosteroid, H1 antihistamine and H2 antihistamine"),
        ),
    ],
)
def test_what_premedication_can_hide_is_told_by_the_level(story, level, expected):
    told = story().dose().premedicated()
    sentence = (told.level("10 12:00", level) if level else told).only("10 14:00").sentence
    told = [text for text in {NO_LEVEL, SYMPTOMS, expected} if f". {text} " in sentence]
    assert told == [expected]


@pytest.mark.parametrize(("level", "expected"), [(None, SYMPTOMS), ("0.5", SYMPTOMS)])
def test_a_steroid_of_the_leukaemia_treatment_is_no_premedication(story, level, expected):
    told = story().dose().drug("3 08:00", "leukaemia-steroid")
    sentence = (told.level("10 12:00", level) if level else told).only("10 14:00").sentence
    assert f"Given as leukaemia treatment: steroid 2025-03-03T08:00Z. {expected} " in sentence
    assert "No premedication is recorded" in sentence


@pytest.mark.parametrize(
    ("text", "unit", "told"),
    [
        ("450 IU/L", "IU/mL", 'as "450 IU/L with unit IU/mL" (two different units)'),
        ("5 IU/L", "IU/mL", 'as "5 IU/L with unit IU/mL" (two different units)'),
        ("450 IU/L", "IU/L", 'as "450 IU/L" (a unit not accepted for this test)'),
        ("450 IU/L", None, 'as "450 IU/L" (a unit not accepted for this test)'),
        ("450", " mg ", 'as "450 mg" (a unit not accepted for this test)'),
        ("odd", "mg", 'as "odd" (a unit not accepted for this test)'),
    ],
)
def test_value_and_unit_are_told_as_they_were_sent(story, text, unit, told):
    told_of = story().dose().level("10 12:00", "unreadable", remarks=("unit-suspect",))
    event = told_of.events[-1]
    told_of.events[-1] = replace(event, reported=replace(event.reported, text=text, unit=unit))
    assert f"sent by the laboratory {told}, collected" in told_of.only().sentence


def test_a_low_between_the_windows_after_a_reaction_is_one_the_rules_do_not_read(story, after):
    finding = story().dose(product="crisantaspase").reaction(grade=2).level(after("59"), "0.06").only("25 12:00")
    assert (finding.rules[-1], reason(finding)) == ("D0", SILENT)


def test_a_level_of_one_dose_does_not_hide_what_another_would_say(story):
    told = story().dose().dose("17", None, **DOSE_2).level("10 12:00", "0.6").level("17", "0.4")
    assert "If drawn before the dose of 2025-03-17: " in told.read("18 12:00").findings[0].sentence


@pytest.mark.parametrize(
    ("value", "reacted", "needed"), [("<0.03", False, True), ("0.5", False, False), ("<0.03", True, False)]
)
def test_a_second_sample_is_needed_for_a_suspicion_only(story, value, reacted, needed):
    told = story().dose().reaction(grade=2) if reacted else story().dose()
    sentence = told.level("10 12:00", value).only().sentence
    assert (" A second independent sample is needed before the policy calls it confirmed. " in sentence) is needed


def test_a_preliminary_level_among_others_is_told_as_one(story):
    told = story().dose().level("10 12:00", "0.6").level("11 12:00", "0.5", letter="P")
    sentence = told.only().sentence
    assert "0.6 IU/mL, collected" in sentence
    assert "0.5 IU/mL (preliminary), collected" in sentence


def test_of_the_later_doses_without_a_level_the_next_one_is_named(story):
    told = story().dose().level("10 12:00", "<0.03").dose("17 10:00", None, **DOSE_2)
    told.dose("24 10:00", None, key="MedicationAdministration/d3")
    sentence = told.read("25 12:00").findings[0].sentence
    assert sentence.count("has no level that answers this") == 1
    assert "The dose of 2025-03-17 has no level that answers this." in sentence


@pytest.mark.parametrize(
    ("second", "collected", "far"),
    [
        ("2025-03-17T10:00Z", "2025-03-24T10:00Z", False),
        ("2025-06-30T10:00Z", "2025-07-07T10:00Z", False),
        ("2025-06-30T10:01Z", "2025-07-07T10:00Z", True),
    ],
)
def test_an_answer_from_more_than_17_weeks_later_is_told_as_one(story, second, collected, far):
    told = story().dose().level("10 12:00", "<0.03").dose(second, None, **DOSE_2)
    told.level(collected, "0.5")
    sentence = told.read("2025-10-01T00:00Z").findings[0].sentence
    assert "The dose of 2025-0" in sentence
    assert "reached the threshold, so the suspicion was not confirmed on it." in sentence
    assert ("That dose was given over 17 weeks later" in sentence) is far


@pytest.mark.parametrize(
    ("dose", "value", "letter", "rule"),
    [
        ({}, "0.5", "F", "D16"),
        ({}, "<0.2", "F", "D3"),
        ({}, "0.5", "P", "Q3"),
        ({"status": "on-hold"}, "0.5", "F", "D0"),
        ({"product": "unspecified-asparaginase"}, "0.5", "F", "D2"),
    ],
)
def test_only_a_verdict_rests_on_one_of_several_levels(story, dose, value, letter, rule):
    told = story().dose(**dose).level("10 12:00", value, letter=letter).level("11 12:00", value, letter=letter)
    finding = told.only()
    assert finding.rules[-1] == rule
    assert (". The verdict rests on the level at 192 h. " in finding.sentence) is (rule == "D16")
    assert "The exposure is that of" not in finding.sentence


@pytest.mark.parametrize(("later", "contradict"), [("0.41", True), ("0.04", False)])
def test_levels_contradict_each_other_though_a_third_one_fits(story, later, contradict):
    told = story().dose().level("4 14:00", "0.95").level("10 12:00", "0.05").level("17 08:00", later)
    sentence = told.only().sentence
    assert (". Levels that contradict each other support no verdict; " in sentence) is contradict
    assert ("The verdict rests on" in sentence) is not contradict


@pytest.mark.parametrize(
    ("first", "second", "told"), [("0.06", "0.04", True), ("0.5", "0.04", False), ("0.06", "<0.03", False)]
)
def test_a_fast_clearance_is_one_of_both_windows(story, first, second, told):
    sentence = story().dose().level("10 12:00", first).level("17 08:00", second).only().sentence
    assert (" Low but detectable on day 7 and again on day 14: a fast-clearance pattern. " in sentence) is told
