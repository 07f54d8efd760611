"""Courses of short-acting products: one level is due per course, at its first reachable trough (ruling 24)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

ERWINIA = {"product": "crisantaspase", "route": "IM", "amount": Decimal(25000)}
NATIVE = {"product": "native-ecoli", "amount": Decimal(5000)}
START = datetime.fromisoformat("2025-03-12T10:00:00+00:00")


def at_hours(hours):
    return START + timedelta(microseconds=int(Decimal(hours) * 3_600_000_000))


def course(story, starts, **product):
    """Doses without an end, at hours after the first."""
    told = story()
    for number, hours in enumerate(starts, start=1):
        told.dose(at_hours(hours), None, key=f"MedicationAdministration/d{number}", **product)
    return told


def states(told, hours):
    return [finding.monitoring for finding in told.read(at_hours(hours)).findings]


def test_one_level_is_due_for_a_course_on_monday_wednesday_and_friday(story):
    told = course(story, ("0", "48", "96"), **ERWINIA)
    assert states(told, "41.99") == ["not-due", "not-due", "not-due"]
    assert states(told, "42") == ["due", "not-due", "not-due"]
    assert states(told, "48") == ["missed", "not-due", "not-due"]
    assert states(told, "92") == ["missed", "not-due", "not-due"]
    assert states(told, "500") == ["missed", "not-due", "not-due"]


@pytest.mark.parametrize(
    ("second", "after_42_h_each"),
    [
        # Doses at most 7 days apart are one course; the end of 7 days belongs to it.
        ("168", ["missed", "not-due"]),
        ("168.01", ["missed", "due"]),
    ],
)
@pytest.mark.parametrize("product", ["crisantaspase", "recombinant-crisantaspase"])
def test_a_gap_of_more_than_seven_days_begins_another_course(story, product, second, after_42_h_each):
    told = course(story, ("0", second), **{**ERWINIA, "product": product})
    assert states(told, Decimal(second) + 43) == after_42_h_each


@pytest.mark.parametrize(("second", "expected"), [("168", ["missed", "not-due"]), ("168.01", ["missed", "due"])])
def test_native_doses_a_week_apart_are_one_course(story, second, expected):
    assert states(course(story, ("0", second), **NATIVE), Decimal(second) + 61) == expected


@pytest.mark.parametrize(
    ("gap", "expected"), [("168", ["missed", "not-due"]), ("168.01", ["missed", "due"])], ids=["seven-days", "more"]
)
def test_the_gap_counts_from_the_end_of_a_dose(story, gap, expected):
    # The anchor of a dose is its end (rulebook 2.7.1): here two hours after its start.
    told = story().dose(START, at_hours("2"), key="MedicationAdministration/d1", **ERWINIA)
    told.dose(at_hours(Decimal(gap) + 2), None, key="MedicationAdministration/d2", **ERWINIA)
    assert states(told, Decimal(gap) + 45) == expected


@pytest.mark.parametrize(("product", "opens"), [(ERWINIA, "42"), (NATIVE, "60")], ids=["crisantaspase", "native-ecoli"])
def test_a_trough_is_reachable_when_its_window_opens_before_the_next_dose(story, product, opens):
    for second, expected in (
        (Decimal(opens) - Decimal("0.01"), ["not-due", "due"]),
        # A sample of the very minute the next dose starts is the trough of the dose before it, so it can be reached.
        (Decimal(opens), ["missed", "not-due"]),
        (Decimal(opens) + Decimal("0.01"), ["missed", "not-due"]),
    ):
        told = course(story, ("0", second), **product)
        assert states(told, second + Decimal(opens)) == expected, second


def test_daily_native_doses_have_their_level_due_after_the_last(story):
    told = course(story, ("0", "24", "48", "72"), **NATIVE)
    assert states(told, "131.9") == ["not-due"] * 4
    assert states(told, "132") == ["not-due", "not-due", "not-due", "due"]
    assert states(told, "150.01") == ["not-due", "not-due", "not-due", "missed"]


def test_native_doses_every_other_day_have_their_level_due_over_the_weekend(story):
    told = course(story, ("0", "48", "96", "168", "216"), **NATIVE)
    assert states(told, "156") == ["not-due", "not-due", "due", "not-due", "not-due"]
    assert states(told, "168") == ["not-due", "not-due", "missed", "not-due", "not-due"]
    assert states(told, "500") == ["not-due", "not-due", "missed", "not-due", "not-due"]


def test_a_dose_the_next_one_has_made_unreachable_is_not_missed(story):
    alone = course(story, ("0",), **NATIVE)
    assert states(alone, "60") == ["due"]
    followed = course(story, ("0", "24"), **NATIVE)
    assert states(followed, "60") == ["not-due", "not-due"]


def test_both_erwinia_products_may_make_up_one_course(story):
    told = course(story, ("0",), **ERWINIA)
    told.dose(at_hours("48"), None, key="MedicationAdministration/d2", product="recombinant-crisantaspase")
    assert states(told, "92") == ["missed", "not-due"]


def test_a_dose_of_another_family_does_not_divide_a_course(story):
    told = course(story, ("0", "120"), **ERWINIA)
    told.dose(at_hours("60"), at_hours("61"), key="MedicationAdministration/p1")
    by_key = {finding.dose.key[-2:]: finding.monitoring for finding in told.read(at_hours("163")).findings}
    assert by_key == {"d1": "missed", "p1": "not-due", "d2": "not-due"}


def test_every_pegylated_dose_has_a_level_due(story):
    told = course(story, ("0", "168"), route="IV")
    assert states(told, "313") == ["missed", "due"]


def test_a_level_of_a_dose_for_which_none_was_due_is_read_all_the_same(story):
    told = course(story, ("0", "48"), **ERWINIA).level(at_hours("96"), "0.2")
    first, second = told.read(at_hours("97")).findings
    assert (first.exposure, first.monitoring) == ("no-result", "missed")
    assert (second.exposure, second.mechanism, second.monitoring) == (
        "adequate",
        "no-evidence-of-inactivation",
        "complete",
    )


def test_a_suspicion_after_a_dose_for_which_none_was_due_asks_for_confirmation(story):
    told = course(story, ("0", "48"), **ERWINIA).level(at_hours("96"), "<0.03")
    assert states(told, "97") == ["missed", "confirmation-due"]


@pytest.mark.parametrize(("waited", "state"), [("119.99", "not-due"), ("120", "result-overdue")])
def test_a_sample_taken_after_a_dose_for_which_none_was_due_is_waited_for(story, waited, state):
    told = course(story, ("0", "48"), **ERWINIA).level(at_hours("96"), "pending", letter="I")
    assert states(told, Decimal(96) + Decimal(waited))[1] == state


def test_a_dose_for_which_no_level_is_due_has_no_next_check_and_no_priority(story):
    told = course(story, ("0", "48"), **ERWINIA)
    second = told.read(at_hours("91")).findings[1]
    assert (second.monitoring, second.next_check, second.priority, second.rules) == ("not-due", None, None, ("D19",))


def test_a_dose_for_which_no_level_is_due_is_not_told_to_wait_for_its_window(story):
    second = course(story, ("0", "48"), **ERWINIA).read(at_hours("200")).findings[1]
    assert "The first sampling window is not open yet." not in second.sentence
    assert "The one level its course is due belongs to another dose of it." in second.sentence


def test_an_open_reaction_is_not_told_that_no_level_is_due(story):
    told = course(story, ("0", "48"), **ERWINIA).reaction(at_hours("48.5"), grade=2, product="crisantaspase")
    second = told.read(at_hours("96")).findings[1]
    assert (second.mechanism, second.priority, second.rules) == ("reaction-unresolved", "P1", ("D11",))
    assert "no level is known, so whether activity was kept is open" in second.sentence
    assert "The one level its course is due" not in second.sentence
    assert " before the start. Not known: end of the dose. A corrected" in second.sentence


def test_a_level_that_was_not_due_completes_its_dose_all_the_same(story):
    told = course(story, ("0", "48"), **ERWINIA).level(at_hours("96"), "0.5")
    second = told.read(at_hours("120")).findings[1]
    assert second.monitoring == "complete"
    assert "Monitoring of this dose is complete." in second.sentence
    assert "The one level its course is due" not in second.sentence


def test_a_dose_without_a_time_belongs_to_no_course(story):
    told = course(story, ("0",), **ERWINIA).dose(None, None, key="MedicationAdministration/d2", **ERWINIA)
    by_key = {finding.dose.key[-2:]: finding.monitoring for finding in told.read(at_hours("42")).findings}
    assert by_key == {"d1": "due", "d2": None}


def test_a_pegylated_dose_between_two_native_ones_divides_their_course(story):
    told = story().dose(at_hours("0"), None, **NATIVE)
    told.dose(at_hours("100"), None, key="MedicationAdministration/d2")
    told.dose(at_hours("150"), None, key="MedicationAdministration/d3", **NATIVE)
    assert states(told, "211") == ["missed", "missed", "due"]


@pytest.mark.parametrize("hours", ["41", "43", "200"])
def test_a_dose_of_a_course_without_a_time_has_no_clock_and_leaves_the_others_theirs(story, hours):
    told = story().dose(None, None, key="MedicationAdministration/d0", **ERWINIA)
    told.dose(None, None, key="MedicationAdministration/d1", **ERWINIA)
    told.dose(at_hours("0"), None, key="MedicationAdministration/d2", **ERWINIA)
    (alone,) = states(course(story, ("0",), **ERWINIA), hours)
    assert states(told, hours) == [None, None, alone]


def test_every_course_of_several_has_its_own_level(story):
    told = course(story, ("0", "48", "500", "548"), **ERWINIA)
    assert states(told, "600") == ["missed", "not-due", "missed", "not-due"]
