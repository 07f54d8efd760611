"""Both sides of every limit the pegaspargase table reads."""

from __future__ import annotations

from decimal import Decimal

import pytest

ADEQUATE = ("adequate", "no-evidence-of-inactivation")
SUSPECTED = ("inadequate", "suspected-silent-inactivation")
BELOW_IN_WINDOW = ("inadequate", "below-target-not-inactivation")
BELOW_LATE = ("indeterminate", "below-target-not-inactivation")
TOO_EARLY_GOOD = ("indeterminate", "no-evidence-of-inactivation")
NOTHING = ("indeterminate", "not-assessable")
NEUTRALIZING = ("inadequate", "neutralizing-hypersensitivity")
SUSPECTED_NEUTRALIZING = ("inadequate", "suspected-neutralizing-hypersensitivity")
UNRESOLVED = ("indeterminate", "reaction-unresolved")


def both(finding):
    return finding.exposure, finding.mechanism


@pytest.mark.parametrize(
    ("hours", "verdict", "rule", "timing"),
    [
        ("0.1", TOO_EARLY_GOOD, "D17", "early"),
        ("143.9", TOO_EARLY_GOOD, "D17", "early"),
        ("143.9999999", TOO_EARLY_GOOD, "D17", "early"),
        ("144", ADEQUATE, "D16", None),
        ("192", ADEQUATE, "D16", None),
        ("192.0000001", ADEQUATE, "D16", "late"),
        ("311.9", ADEQUATE, "D16", "late"),
        ("312", ADEQUATE, "D16", None),
        ("360", ADEQUATE, "D16", None),
        ("360.1", ADEQUATE, "D16", "late"),
        ("1008", ADEQUATE, "D16", "late"),
    ],
)
def test_a_level_at_the_threshold_over_time(story, after, hours, verdict, rule, timing):
    finding = story().dose().level(after(hours), "0.1").only()
    assert (both(finding), finding.rules) == (verdict, (rule, rule))
    assert [code for code in finding.modifiers if code in ("early", "late")] == ([timing] if timing else [])


@pytest.mark.parametrize(
    ("hours", "low", "nil"),
    [
        ("23.9", NOTHING, NOTHING),
        ("24", SUSPECTED, SUSPECTED),
        ("143.9", SUSPECTED, SUSPECTED),
        ("144", SUSPECTED, SUSPECTED),
        ("192", SUSPECTED, SUSPECTED),
        ("192.1", BELOW_LATE, SUSPECTED),
        ("311.9", BELOW_LATE, SUSPECTED),
        ("312", BELOW_IN_WINDOW, SUSPECTED),
        ("360", BELOW_IN_WINDOW, SUSPECTED),
        ("360.1", NOTHING, NOTHING),
    ],
)
def test_low_and_nil_levels_over_time_without_a_reaction(story, after, hours, low, nil):
    assert both(story().dose().level(after(hours), "0.06").only()) == low
    assert both(story().dose().level(after(hours), "<0.1").only()) == low
    assert both(story().dose().level(after(hours), "<0.03").only()) == nil


@pytest.mark.parametrize(
    ("hours", "low", "nil"),
    [
        ("23.9", UNRESOLVED, ("indeterminate", "suspected-neutralizing-hypersensitivity")),
        ("24", NEUTRALIZING, NEUTRALIZING),
        ("144", NEUTRALIZING, NEUTRALIZING),
        ("192", NEUTRALIZING, NEUTRALIZING),
        ("192.1", SUSPECTED_NEUTRALIZING, NEUTRALIZING),
        ("360", SUSPECTED_NEUTRALIZING, NEUTRALIZING),
        ("360.1", UNRESOLVED, UNRESOLVED),
    ],
)
def test_low_and_nil_levels_over_time_with_a_reaction(story, after, hours, low, nil):
    assert both(story().dose().reaction(grade=2).level(after(hours), "0.06").only()) == low
    assert both(story().dose().reaction(grade=2).level(after(hours), "<0.03").only()) == nil


