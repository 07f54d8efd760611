"""When two samples confirm silent inactivation, and what counts as the second one (rulings 16 and 17)."""

from __future__ import annotations

from decimal import Decimal

import pytest

DOSE_2 = {"key": "MedicationAdministration/d2"}
DOSE_3 = {"key": "MedicationAdministration/d3"}
SUSPECTED = "suspected-silent-inactivation"
CONFIRMED = "confirmed-silent-inactivation"


@pytest.mark.parametrize(("second", "mechanism"), [("11 11:59", SUSPECTED), ("11 12:00", CONFIRMED)])
def test_two_samples_of_one_dose_need_24_hours_between_them(story, second, mechanism):
    assert story().dose().level("10 12:00", "<0.03").level(second, "<0.03").only().mechanism == mechanism


@pytest.mark.parametrize(("specimens", "mechanism"), [(("A", "A"), SUSPECTED), (("A", "B"), CONFIRMED)])
def test_two_samples_of_one_dose_need_two_specimens(story, specimens, mechanism):
    told = story().dose().level("10 12:00", "<0.03", specimen=specimens[0])
    assert told.level("17 08:00", "<0.03", specimen=specimens[1]).only().mechanism == mechanism


def test_samples_without_specimen_ids_are_told_apart_by_their_times(story):
    told = story().dose().level("10 12:00", "<0.03", specimen=None).level("17 08:00", "<0.03", specimen=None)
    assert told.only().mechanism == CONFIRMED


@pytest.mark.parametrize(
    ("started", "mechanism"),
    [("2025-06-30T10:00Z", CONFIRMED), ("2025-06-30T10:01Z", SUSPECTED)],
)
def test_the_next_dose_confirms_within_17_weeks(story, started, mechanism):
    told = story().dose().level("10 12:00", "<0.03").dose(started, None, **DOSE_2).level("2025-07-07T12:00Z", "<0.03")
    first, second = told.read("2025-07-08T12:00Z").findings
    assert (first.mechanism, second.mechanism) == (SUSPECTED, mechanism)
    assert second.rules == (("D13", "D13") if mechanism == CONFIRMED else ("D12", "D12"))


