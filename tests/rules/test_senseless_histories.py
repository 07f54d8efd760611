"""Histories that make no sense: findings that say so, never an exception, and never a verdict on what is not known."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest
from verdicts import verdict

from adapter.domain.events import Version
from adapter.rules.words_of_oddities import DOSE_AFTER_RECORD

DOSE_2 = {"key": "MedicationAdministration/d2"}
CRISANTASPASE = {"product": "crisantaspase", "route": "IM", "amount": Decimal(25)}
RECOMBINANT = {"product": "recombinant-crisantaspase", "route": "IM", "amount": Decimal(25)}
BY_VEIN = {**RECOMBINANT, "route": "IV"}
WAITING = ("no-result", "not-assessable")
UNKNOWN_AMOUNT = "How much of the dose was given is not known."


def test_a_dose_in_the_future_of_its_own_record_is_read_and_said_to_be_odd(story, said, moment_at):
    told = story().dose(version=Version(number=1, updated=moment_at("1 08:00"))).level("10 12:00", "0.4")
    finding = told.only()
    assert said(finding) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "first-dose", None, "D16 D16", "168"
    )
    assert DOSE_AFTER_RECORD in finding.sentence


def test_a_dose_that_ends_before_it_starts_is_anchored_between_both(story, said):
    finding = story().dose("3 12:00", "3 10:00").level("10 12:00", "<0.03").only()
    assert said(finding) == verdict(
        "inadequate", "suspected-silent-inactivation", "confirmation-due", "first-dose", "P1", "D12 D12", None
    )
    assert finding.samples[0].hours_range == ("168", "170")
    assert "The recorded end of the dose lies before its start." in finding.sentence


def test_an_end_days_before_the_start_leaves_a_level_open(story, said):
    # Either time may be the wrong one: 10 March is 5 or 7 days after the dose.
    finding = story().dose("5 12:00", "3 12:00").level("10 12:00", "0.4").only("10 20:00")
    assert said(finding) == verdict("indeterminate", "not-assessable", "due", "first-dose", None, "D0 D0", None)


def test_a_sample_before_any_dose_belongs_to_none(story, said):
    reading = story().level("3 09:00", "0.4").dose().read("4 12:00")
    assert [said(finding) for finding in reading.findings] == [verdict(*WAITING, "not-due", "first-dose", None, "D19")]
    assert [said(finding) for finding in reading.unlinked] == [
        verdict("indeterminate", "not-assessable", None, "no-dose-known", "P2", "Q10", None)
    ]
    assert "began after the sample" in reading.unlinked[0].sentence


@pytest.mark.parametrize("status", ["completed", "stopped"])
@pytest.mark.parametrize("ordered", [Decimal(2500), Decimal(0), None])
def test_a_negative_amount_is_no_amount(story, said, status, ordered):
    told = story().dose(amount=Decimal(-500), ordered_amount=ordered, status=status).level("10 12:00", "<0.03")
    finding = told.only()
    assert said(finding) == verdict(
        *("inadequate", "below-target-not-inactivation", "complete", "partial-dose dose-unknown first-dose", "P2"),
        *("D15 D15", "168"),
    )
    assert finding.dose.fraction is None
    assert UNKNOWN_AMOUNT in finding.sentence


def test_a_negative_row_makes_the_amount_of_its_dose_unknown(story):
    told = story().dose(ordered_amount=Decimal(2500)).dose("3 13:00", "3 14:00", amount=Decimal(-100), **DOSE_2)
    assert UNKNOWN_AMOUNT in told.level("10 14:00", "<0.03").only().sentence


@pytest.mark.parametrize(("amount", "portion"), [("0", "partial-dose"), ("0.1", "")])
def test_nothing_given_is_not_a_full_dose_though_it_is_called_completed(story, amount, portion):
    finding = story().dose(amount=Decimal(amount), ordered_amount=None).level("10 12:00", "<0.03").only()
    assert [code for code in finding.modifiers if code == "partial-dose"] == portion.split()
    assert finding.mechanism == ("below-target-not-inactivation" if portion else "suspected-silent-inactivation")


def test_ten_times_the_ordered_dose_is_told_with_its_numbers(story):
    finding = story().dose(amount=Decimal(25000), ordered_amount=Decimal(2500)).level("10 12:00", "0.4").only()
    assert finding.dose.fraction == "10"
    assert "10 of the ordered dose (25000 of 2500 IU/m2) was given." in finding.sentence


@pytest.mark.parametrize("specimen", [None, "S1"])
@pytest.mark.parametrize("tubes", [1, 2])
def test_one_dose_coded_as_two_products_does_not_let_one_blood_sample_confirm(story, said, specimen, tubes):
    told = story().dose("12 10:00", None, **CRISANTASPASE).dose("12 10:00", None, **RECOMBINANT, **DOSE_2)
    for number in range(tubes):
        told.level("14 10:00", "<0.03", specimen=specimen and f"{specimen}{number}")
    rules = " ".join(["E3"] * (tubes + 1))
    assert [said(finding) for finding in told.read("14 20:00").findings] == [
        verdict(
            *("inadequate", "suspected-silent-inactivation", "complete", "first-dose", "P1", rules),
            *["48"] * tubes,
        ),
        verdict(
            *("inadequate", "suspected-silent-inactivation", "confirmation-due", "same-family-carryover", "P1", rules),
            *["48"] * tubes,
        ),
    ]


def test_a_sample_that_may_belong_to_two_doses_confirms_no_earlier_one(story):
    told = story().dose("12 10:00", None, **CRISANTASPASE).level("14 10:00", "<0.03")
    told.dose("14 11:00", None, key="MedicationAdministration/d2", **CRISANTASPASE)
    told.dose("14 11:00", None, key="MedicationAdministration/d3", **RECOMBINANT).level("16 11:00", "<0.03")
    assert {f.mechanism for f in told.read("16 20:00").findings} == {"suspected-silent-inactivation"}


def test_a_sample_that_may_belong_to_two_doses_is_no_first_sample_of_a_later_one(story):
    told = story().dose("12 10:00", None, **CRISANTASPASE).dose("12 10:00", None, **RECOMBINANT, **DOSE_2)
    told.level("14 10:00", "<0.03").dose("14 11:00", None, key="MedicationAdministration/d3", **RECOMBINANT)
    assert {f.mechanism for f in told.level("16 11:00", "<0.03").read("16 20:00").findings} == {
        "suspected-silent-inactivation"
    }


@pytest.mark.parametrize("keys", list(permutations(("MedicationAdministration/d1", "MedicationAdministration/d2"))))
@pytest.mark.parametrize(("collected", "pegaspargase"), [("9 12:00", "indeterminate"), ("10 12:00", "adequate")])
def test_two_families_at_one_instant_share_a_good_level_until_one_of_them_is_gone(story, keys, collected, pegaspargase):
    # Erwinia may still be active for 7 days, pegaspargase for 21; which record has which id decides nothing.
    told = story().dose("3 12:00", None, key=keys[0]).dose("3 12:00", None, **CRISANTASPASE | {"key": keys[1]})
    exposures = {f.dose.product: f.exposure for f in told.level(collected, "0.4").read().findings}
    assert exposures == {"pegaspargase": pegaspargase, "crisantaspase": "indeterminate"}


@pytest.mark.parametrize("routes", [("IV", "IM"), ("IM", "IV"), ("IV", None), (None, "IV")])
def test_two_copies_of_a_dose_that_name_two_routes_leave_the_route_open(story, routes):
    told = story().dose(route=routes[0]).dose(route=routes[1], **DOSE_2).level("6 12:00", "0.06")
    finding = told.only()
    assert (finding.dose.route, finding.dose.amount) == (None, "2500")
    assert (finding.exposure, finding.rules) == ("indeterminate", ("D3c", "D3c"))


@pytest.mark.parametrize(("value", "grade"), [("<0.03", None), ("0.06", None), ("<0.03", 2), ("0.06", 2)])
def test_an_erwinia_trough_without_a_collection_time_is_not_held_against_the_dose_that_followed(
    story, moment_at, value, grade
):
    # Drawn before the Monday dose, 72 h after the Friday dose, and received two hours after the Monday dose.
    told = story().dose("14 10:00", "14 11:00", **BY_VEIN).dose("17 10:00", "17 11:00", **BY_VEIN, **DOSE_2)
    if grade:
        told.reaction("17 10:20", grade=grade, product="recombinant-crisantaspase")
    monday = told.level(None, value, received_by_laboratory=moment_at("17 13:00")).read("17 20:00").findings[1]
    assert (monday.exposure, monday.rules) == ("indeterminate", ("D0", "D0"))
    assert monday.mechanism == ("reaction-unresolved" if grade else "not-assessable")
    assert monday.monitoring == "not-due"


def test_a_sample_without_a_collection_time_does_not_confirm_the_dose_before(story, moment_at):
    told = story().dose("12 10:00", "12 11:00", **BY_VEIN).level("14 10:00", "<0.03")
    told.dose("14 10:00", "14 11:00", **BY_VEIN, **DOSE_2)
    told.level(None, "<0.03", received_by_laboratory=moment_at("16 10:00"))
    first, second = told.read("16 20:00").findings
    assert (first.mechanism, first.monitoring) == ("suspected-silent-inactivation", "confirmation-due")
    assert second.mechanism == "not-assessable"


def test_three_hundred_samples_of_one_dose_are_all_read(story, after):
    told = story().dose()
    for number in range(300):
        told.level(after(Decimal(150) + Decimal(number) / 10), "0.4")
    finding = told.only("18 12:00")
    assert (len(finding.samples), finding.rules) == (300, ("D16",) * 301)
    assert (finding.exposure, finding.monitoring) == ("adequate", "complete")


def test_a_hundred_samples_of_one_instant_on_both_sides_of_the_threshold_are_no_level(story, said):
    told = story().dose()
    for number in range(100):
        told.level("10 12:00", "0.05" if number % 2 else "0.4")
    assert said(told.only("10 20:00")) == verdict(
        "indeterminate", "not-assessable", "due", "first-dose", "P2", " ".join(["D3"] * 101), *["168"] * 100
    )


def test_a_dose_that_lasts_a_year_holds_every_sample_inside_it_open(story):
    finding = story().dose("3 10:00", "2026-03-03T10:00Z").level("10 12:00", "<0.03").only()
    assert (finding.exposure, finding.mechanism, finding.monitoring) == ("indeterminate", "not-assessable", "not-due")