@pytest.mark.parametrize("route", ["IM", None])
@pytest.mark.parametrize(("hours", "verdict"), [("24", NOTHING), ("119.9", NOTHING), ("120", SUSPECTED)])
def test_a_low_level_counts_only_after_absorption_unless_the_route_is_intravenous(story, after, route, hours, verdict):
    assert both(story().dose(route=route).level(after(hours), "<0.03").only()) == verdict


@pytest.mark.parametrize("route", ["IM", None])
def test_a_nil_level_on_the_first_day_with_a_reaction_needs_a_stated_intravenous_route(story, after, route):
    assert both(story().dose(route=route).reaction(grade=2).level(after("20"), "<0.03").only()) == UNRESOLVED


@pytest.mark.parametrize(
    ("given", "without_reaction", "with_reaction", "modifiers"),
    [
        ("2500", SUSPECTED, NEUTRALIZING, ()),
        ("1250", SUSPECTED, NEUTRALIZING, ()),
        ("1249.9", BELOW_IN_WINDOW, SUSPECTED_NEUTRALIZING, ("partial-dose",)),
        ("250", BELOW_IN_WINDOW, SUSPECTED_NEUTRALIZING, ("partial-dose",)),
        ("249.9", BELOW_IN_WINDOW, UNRESOLVED, ("partial-dose",)),
        ("0", BELOW_IN_WINDOW, UNRESOLVED, ("partial-dose",)),
    ],
)
@pytest.mark.parametrize("status", ["completed", "stopped"])
def test_the_part_of_the_dose_that_was_given(story, given, without_reaction, with_reaction, modifiers, status):
    parts = {"status": status, "amount": Decimal(given), "ordered_amount": Decimal(2500)}
    silent = story().dose(**parts).level("10 12:00", "<0.03").only()
    assert both(silent) == without_reaction
    assert silent.modifiers == (*modifiers, "first-dose")
    assert both(story().dose(**parts).reaction(grade=2).level("10 12:00", "<0.03").only()) == with_reaction


def test_a_stopped_dose_without_amounts_is_of_unknown_size(story):
    silent = story().dose(status="stopped", amount=None).level("10 12:00", "<0.03").only()
    assert (both(silent), silent.rules) == (BELOW_IN_WINDOW, ("D15", "D15"))
    assert silent.modifiers == ("partial-dose", "dose-unknown", "first-dose")
    assert silent.dose.fraction is None
    reacted = story().dose(status="stopped", amount=None).reaction(grade=2).level("10 12:00", "<0.03").only()
    assert (both(reacted), reacted.rules) == (UNRESOLVED, ("D6", "D6"))


@pytest.mark.parametrize(("value", "verdict"), [("0.099", SUSPECTED), ("0.1", ADEQUATE), ("0.10", ADEQUATE)])
def test_the_threshold_itself_is_adequate(story, value, verdict):
    assert both(story().dose().level("10 12:00", value).only()) == verdict


@pytest.mark.parametrize(
    ("value", "near"), [("0.0899", False), ("0.09", True), ("0.11", True), ("0.1101", False), ("<0.1", False)]
)
def test_near_the_threshold_means_a_plain_number_within_ten_percent(story, value, near):
    assert ("near-threshold" in story().dose().level("10 12:00", value).only().modifiers) is near


def test_an_unconfirmed_reaction_record_decides_by_its_own_rule(story):
    finding = story().dose().reaction(grade=2, verification="unconfirmed").level("10 12:00", "<0.03").only()
    assert (both(finding), finding.rules) == (NEUTRALIZING, ("D4a", "D4a"))
    assert "reaction-unconfirmed" in finding.modifiers


@pytest.mark.parametrize(
    ("grade", "day_14", "mechanism", "rules"),
    [
        (2, "17 12:00", "reaction-activity-preserved", ("D9", "D9", "D9")),
        (3, "17 12:00", "severe-reaction-activity-preserved", ("D8", "D8", "D8")),
    ],
)
def test_a_good_day_7_keeps_a_low_day_14_from_being_read_as_neutralized(story, grade, day_14, mechanism, rules):
    finding = story().dose().reaction(grade=grade).level("10 12:00", "0.5").level(day_14, "0.06").only("20 12:00")
    assert (finding.exposure, finding.mechanism, finding.rules) == ("inadequate", mechanism, rules)