def test_an_adequate_dose_between_breaks_the_chain(story):
    told = story().dose().level("10 12:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2).level("24 12:00", "0.5")
    told.dose("31 10:00", "31 12:00", **DOSE_3).level("2025-04-07T12:00Z", "<0.03")
    assert [finding.mechanism for finding in told.read("2025-04-08T12:00Z").findings] == [
        SUSPECTED,
        "no-evidence-of-inactivation",
        SUSPECTED,
    ]


@pytest.mark.parametrize(
    "between", [{"status": "stopped", "amount": Decimal(100), "ordered_amount": Decimal(2500)}, {}]
)
def test_a_partial_dose_or_one_without_a_level_is_passed_over(story, between):
    told = story().dose().level("10 12:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2, **between)
    told.dose("31 10:00", "31 12:00", **DOSE_3).level("2025-04-07T12:00Z", "<0.03")
    assert told.read("2025-04-08T12:00Z").findings[2].mechanism == CONFIRMED


def test_a_neutralizing_verdict_is_no_first_sample(story):
    told = story().dose().reaction(grade=2).level("10 12:00", "<0.03")
    told.dose("17 10:00", "17 12:00", **DOSE_2).level("24 12:00", "<0.03")
    first, second = told.read("26 12:00").findings
    assert (first.mechanism, second.mechanism) == ("neutralizing-hypersensitivity", SUSPECTED)
    assert second.modifiers == ("prior-inactivation",)


def test_a_suspicion_alone_is_no_prior_inactivation(story):
    told = story().dose().level("10 12:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2)
    assert told.read("18 12:00").findings[1].modifiers == ()


def test_a_sample_without_a_collection_time_confirms_nothing(story):
    told = story().dose().level("10 12:00", "<0.03").level(None, "<0.03", received_by_laboratory=None)
    assert told.only().mechanism == SUSPECTED


def test_a_confirmed_dose_lets_the_next_one_confirm_again(story):
    told = story().dose().level("10 12:00", "<0.03").level("14 12:00", "<0.03")
    told.dose("17 10:00", "17 12:00", **DOSE_2).level("24 12:00", "<0.03")
    assert [finding.mechanism for finding in told.read("26 12:00").findings] == [CONFIRMED, CONFIRMED]


def test_a_re_exposure_is_urgent_until_its_first_level(story):
    told = story().dose().reaction(grade=2).level("10 12:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2)
    assert told.read("18 12:00").findings[1].priority == "P1"
    assert told.level("24 12:00", "0.6").read("25 12:00").findings[1].priority is None


def test_a_good_level_closes_the_alarm_of_the_dose_before_but_not_its_verdict(story):
    told = story().dose().reaction(grade=2).level("10 12:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2)
    assert told.read("18 12:00").findings[0].priority == "P1"
    first = told.level("24 12:00", "0.6").read("25 12:00").findings[0]
    assert (first.mechanism, first.priority) == ("neutralizing-hypersensitivity", None)


@pytest.mark.parametrize(
    ("samples", "rules"),
    [
        # One of the earlier samples is independent, whichever it is: not only the last, not only the first.
        ((("0", "A"), ("12", "B"), ("30", "C")), ("D12", "D12", "D13")),
        ((("0", "A"), ("12", "B"), ("23", "C")), ("D12", "D12", "D12")),
        ((("0", "A"), ("12", "B"), ("40", "A")), ("D12", "D12", "D13")),
        ((("0", "A"), ("12", "B"), ("35", "A")), ("D12", "D12", "D12")),
        ((("0", "A"), ("1", "A"), ("12", "B"), ("40", "A")), ("D12", "D12", "D12", "D13")),
        ((("0", "A"), ("1", "A"), ("30", "A")), ("D12", "D12", "D12")),
    ],
)
def test_a_later_sample_confirms_where_any_earlier_one_is_independent_of_it(story, after, samples, rules):
    told = story().dose()
    for hours, specimen in samples:
        told.level(after(168 + int(hours)), "<0.03", specimen=specimen)
    assert told.only().rules[:-1] == rules


@pytest.mark.parametrize(("specimen", "mechanism"), [("B", SUSPECTED), ("C", CONFIRMED)])
def test_one_specimen_charted_for_two_doses_confirms_nothing(story, after, specimen, mechanism):
    """A good level of another specimen of the dose before is no suspicion that could be confirmed."""
    told = story().dose().level(after("168"), "0.5", specimen="A").level(after("336"), "<0.03", specimen="B")
    told.dose("18 10:00", "18 12:00", **DOSE_2).level("25 12:00", "<0.03", specimen=specimen)
    first, second = told.read("26 12:00").findings
    assert (first.mechanism, second.mechanism) == (SUSPECTED, mechanism)


def test_a_dose_no_policy_reads_neither_confirms_nor_is_compared(story, pegaspargase_only):
    told = story(pegaspargase_only).dose().level("10 12:00", "<0.03")
    told.dose("17 10:00", "17 12:00", product="calaspargase", **DOSE_2).level("24 12:00", "<0.03")
    first, second = told.read("26 12:00").findings
    assert (first.mechanism, second.mechanism) == (SUSPECTED, "not-assessable")


def test_an_adequate_level_after_part_of_a_dose_answers_a_suspicion_and_a_low_one_does_not(story):
    """What a small dose keeps active, no antibody clears; what it lacks may be the missing part (D15)."""
    part = {"amount": Decimal(500), "ordered_amount": Decimal(2500)}
    told = story().dose().level("10 12:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2, **part)
    low = story().dose().level("10 12:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2, **part)
    assert told.level("24 12:00", "0.5").read("26 12:00").findings[0].monitoring == "complete"
    assert low.level("24 12:00", "<0.03").read("26 12:00").findings[0].monitoring == "confirmation-due"
