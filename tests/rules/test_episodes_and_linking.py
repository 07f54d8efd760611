"""Rows become doses, and samples find theirs (CONTRACTS 2, rulebook 2.7, rulings 4 to 9)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from adapter.domain.events import Version

DOSE_2 = {"key": "MedicationAdministration/d2"}
HALF = {"amount": Decimal(1250)}


def doses(reading):
    return [finding.dose for finding in reading.findings]


@pytest.mark.parametrize(("second", "episodes"), [("4 11:59", 1), ("4 12:00", 2)])
def test_rows_less_than_24_hours_apart_are_one_dose(story, second, episodes):
    assert len(doses(story().dose(**HALF).dose(second, None, **HALF, **DOSE_2).read())) == episodes


def test_the_rows_of_one_dose_are_added_and_read_from_their_last_end(story):
    told = story().dose(**HALF).dose("3 14:00", "3 15:00", **HALF, **DOSE_2, source="other").level("10 15:00", "0.5")
    finding = told.only()
    assert (finding.dose.key, finding.source) == ("MedicationAdministration/d1", "ehr")
    assert (finding.dose.started, finding.dose.ended) == ("2025-03-03T10:00:00Z", "2025-03-03T15:00:00Z")
    assert (finding.dose.amount, finding.dose.unit) == ("2500", "[IU]/m2")
    assert finding.samples[0].hours_since_dose == "168"
    assert finding.evidence["dose"]["rows"] == [
        "ehr|MedicationAdministration/d1",
        "other|MedicationAdministration/d2",
    ]


@pytest.mark.parametrize(
    ("first", "second", "episodes"),
    [
        ({"request": "MedicationRequest/1"}, {"request": "MedicationRequest/1"}, 1),
        ({"request": "#mr1"}, {"request": "#mr1"}, 2),
        ({"part_of": ("Procedure/1",)}, {"part_of": ("Procedure/1",)}, 1),
        ({"request": "MedicationRequest/1"}, {"request": "MedicationRequest/2"}, 2),
        ({"request": "MedicationRequest/1"}, {"request": "MedicationRequest/1", "source": "other"}, 2),
    ],
)
def test_rows_of_one_order_are_one_dose_within_their_source(story, first, second, episodes):
    told = story().dose(**first).dose("5 10:00", "5 12:00", **DOSE_2, **second)
    assert len(doses(told.read())) == episodes


def test_rows_are_joined_through_a_third(story):
    told = story().dose(request="MedicationRequest/1").dose("9 10:00", "9 12:00", **DOSE_2, part_of=("Procedure/1",))
    assert len(doses(told.read())) == 2
    joined = told.dose(
        "12 10:00",
        "12 12:00",
        key="MedicationAdministration/d3",
        request="MedicationRequest/1",
        part_of=("Procedure/1",),
    )
    assert len(doses(joined.read())) == 1


@pytest.mark.parametrize(
    "copy",
    [{"identifiers": ("urn:x|1",), "amount": Decimal(2400)}, {"source": "mirror"}],
    ids=["same-identifier", "same-times-and-amount"],
)
def test_a_copy_of_a_row_counts_once(story, copy):
    finding = story().dose(identifiers=("urn:x|1",)).dose(**{**DOSE_2, "identifiers": (), **copy}).only()
    assert finding.dose.amount == "2500"
    assert len(finding.evidence["dose"]["copies"]) == 1


def test_two_products_are_never_one_dose(story):
    assert [d.product for d in doses(story().dose().dose(**DOSE_2, product="crisantaspase").read())] == [
        "pegaspargase",
        "crisantaspase",
    ]


def test_the_ordered_amount_of_one_order_is_not_counted_per_row(story):
    order = {"request": "MedicationRequest/1", "ordered_amount": Decimal(2500), "status": "stopped"}
    told = (
        story().dose(**order, amount=Decimal(500)).dose("3 14:00", "3 15:00", **DOSE_2, **order, amount=Decimal(1000))
    )
    assert told.only().dose.fraction == "0.6"


def test_two_orders_of_one_dose_are_added(story):
    first = {"request": "MedicationRequest/1", "ordered_amount": Decimal(1250), **HALF}
    second = {"request": "MedicationRequest/2", "ordered_amount": Decimal(1250), "amount": Decimal(0)}
    assert story().dose(**first).dose("3 14:00", "3 15:00", **DOSE_2, **second).only().dose.fraction == "0.5"


@pytest.mark.parametrize("status", ["in-progress", "on-hold", "unknown"])
@pytest.mark.parametrize(("reacted", "mechanism"), [(False, "not-assessable"), (True, "reaction-unresolved")])
def test_an_unsettled_dose_gets_no_verdict(story, status, reacted, mechanism):
    told = story().dose("3 10:00", None, status=status).level("10 12:00", "<0.03")
    finding = (told.reaction(grade=2) if reacted else told).only()
    assert (finding.exposure, finding.mechanism, finding.rules) == ("indeterminate", mechanism, ("D0", "D0"))


def test_an_unsettled_dose_without_a_sample_has_no_result(story):
    finding = story().dose("3 10:00", None, status="on-hold").only("4 12:00")
    assert (finding.exposure, finding.mechanism, finding.rules) == ("no-result", "not-assessable", ("D0",))


def test_a_sample_after_the_start_of_a_dose_in_progress_is_withheld_from_both(story):
    told = story().dose().dose("17 10:00", None, **DOSE_2, status="in-progress").level("17 16:00", "0.4")
    verdicts = [(f.exposure, f.mechanism, f.rules[0]) for f in told.read().findings]
    assert verdicts == [("indeterminate", "not-assessable", "D0")] * 2


@pytest.mark.parametrize(
    ("collected", "owners"),
    [
        ("17 09:59", [True, False]),
        ("17 10:00", [True, False]),
        ("17 10:01", [True, True]),
        ("17 12:00", [True, True]),
        ("17 12:01", [False, True]),
    ],
)
def test_a_sample_during_an_infusion_is_listed_under_both_doses_and_read_for_neither(story, collected, owners):
    told = story().dose().dose("17 10:00", "17 12:00", **DOSE_2).level(collected, "0.4")
    findings = told.read("18 12:00").findings
    assert [bool(finding.samples) for finding in findings] == owners
    if all(owners):
        assert {finding.exposure for finding in findings} == {"indeterminate"}


@pytest.mark.parametrize(("collected", "linked"), [("2025-04-14T12:00Z", True), ("2025-04-14T12:01Z", False)])
def test_no_sample_is_read_against_a_dose_older_than_42_days(story, collected, linked):
    reading = story().dose().level(collected, "0.4").read("2025-05-01T00:00Z")
    assert (bool(reading.findings[0].samples), len(reading.unlinked)) == (linked, 0 if linked else 1)


def test_a_sample_before_every_dose_is_unlinked(story):
    reading = story().dose().level("3 09:59", "0.4").read()
    assert [finding.rules for finding in reading.unlinked] == [("Q10",)]


def test_a_sample_on_the_day_of_the_only_dose_may_lie_before_it(story):
    finding = story().dose().level("3", "0.4").only("4 12:00")
    assert (finding.exposure, finding.mechanism) == ("indeterminate", "not-assessable")
    assert finding.modifiers == ("early", "date-only", "same-day-ambiguous", "first-dose")


def test_a_date_only_dose_and_a_sample_well_inside_the_window_give_a_verdict(story):
    finding = story().dose("3", None).level("10 12:00", "0.4").only()
    assert (finding.exposure, finding.mechanism) == ("adequate", "no-evidence-of-inactivation")
    assert finding.samples[0].hours_since_dose is None
    assert finding.samples[0].hours_range == ("156", "180")
    assert finding.modifiers == ("date-only", "first-dose")


def test_a_date_only_sample_across_the_border_of_a_window_gives_none(story):
    finding = story().dose().level("9", "0.4").only()
    assert (finding.exposure, finding.rules) == ("indeterminate", ("D0", "D0"))


def test_a_missing_collection_time_never_blames_a_reaction_on_the_first_day(story, moment_at):
    told = story().dose().reaction(grade=2)
    finding = told.level(None, "<0.03", received_by_laboratory=moment_at("3 20:00")).only("4 12:00")
    assert (finding.exposure, finding.mechanism) == ("indeterminate", "reaction-unresolved")


def test_the_laboratory_receipt_bounds_a_missing_collection_time(story, moment_at):
    finding = story().dose().level(None, "0.4", received_by_laboratory=moment_at("9 10:00")).only("9 12:00")
    assert finding.samples[0].hours_range == ("0", "142")


def test_an_end_before_the_start_widens_the_time_instead_of_failing(story):
    finding = story().dose("3 12:00", "3 10:00").level("10 12:00", "0.4").only()
    assert finding.samples[0].hours_range == ("168", "170")
    assert finding.exposure == "adequate"


@pytest.mark.parametrize(
    ("collected", "first"), [("10 11:59", "indeterminate"), ("10 12:00", "adequate")], ids=["below 7 d", "7 d"]
)
def test_a_good_level_after_two_products_at_one_instant_is_credited_to_neither_while_both_may_supply_it(
    story, collected, first
):
    told = story().dose().dose(**DOSE_2, product="crisantaspase").level(collected, "0.4")
    findings = told.read().findings
    assert [bool(f.samples) for f in findings] == [True, True]
    assert [f.exposure for f in findings] == [first, "indeterminate"]
    assert ["cross-family-residual" in f.modifiers for f in findings] == [first == "indeterminate", True]


@pytest.mark.parametrize(("hours_apart", "carried"), [("10 11:59", True), ("10 12:00", False)])
def test_a_dose_less_than_seven_days_before_may_carry_over(story, hours_apart, carried):
    told = story().dose().dose(hours_apart, None, **DOSE_2).level("18 12:00", "0.4")
    assert ("same-family-carryover" in told.read().findings[1].modifiers) is carried


@pytest.mark.parametrize(
    ("given", "exposure", "mechanism", "residual"),
    [
        ("3 12:01", "indeterminate", "not-assessable", True),
        ("3 12:00", "adequate", "no-evidence-of-inactivation", False),
    ],
)
def test_a_good_level_is_not_credited_while_another_family_may_be_active(story, given, exposure, mechanism, residual):
    told = story().dose(given, None, product="crisantaspase").dose("3 12:30", None, **DOSE_2).level("10 12:00", "0.4")
    # 10 March 12:00 is 6 d 23:59 or 7 d 0:00 after the other family's dose, and 167.5 h after this one.
    finding = told.read().findings[1]
    assert (finding.exposure, finding.mechanism) == (exposure, mechanism)
    assert ("cross-family-residual" in finding.modifiers) is residual


def test_a_low_level_is_low_whatever_another_family_adds(story):
    told = story().dose("2 10:00", None, product="crisantaspase", **DOSE_2).dose().level("8 11:00", "0.06")
    assert told.read().findings[1].mechanism == "suspected-silent-inactivation"


@pytest.mark.parametrize(
    ("first_level", "exposure", "rule"), [("<0.03", "adequate", "E1"), ("0.5", "indeterminate", "D0")]
)
def test_only_an_inactivated_dose_leaves_no_residual(story, rulebook, first_level, exposure, rule):
    cons16 = next(policy for policy in rulebook.policies if policy.id == "CONS16")
    both = replace(cons16, products=("pegaspargase", "crisantaspase"))
    book = replace(rulebook, policies=(both,), chosen={"pegaspargase": "CONS16", "crisantaspase": "CONS16"})
    told = story(book).dose().reaction(grade=2).level("10 12:00", first_level)
    second = told.dose("12 12:00", None, **DOSE_2, product="crisantaspase").level("19 12:00", "0.35").read().findings[1]
    assert (second.exposure, second.rules) == (exposure, (rule, rule))
    assert ("cross-family-residual" in second.modifiers) is (rule == "D0")


def test_a_product_nobody_described_gets_no_verdict(story, rulebook):
    book = replace(rulebook, products={}, chosen=rulebook.chosen)
    finding = story(book).dose().level("10 12:00", "0.4").only()
    assert (finding.dose.family, finding.policy, finding.rules) == ("unknown", None, ("D0", "D0"))


def test_a_product_without_a_policy_is_listed_with_its_sample_and_not_judged(story, pegaspargase_only):
    finding = story(pegaspargase_only).dose(product="calaspargase").level("10 12:00", "0.4").only()
    assert (finding.exposure, finding.mechanism, finding.monitoring) == ("indeterminate", "not-assessable", None)
    assert (finding.policy, finding.policy_hash, finding.rules) == (None, None, ("D0", "D0"))
    assert finding.samples[0].value == "0.4"


def test_first_dose_stands_on_the_first_dose_of_each_family(story):
    told = (
        story()
        .dose()
        .dose("17 10:00", None, **DOSE_2)
        .dose("20 10:00", None, key="MedicationAdministration/d3", product="crisantaspase")
    )
    assert ["first-dose" in finding.modifiers for finding in told.read().findings] == [True, False, True]


def test_a_sample_after_a_long_infusion_does_not_belong_to_a_dose_that_ended_inside_it(story):
    told = story().dose("3 10:00", "20 10:00", product="crisantaspase").dose("5 10:00", "5 12:00", **DOSE_2)
    assert [bool(finding.samples) for finding in told.level("25 12:00", "0.4").read().findings] == [True, False]


def test_a_sample_without_any_time_is_unlinked(story):
    reading = story().dose().level(None, "0.4", version=Version()).read()
    assert [finding.modifiers for finding in reading.unlinked] == [("sample-time-missing", "no-dose-known")]


def test_a_preliminary_level_between_two_doses_stays_preliminary(story):
    told = story().dose().reaction(grade=2).dose("17", None, **DOSE_2).level("17", "0.4", letter="P")
    assert [(f.mechanism, f.rules) for f in told.read().findings] == [
        ("reaction-unresolved", ("Q3", "Q3")),
        ("not-assessable", ("Q3", "Q3")),
    ]


def test_an_earlier_dose_without_a_time_carries_nothing_over(story):
    told = story().dose(None, None).dose(**DOSE_2, amount=Decimal(1)).level("10 12:00", "0.4")
    assert told.read().findings[1].modifiers == ()


def test_a_dose_without_a_policy_after_a_suspicion_is_told_of_it(story, pegaspargase_only):
    told = (
        story(pegaspargase_only)
        .dose()
        .level("10 12:00", "<0.03")
        .dose("17 10:00", None, **DOSE_2, product="calaspargase")
    )
    second = told.read().findings[1]
    assert "Earlier in this family: suspected silent inactivation after the dose of 2025-03-03" in second.sentence
    assert (second.mechanism, second.policy) == ("not-assessable", None)