@pytest.mark.parametrize("grade", [2, 3])
def test_a_low_between_the_windows_after_a_good_day_7_decides_no_exposure(story, grade):
    finding = story().dose().reaction(grade=grade).level("10 12:00", "0.5").level("13 12:00", "0.06").only()
    assert finding.exposure == "adequate"
    assert finding.rules[1] == ("D9" if grade == 2 else "D8")


def test_an_early_good_level_after_a_severe_reaction_resolves_nothing(story):
    finding = story().dose().reaction(grade=3).level("5 12:00", "0.9").only("6 12:00")
    assert (both(finding), finding.rules, finding.priority) == (UNRESOLVED, ("D10", "D10"), "P1")


@pytest.mark.parametrize(("later", "discordant"), [("0.065", False), ("0.0651", True)])
def test_a_rise_of_more_than_thirty_percent_is_discordant(story, later, discordant):
    finding = story().dose().level("10 12:00", "0.05").level("12 12:00", later).only()
    assert ("discordant" in finding.modifiers) is discordant
    assert finding.mechanism == ("not-assessable" if discordant else "suspected-silent-inactivation")


@pytest.mark.parametrize(
    ("route", "first", "discordant"),
    [("IM", "8 11:59", False), (None, "8 11:59", False), ("IM", "8 12:00", True), ("IV", "3 12:01", True)],
)
def test_a_rise_is_no_contradiction_while_the_dose_is_absorbed(story, route, first, discordant):
    finding = story().dose(route=route).level(first, "0.2").level("10 12:00", "0.9").only()
    assert (both(finding), "discordant" in finding.modifiers) == (NOTHING if discordant else ADEQUATE, discordant)


def test_a_nil_level_on_the_first_day_does_not_outlive_a_good_level_on_day_7(story):
    finding = story().dose().reaction(grade=2).level("4 08:00", "<0.03").level("10 12:00", "0.5").only()
    assert (both(finding), finding.rules) == (UNRESOLVED, ("D3", "D3", "D3"))


def test_levels_of_two_methods_are_not_compared(story):
    told = story().dose().level("10 12:00", "0.2", method="AHA").level("12 12:00", "0.4", method="MAAT")
    assert told.only().mechanism == "no-evidence-of-inactivation"


def test_two_tubes_of_one_instant_on_either_side_of_the_threshold_are_no_level(story):
    finding = story().dose().level("10 12:00", "0.05").level("10 12:00", "0.3").only("11 11:00")
    assert (both(finding), finding.rules, finding.priority) == (NOTHING, ("D3", "D3", "D3"), "P2")
    assert finding.modifiers == ("first-dose",)


def test_two_tubes_of_one_instant_on_one_side_agree(story):
    assert both(story().dose().level("10 12:00", "0.2").level("10 12:00", "0.3").only()) == ADEQUATE


@pytest.mark.parametrize(
    ("value", "factor", "suspect"),
    [
        ("5", "1", False),
        ("5.001", "1", True),
        (">5", "1", False),
        (">5.1", "1", True),
        ("2.5", "0.001", False),
        ("2.49", "0.001", True),
        ("<2.4", "0.001", False),
        ("0", "0.001", False),
        ("0.002", "1", False),
    ],
)
def test_an_implausible_number_makes_the_unit_suspect(story, value, factor, suspect):
    finding = story().dose().level("10 12:00", value, factor=factor, lloq_iu_per_ml=None).only()
    assert ("unit-suspect" in finding.modifiers) is suspect
    assert (finding.exposure == "indeterminate") is suspect


def test_a_date_only_dose_still_lets_two_timed_levels_contradict_each_other(story):
    finding = story().dose("3", None).level("10 10:00", "0.05").level("10 20:00", "0.4").only()
    assert "discordant" in finding.modifiers


def test_levels_whose_order_is_unknown_do_not_contradict_each_other(story):
    finding = story().dose().level("10", "0.2").level("10 20:00", "0.4").only()
    assert (both(finding), "discordant" in finding.modifiers) == (ADEQUATE, False)
