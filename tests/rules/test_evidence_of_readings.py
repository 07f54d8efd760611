"""Why a level was read as it was, where no row or no certain time decides it, and whose words stand behind it."""

from __future__ import annotations

from dataclasses import replace

import pytest

DOSE_2 = {"key": "MedicationAdministration/d2"}


def because(finding):
    return finding.evidence["samples"][0]["because"]


def test_a_level_of_which_the_table_says_nothing_says_so(story, after):
    """A low after a reaction between the two windows of Erwinia is judged by neither."""
    finding = story().dose(product="crisantaspase").reaction(grade=2).level(after("59"), "0.06").only()
    assert (finding.rules, because(finding)) == (
        ("D0", "D0"),
        ["no row of the decision table speaks of such a level"],
    )
    assert finding.evidence["alternatives_of"] is None


def test_a_level_of_the_day_of_the_next_dose_is_not_said_to_be_taken_during_it(story):
    told = story().dose().dose("17", None, **DOSE_2).level("17", "0.02")
    expected = [
        "a time is known by its date only",
        "the order of sample and dose, or the dose the sample belongs to, is not known",
    ]
    assert [because(finding) for finding in told.read().findings] == [expected, expected]


def test_a_level_whose_possible_times_agree_tells_no_alternatives_of_one_of_them(story):
    """They would be those of one time only."""
    finding = story().dose("3", None).level("11 02:00", "0.5").only()
    assert (finding.rules, finding.evidence["samples"][0]["phases"]) == (("D16", "D16"), ["first-window", "between"])
    assert (finding.evidence["alternatives_of"], finding.evidence["would_change"]) == (None, [])


@pytest.mark.parametrize(
    ("collected", "from_dose"),
    [("2025-03-24T11:59:00Z", "ehr|MedicationAdministration/d1"), ("2025-03-24T12:00:00Z", None)],
)
def test_a_good_level_names_the_dose_of_another_family_that_may_still_supply_it(story, collected, from_dose):
    """Pegaspargase for 21 days, whatever shorter-acting dose of its family followed it (ruling 9)."""
    told = story().dose().dose("10 10:00", "10 12:00", product="native-ecoli", **DOSE_2)
    told.dose("22 10:00", None, product="crisantaspase", route="IM", key="MedicationAdministration/d3")
    finding = told.level(collected, "0.35").read("2025-03-26T12:00Z").findings[2]
    sample = finding.evidence["samples"][0]
    assert (sample["residual"], sample["residual_from"]) == (from_dose is not None, from_dose)
    assert finding.exposure == ("indeterminate" if from_dose else "adequate")


@pytest.mark.parametrize("limit", ["no_verdict_after", "reaction_link_h", "early_low_until"])
def test_the_source_of_every_limit_that_is_shown_is_shown_with_it(story, rulebook, limit):
    policy = next(policy for policy in rulebook.policies if policy.id == "CONS16")
    cited = replace(policy.no_verdict_after, citation="LANVERS-2002")
    assert "LANVERS-2002" in dict(policy.citations)
    book = replace(rulebook, policies=(replace(policy, **{limit: cited}),))
    assert "LANVERS-2002" in story(book).dose().only().evidence["policy"]["citations"]
    assert "LANVERS-2002" not in story().dose().only().evidence["policy"]["citations"]


@pytest.mark.parametrize(
    ("started", "ended", "collected"),
    [("3 10:00", "3 12:00", "9"), ("3", None, "9 20:00"), ("3 10:00", "3", "9 20:00")],
    ids=["sample", "start", "end"],
)
def test_a_level_left_open_by_a_date_says_that_only_a_date_is_known(story, started, ended, collected):
    finding = story().dose(started, ended).level(collected, "0.5").only()
    assert "date-only" in finding.modifiers
    assert because(finding) == [
        "a time is known by its date only",
        "the possible times of the sample lie in different parts of the schedule",
    ]


def test_a_date_that_the_start_lacks_does_not_matter_where_the_end_is_known(story):
    finding = story().dose("3", "3 12:00").level("10 12:00", "0.5").only()
    assert (finding.modifiers, finding.samples[0].hours_since_dose) == (("first-dose",), "168")
