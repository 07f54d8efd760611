"""What joins a sample to its dose, and what one dose leaves to the next (rulebook 2.7 to 2.10, rulings 4 to 10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal

import pytest

from adapter.domain.times import iso_moment
from adapter.rules.alternatives import ROUTES
from adapter.rules.clock import Clock, clock_of
from adapter.rules.confirmation import JudgedDose, answers, measured_in_full
from adapter.rules.contradictions import contradictions
from adapter.rules.interpretation import judge
from adapter.rules.judging import NO_SUPPLY, Supply
from adapter.rules.linking import place, same_day, timeline
from adapter.rules.listing import MOST_LISTED, MOST_RECENT, MOST_SEVERE
from adapter.rules.premedication import drugs_by_time
from adapter.rules.reading import critical_times

TWIN = {"key": "MedicationAdministration/d2"}
SUSPECTED = "suspected-silent-inactivation"
CONFIRMED = "confirmed-silent-inactivation"


def judged_story(told, as_of):
    return judge(told.history(), told.rulebook, as_of)


def doses_of(told, as_of):
    return [drafted.dose for drafted in judged_story(told, as_of).drafts]


def placed(told, as_of):
    return place(told.history().samples[0], timeline(judged_story(told, as_of).episodes))


@pytest.mark.parametrize(
    ("collected", "date_only"),
    [
        ("2025-03-10T12:00:00Z", False),
        ("2025-03-10", True),
        ("2025-03", True),
        ("2025", True),
    ],
)
def test_a_day_a_month_and_a_year_are_no_times(story, after, collected, date_only):
    told = story().dose().level(iso_moment(collected, default_zone=UTC), "0.5")
    (placement,) = placed(told, after("400"))
    assert placement.date_only is date_only


@pytest.mark.parametrize(("collected", "missing", "shared"), [("3", False, True), (None, True, False)])
def test_a_sample_without_a_time_shares_no_day_with_a_dose(story, after, collected, missing, shared):
    told = story().dose("3", None).dose("3", None, product="native-ecoli", **TWIN).level(collected, "0.5")
    known = [(one.ambiguous, one.time_missing, one.exact, same_day(one)) for one in placed(told, after("400"))]
    assert known == [(True, missing, False, shared)] * 2


def test_samples_are_sought_as_far_back_as_the_longest_limit_of_any_dose(story, after):
    episode = judged_story(story().dose(), after("400")).episodes[0]
    policy = episode.limits.policy
    shorter = replace(policy, sample_link_days=replace(policy.sample_link_days, value=Decimal(7)))
    other = replace(episode, key="other", limits=replace(episode.limits, policy=shorter))
    assert timeline([episode, other]).longest_link == timedelta(days=42)
    assert timeline([other]).longest_link == timedelta(days=7)
    assert timeline([]).longest_link == timedelta(0)


def test_the_least_time_after_a_dose_is_one_microsecond(story, after):
    (placement,) = placed(story().dose().level("3", "0.5"), after("400"))
    assert (placement.least, critical_times(placement)[0]) == (timedelta(0), timedelta(microseconds=1))


def test_a_level_of_two_doses_tells_the_rule_of_each(story, after):
    told = story().dose().dose(product="native-ecoli", **TWIN).level(after("72"), "0.06")
    for finding in told.read().findings:
        assert finding.mechanism == "not-assessable"
        possible = finding.evidence["samples"][0]["possibilities"]
        assert {one["mechanism"] for one in possible} == {SUSPECTED, "below-target-not-inactivation"}
        assert all(one["rule"].startswith("D") for one in possible)


@pytest.mark.parametrize(("grade", "reacted"), [(None, "none"), (2, "present")])
def test_a_dose_knows_whether_a_reaction_followed_it(story, after, grade, reacted):
    told = story().dose() if grade is None else story().dose().reaction(grade=grade)
    assert [dose.reacted for dose in doses_of(told, after("400"))] == [reacted]


@pytest.mark.parametrize("second", [None, "<0.03"])
def test_a_dose_supplies_the_next_product_until_its_loss_is_established(story, after, second):
    told = story().dose().level("9 12:00", "<0.03")
    told = told.level("10 13:00", "<0.03") if second else told
    told.dose("12 10:00", "12 12:00", product="recombinant-crisantaspase", route="IM", **TWIN).level("14 12:00", "0.5")
    first, later = doses_of(told, after("400"))
    assert first.combined.mechanism == (CONFIRMED if second else SUSPECTED)
    assert (later.readings[0].residual_from is None) is (second is not None)


@pytest.mark.parametrize(
    ("collected", "rule"), [("16 12:00", "D9"), ("17", "D4b")], ids=["of-this-dose", "of-this-dose-or-the-next"]
)
def test_a_good_level_of_two_doses_keeps_no_activity_of_the_first(story, after, collected, rule):
    told = story().dose().reaction(grade=2).level(after("250"), "0.09").dose("17", None, **TWIN)
    assert told.level(collected, "0.11").read().findings[0].rules[0] == rule


def test_nothing_is_supplied_before_the_first_dose():
    assert Supply(until=timedelta(0), dose=None) == NO_SUPPLY


@pytest.mark.parametrize(
    ("dose", "value", "adequate", "full"),
    [
        ({}, "0.5", True, True),
        ({}, "0.05", False, True),
        ({"amount": Decimal(500), "ordered_amount": Decimal(2500)}, "0.5", True, False),
        ({"amount": Decimal(500), "ordered_amount": Decimal(2500)}, "0.05", False, False),
    ],
)
def test_an_adequate_dose_answers_a_suspicion_and_so_does_a_full_one(story, after, dose, value, adequate, full):
    (judged,) = doses_of(story().dose(**dose).level(after("168"), value), after("400"))
    assert (judged.adequate, measured_in_full(judged), answers(judged)) == (adequate, full, adequate or full)


@pytest.mark.parametrize(
    ("started", "mechanism"),
    [("2025-06-30T10:00Z", CONFIRMED), ("2025-06-30T10:01Z", SUSPECTED)],
)
def test_a_dose_confirms_the_one_before_it_to_the_end_of_17_weeks(story, started, mechanism):
    told = story().dose().level("10 12:00", "<0.03").dose(started, None, **TWIN).level("2025-07-07T12:00Z", "<0.03")
    assert told.read("2025-07-08T12:00Z").findings[1].mechanism == mechanism


def test_a_dose_has_no_reactions_beside_it_unless_told(story, after):
    (known,) = doses_of(story().dose(), after("10"))
    bare = JudgedDose(
        episode=known.episode,
        reactions=(),
        reacted="none",
        premedication=(),
        readings=(),
        combined=known.combined,
    )
    assert (bare.unlinked, bare.unlinked_not_listed) == ((), 0)


def test_a_dose_is_given_into_a_vein_or_a_muscle():
    assert ROUTES == (("IV", "intravenous"), ("IM", "intramuscular"))


@pytest.mark.parametrize(("route", "told"), [(None, True), ("IM", False), ("IV", False)])
def test_a_route_that_were_known_could_allow_a_reading(story, after, route, told):
    finding = story().dose(route=route).reaction(grade=2).level(after("28"), "<0.03").only()
    changes = {change["if"]: change["rule"] for change in finding.evidence["would_change"]}
    assert changes.get("the dose were known to be intravenous") == ("D4" if told else None)


@pytest.mark.parametrize(("lloq", "found"), [("0.03", True), ("0.1", True), ("0.2", False)])
def test_a_level_on_neither_side_of_the_threshold_contradicts_none(story, after, lloq, found):
    told = story().dose().level(after("168"), "0.05", lloq_iu_per_ml=Decimal(lloq)).level(after("200"), "0.9")
    assert ("discordant" in told.only().modifiers) is found


def test_two_later_levels_are_not_added_up(story, after):
    told = story().dose().level(after("150"), "0.5").level(after("160"), "0.4").level(after("170"), "0.4")
    samples = told.history().samples
    doses = timeline(judged_story(told, after("400")).episodes)
    pairs = [(sample, place(sample, doses)[0]) for sample in samples]
    assert contradictions(pairs[0][1].episode, pairs) == {}


def test_a_level_is_due_for_a_dose_unless_told(story, after):
    (dose,) = doses_of(story().dose(), after("10"))
    clock = clock_of(dose, (), deceased=False)
    assert clock.state(after("144")) == "due"
    assert clock_of(dose, (), deceased=False, awaited=False).state(after("144")) == "not-due"
    bare = Clock(
        opens=clock.opens,
        first_passed=clock.first_passed,
        last_passed=clock.last_passed,
        next_dose=None,
        result_due=None,
        suspicion_open=False,
        complete=False,
        stopped=False,
    )
    assert bare == clock


@pytest.mark.parametrize(
    ("status", "given"), [("completed", 1), ("stopped", 1), ("not-done", 0), ("entered-in-error", 0), ("on-hold", 0)]
)
def test_drugs_that_were_not_given_are_not_among_those_by_time(story, status, given):
    drug = story().drug(status=status).events[0]
    assert len(drugs_by_time([drug]).things) == given


def test_of_many_the_three_most_recent_and_the_seven_severest_are_listed():
    assert (MOST_LISTED, MOST_RECENT, MOST_SEVERE) == (10, 3, 7)
