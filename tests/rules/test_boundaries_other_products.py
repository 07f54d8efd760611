"""Both sides of every limit for calaspargase and native E. coli asparaginase (rulings 7, 11, 13, 14 and 18).

The dose is given on 3 March 2025 10:00-12:00 UTC. T = 0.10, quantification limit 0.03; 0.15 is OK, 0.06 LOW, <0.1 LOW
that may or may not be detectable, <0.03 below quantification.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

ADEQUATE = ("adequate", "no-evidence-of-inactivation")
EARLY_GOOD = ("indeterminate", "no-evidence-of-inactivation")
SUSPECTED = ("inadequate", "suspected-silent-inactivation")
BELOW_TARGET = ("inadequate", "below-target-not-inactivation")
BELOW_OUTSIDE = ("indeterminate", "below-target-not-inactivation")
NOTHING = ("indeterminate", "not-assessable")
NEUTRALIZING = ("inadequate", "neutralizing-hypersensitivity")
SUSPECTED_NEUTRALIZING = ("inadequate", "suspected-neutralizing-hypersensitivity")
PROVISIONAL = ("indeterminate", "suspected-neutralizing-hypersensitivity")
UNRESOLVED = ("indeterminate", "reaction-unresolved")
PRESERVED = ("adequate", "reaction-activity-preserved")
PARTS = {
    "partial": {"amount": Decimal(1000), "ordered_amount": Decimal(2500)},
    "negligible": {"amount": Decimal(100), "ordered_amount": Decimal(2500)},
    "unknown": {"status": "stopped", "amount": None},
}


def read(told, after, hours, value):
    finding = told.level(after(hours), value).only(after("700"))
    assert finding.rules[0] == finding.rules[1]
    timing = " ".join(code for code in finding.modifiers if code in ("early", "late"))
    return (finding.exposure, finding.mechanism), finding.rules[0], timing


def check(make, after, hours, *, good, low, nil):
    for value, expected in (("0.15", good), ("0.06", low), ("<0.1", low), ("<0.03", nil)):
        assert read(make(), after, hours, value) == expected, value


CALASPARGASE = [
    # hours, OK, LOW (twice), below quantification
    ("23.99", (EARLY_GOOD, "D17", "early"), (NOTHING, "D3c", "early"), (NOTHING, "D3c", "early")),
    ("24", (EARLY_GOOD, "D17", "early"), (SUSPECTED, "D12", "early"), (SUSPECTED, "D12", "early")),
    ("192", (EARLY_GOOD, "D17", "early"), (SUSPECTED, "D12", "early"), (SUSPECTED, "D12", "early")),
    # Ruling 13 calls a LOW of 192-432 h "late" and an OK of the same hours `early`; ruling 18 wants `early` and `late`
    # by time alone.  The choice: ruling 13, being the special one, and below quantification as LOW.
    ("192.01", (EARLY_GOOD, "D17", "early"), (BELOW_OUTSIDE, "D18", "late"), (SUSPECTED, "D12", "late")),
    ("431.99", (EARLY_GOOD, "D17", "early"), (BELOW_OUTSIDE, "D18", "late"), (SUSPECTED, "D12", "late")),
    ("432", (ADEQUATE, "D16", ""), (BELOW_TARGET, "D14", ""), (SUSPECTED, "D12", "")),
    ("528", (ADEQUATE, "D16", ""), (BELOW_TARGET, "D14", ""), (SUSPECTED, "D12", "")),
    ("528.01", (ADEQUATE, "D16", "late"), (NOTHING, "D18b", "late"), (NOTHING, "D18b", "late")),
]
CALASPARGASE_AFTER_A_REACTION = [
    ("23.99", (UNRESOLVED, "D10", "early"), (UNRESOLVED, "D3c", "early"), (PROVISIONAL, "D3b", "early")),
    ("24", (UNRESOLVED, "D10", "early"), (NEUTRALIZING, "D4", "early"), (NEUTRALIZING, "D4", "early")),
    ("192", (UNRESOLVED, "D10", "early"), (NEUTRALIZING, "D4", "early"), (NEUTRALIZING, "D4", "early")),
    ("192.01", (UNRESOLVED, "D10", "early"), (SUSPECTED_NEUTRALIZING, "D4b", "late"), (NEUTRALIZING, "D4", "late")),
    ("431.99", (UNRESOLVED, "D10", "early"), (SUSPECTED_NEUTRALIZING, "D4b", "late"), (NEUTRALIZING, "D4", "late")),
    ("432", (PRESERVED, "D9", ""), (SUSPECTED_NEUTRALIZING, "D4b", ""), (NEUTRALIZING, "D4", "")),
    ("528", (PRESERVED, "D9", ""), (SUSPECTED_NEUTRALIZING, "D4b", ""), (NEUTRALIZING, "D4", "")),
    ("528.01", (PRESERVED, "D9", "late"), (UNRESOLVED, "D3d", "late"), (UNRESOLVED, "D3d", "late")),
]
NATIVE = [
    # The rulebook names no absorption time for native asparaginase; config/products.yaml has 24 h for both routes.
    ("23.99", (EARLY_GOOD, "D17", "early"), (NOTHING, "D3c", "early"), (NOTHING, "D3c", "early")),
    # Nor does ruling 13 speak of native lows before 60 h.  The choice: D12, for they are early lows (rulebook 4.1).
    ("24", (EARLY_GOOD, "D17", "early"), (SUSPECTED, "D12", "early"), (SUSPECTED, "D12", "early")),
    ("59.99", (EARLY_GOOD, "D17", "early"), (SUSPECTED, "D12", "early"), (SUSPECTED, "D12", "early")),
    ("60", (ADEQUATE, "D16", ""), (BELOW_TARGET, "D14", ""), (SUSPECTED, "D12", "")),
    ("78", (ADEQUATE, "D16", ""), (BELOW_TARGET, "D14", ""), (SUSPECTED, "D12", "")),
    ("78.01", (ADEQUATE, "D16", "late"), (NOTHING, "D18b", "late"), (NOTHING, "D18b", "late")),
]
NATIVE_AFTER_A_REACTION = [
    # Ruling 11 keeps the provisional reading of the first day (D3b) for the pegylated products.
    ("23.99", (UNRESOLVED, "D10", "early"), (UNRESOLVED, "D3c", "early"), (UNRESOLVED, "D3c", "early")),
    ("24", (UNRESOLVED, "D10", "early"), (NEUTRALIZING, "D4", "early"), (NEUTRALIZING, "D4", "early")),
    ("59.99", (UNRESOLVED, "D10", "early"), (NEUTRALIZING, "D4", "early"), (NEUTRALIZING, "D4", "early")),
    ("60", (PRESERVED, "D9", ""), (SUSPECTED_NEUTRALIZING, "D4b", ""), (NEUTRALIZING, "D4", "")),
    ("78", (PRESERVED, "D9", ""), (SUSPECTED_NEUTRALIZING, "D4b", ""), (NEUTRALIZING, "D4", "")),
    ("78.01", (PRESERVED, "D9", "late"), (UNRESOLVED, "D3d", "late"), (UNRESOLVED, "D3d", "late")),
]


@pytest.mark.parametrize(("hours", "good", "low", "nil"), CALASPARGASE)
def test_calaspargase_without_a_reaction(story, after, hours, good, low, nil):
    check(lambda: story().dose(product="calaspargase"), after, hours, good=good, low=low, nil=nil)


@pytest.mark.parametrize(("hours", "good", "low", "nil"), CALASPARGASE_AFTER_A_REACTION)
def test_calaspargase_after_a_reaction(story, after, hours, good, low, nil):
    make = lambda: story().dose(product="calaspargase").reaction("3 12:20", grade=2)  # noqa: E731 - the story to repeat
    check(make, after, hours, good=good, low=low, nil=nil)


@pytest.mark.parametrize(("hours", "good", "low", "nil"), NATIVE)
def test_native_asparaginase_without_a_reaction(story, after, hours, good, low, nil):
    check(lambda: story().dose(product="native-ecoli"), after, hours, good=good, low=low, nil=nil)


@pytest.mark.parametrize(("hours", "good", "low", "nil"), NATIVE_AFTER_A_REACTION)
def test_native_asparaginase_after_a_reaction(story, after, hours, good, low, nil):
    make = lambda: story().dose(product="native-ecoli").reaction("3 12:20", grade=2)  # noqa: E731 - the story to repeat
    check(make, after, hours, good=good, low=low, nil=nil)


@pytest.mark.parametrize(("product", "hours"), [("calaspargase", "120"), ("native-ecoli", "24")])
@pytest.mark.parametrize("route", ["IM", None])
@pytest.mark.parametrize("value", ["0.06", "<0.03"])
def test_a_low_level_counts_only_once_the_dose_is_absorbed(story, after, product, hours, route, value):
    before = after(Decimal(hours) - Decimal("0.01"))
    told = story().dose(product=product, route=route).level(before, value).only(after("130"))
    assert ((told.exposure, told.mechanism), told.rules) == (NOTHING, ("D3c", "D3c"))
    told = story().dose(product=product, route=route).level(after(hours), value).only(after("130"))
    assert ((told.exposure, told.mechanism), told.rules) == (SUSPECTED, ("D12", "D12"))


@pytest.mark.parametrize("route", ["IM", None])
def test_nothing_measurable_on_the_first_day_of_calaspargase_needs_a_stated_intravenous_route(story, after, route):
    told = story().dose(product="calaspargase", route=route).reaction("3 12:20", grade=2)
    assert read(told, after, "20", "<0.03") == (UNRESOLVED, "D3c", "early")


@pytest.mark.parametrize(("product", "limits"), [("calaspargase", ("24", "528")), ("native-ecoli", ("24", "78"))])
@pytest.mark.parametrize("value", ["0.06", "<0.03"])
@pytest.mark.parametrize(
    ("portion", "silent", "reacted"),
    [
        ("partial", (BELOW_TARGET, "D15"), (SUSPECTED_NEUTRALIZING, "D5")),
        ("negligible", (BELOW_TARGET, "D15"), (UNRESOLVED, "D6")),
        ("unknown", (BELOW_TARGET, "D15"), (UNRESOLVED, "D6")),
    ],
)
def test_part_of_a_dose_is_read_up_to_the_limit_of_the_product(
    story, after, product, limits, value, portion, silent, reacted
):
    def dosed():
        return story().dose(product=product, **PARTS[portion])

    for hours in limits:
        assert read(dosed(), after, hours, value)[:2] == silent
        assert read(dosed().reaction("3 12:20", grade=2), after, hours, value)[:2] == reacted
    beyond = Decimal(limits[1]) + Decimal("0.01")
    assert read(dosed(), after, beyond, value) == (NOTHING, "D18b", "late")
    assert read(dosed().reaction("3 12:20", grade=2), after, beyond, value) == (UNRESOLVED, "D3d", "late")


@pytest.mark.parametrize("product", ["calaspargase", "native-ecoli"])
@pytest.mark.parametrize(("value", "exposure"), [("0.099", "inadequate"), ("0.1", "adequate")])
def test_the_threshold_itself_is_adequate_in_the_window(story, after, product, value, exposure):
    hours = "504" if product == "calaspargase" else "72"
    assert story().dose(product=product).level(after(hours), value).only(after("600")).exposure == exposure


def test_calaspargase_confirms_a_suspicion_of_pegaspargase_for_they_are_one_family(story):
    told = story().dose().level("10 12:00", "<0.03")
    told.dose("17 10:00", "17 12:00", product="calaspargase", key="MedicationAdministration/d2")
    told.level("24 12:00", "<0.03")
    first, second = told.read("26 12:00").findings
    assert (first.mechanism, second.mechanism) == ("suspected-silent-inactivation", "confirmed-silent-inactivation")
    assert (first.policy, second.policy) == ("CONS16@1", "CALA-LABEL@1")
