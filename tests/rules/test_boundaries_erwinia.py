"""Both sides of every limit the Erwinia table reads (rulebook 2.8 and 4.1, rulings 7, 11, 12, 14 and 18).

The dose ends on 3 March 2025 12:00 UTC. T = 0.10, quantification limit 0.03; 0.15 is OK, 0.06 LOW, <0.1 LOW that may or
may not be detectable, <0.03 below quantification.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

BELOW_TARGET = ("inadequate", "below-target-not-inactivation")
BELOW_BETWEEN = ("indeterminate", "below-target-not-inactivation")
NOTHING = ("indeterminate", "not-assessable")
SUSPECTED = ("inadequate", "suspected-silent-inactivation")
NEUTRALIZING = ("inadequate", "neutralizing-hypersensitivity")
SUSPECTED_NEUTRALIZING = ("inadequate", "suspected-neutralizing-hypersensitivity")
UNRESOLVED = ("indeterminate", "reaction-unresolved")
REPEAT_AT_48_H = ("inadequate", "reaction-unresolved")
TARGET_MET = ("adequate", "no-evidence-of-inactivation")
EARLY_GOOD = ("indeterminate", "no-evidence-of-inactivation")
PRESERVED = ("adequate", "reaction-activity-preserved")
SEVERE_PRESERVED = ("adequate", "severe-reaction-activity-preserved")

FULL = {"amount": Decimal(25000), "ordered_amount": Decimal(25000)}
PORTIONS = {
    "full": FULL,
    "half": {"amount": Decimal(12500), "ordered_amount": Decimal(25000)},
    "below-half": {"amount": Decimal(12499), "ordered_amount": Decimal(25000)},
    "tenth": {"amount": Decimal(2500), "ordered_amount": Decimal(25000)},
    "below-tenth": {"amount": Decimal(2499), "ordered_amount": Decimal(25000)},
    "unknown": {"status": "stopped", "amount": None},
}
LOWS = ("0.06", "<0.1", "<0.03")
both_products = pytest.mark.parametrize("product", ["crisantaspase", "recombinant-crisantaspase"])


def dosed(story, product="crisantaspase", route="IV", portion="full"):
    return story().dose("3 11:00", "3 12:00", product=product, route=route, **PORTIONS[portion])


def read(told, after, hours, value):
    finding = told.level(after(hours), value).only(after("100"))
    assert finding.rules[0] == finding.rules[1]
    timing = [code for code in finding.modifiers if code in ("early", "late")]
    return (finding.exposure, finding.mechanism), finding.rules[0], *timing


WITHOUT_REACTION = [
    # hours, OK, LOW (twice), below quantification, early or late
    ("0.01", (EARLY_GOOD, "D17"), (BELOW_TARGET, "E2"), (SUSPECTED, "E3"), ("early",)),
    ("41.99", (EARLY_GOOD, "D17"), (BELOW_TARGET, "E2"), (SUSPECTED, "E3"), ("early",)),
    ("42", (TARGET_MET, "E1"), (BELOW_TARGET, "E2"), (SUSPECTED, "E3"), ()),
    ("58", (TARGET_MET, "E1"), (BELOW_TARGET, "E2"), (SUSPECTED, "E3"), ()),
    ("58.01", (TARGET_MET, "D16"), (BELOW_BETWEEN, "D18"), (BELOW_BETWEEN, "D18"), ("late",)),
    ("59.99", (TARGET_MET, "D16"), (BELOW_BETWEEN, "D18"), (BELOW_BETWEEN, "D18"), ("late",)),
    ("60", (TARGET_MET, "E4"), (BELOW_TARGET, "E5"), (BELOW_TARGET, "E6"), ()),
    ("78", (TARGET_MET, "E4"), (BELOW_TARGET, "E5"), (BELOW_TARGET, "E6"), ()),
    ("78.01", (TARGET_MET, "D16"), (NOTHING, "D18b"), (NOTHING, "D18b"), ("late",)),
]


@both_products
@pytest.mark.parametrize(("hours", "good", "low", "nil", "timing"), WITHOUT_REACTION)
def test_a_full_intravenous_dose_without_a_reaction(story, after, product, hours, good, low, nil, timing):
    for value, expected in (("0.15", good), ("0.06", low), ("<0.1", low), ("<0.03", nil)):
        assert read(dosed(story, product), after, hours, value) == (*expected, *timing), value


WITH_REACTION = [
    ("0.01", (UNRESOLVED, "D10"), (NEUTRALIZING, "D4"), (NEUTRALIZING, "D4"), ("early",)),
    ("41.99", (UNRESOLVED, "D10"), (NEUTRALIZING, "D4"), (NEUTRALIZING, "D4"), ("early",)),
    ("42", (PRESERVED, "D9"), (NEUTRALIZING, "D4"), (NEUTRALIZING, "D4"), ()),
    ("58", (PRESERVED, "D9"), (NEUTRALIZING, "D4"), (NEUTRALIZING, "D4"), ()),
    # Ruling 12 ends D4 at 58 h and begins the 72-hour column at 60 h: between them no row speaks (D0).
    ("58.01", (PRESERVED, "D9"), (UNRESOLVED, "D0"), (UNRESOLVED, "D0"), ("late",)),
    ("59.99", (PRESERVED, "D9"), (UNRESOLVED, "D0"), (UNRESOLVED, "D0"), ("late",)),
    ("60", (PRESERVED, "D9"), (REPEAT_AT_48_H, "E5"), (REPEAT_AT_48_H, "E6"), ()),
    ("78", (PRESERVED, "D9"), (REPEAT_AT_48_H, "E5"), (REPEAT_AT_48_H, "E6"), ()),
    ("78.01", (PRESERVED, "D9"), (UNRESOLVED, "D3d"), (UNRESOLVED, "D3d"), ("late",)),
]


@both_products
@pytest.mark.parametrize(("hours", "good", "low", "nil", "timing"), WITH_REACTION)
def test_a_full_intravenous_dose_with_a_reaction(story, after, product, hours, good, low, nil, timing):
    for value, expected in (("0.15", good), ("0.06", low), ("<0.1", low), ("<0.03", nil)):
        told = dosed(story, product).reaction("3 12:20", grade=2)
        assert read(told, after, hours, value) == (*expected, *timing), value


@pytest.mark.parametrize(("hours", "good", "low", "nil", "timing"), WITH_REACTION)
def test_a_severe_reaction_reads_apart_only_where_the_activity_is_kept(story, after, hours, good, low, nil, timing):
    good = (SEVERE_PRESERVED, "D8") if good == (PRESERVED, "D9") else good
    for value, expected in (("0.15", good), ("0.06", low), ("<0.1", low), ("<0.03", nil)):
        told = dosed(story).reaction("3 12:20", grade=3)
        assert read(told, after, hours, value) == (*expected, *timing), value


@pytest.mark.parametrize(
    ("hours", "rule"), [("0.01", "D4a"), ("58", "D4a"), ("58.01", "D0"), ("60", "E5"), ("78.01", "D3d")]
)
def test_an_unconfirmed_reaction_record_after_an_erwinia_dose(story, after, hours, rule):
    told = dosed(story).reaction("3 12:20", grade=2, verification="unconfirmed")
    assert read(told, after, hours, "0.06")[1] == rule


@pytest.mark.parametrize("route", ["IM", None])
@pytest.mark.parametrize("value", LOWS)
def test_a_low_level_on_the_first_day_counts_only_after_an_intravenous_dose(story, after, route, value):
    assert read(dosed(story, route=route), after, "23.99", value) == (NOTHING, "D3c", "early")
    counted = (SUSPECTED, "E3") if value == "<0.03" else (BELOW_TARGET, "E2")
    assert read(dosed(story, route=route), after, "24", value) == (*counted, "early")
    reacted = dosed(story, route=route).reaction("3 12:20", grade=2)
    assert read(reacted, after, "23.99", value) == (UNRESOLVED, "D3c", "early")
    reacted = dosed(story, route=route).reaction("3 12:20", grade=2)
    assert read(reacted, after, "24", value) == (NEUTRALIZING, "D4", "early")


@pytest.mark.parametrize("route", ["IM", None])
@pytest.mark.parametrize("hours", ["0.01", "23.99", "24", "41.99"])
def test_an_early_good_level_proves_nothing_by_any_route(story, after, route, hours):
    assert read(dosed(story, route=route), after, hours, "0.15") == (EARLY_GOOD, "D17", "early")


@pytest.mark.parametrize("value", ["0.15", "0.06", "<0.03"])
def test_a_sample_taken_as_the_infusion_ends_is_no_level_of_that_dose(story, after, value):
    assert read(dosed(story), after, "0", value) == (NOTHING, "D0", "early")


@pytest.mark.parametrize(
    ("portion", "modifiers"),
    [
        ("half", ()),
        ("below-half", ("partial-dose",)),
        ("tenth", ("partial-dose",)),
        ("below-tenth", ("partial-dose",)),
        ("unknown", ("partial-dose", "dose-unknown")),
    ],
)
@pytest.mark.parametrize("hours", ["0.01", "42", "58", "58.01", "59.99", "60", "78"])
@pytest.mark.parametrize("value", LOWS)
def test_a_low_level_after_less_than_half_of_the_dose(story, after, portion, modifiers, hours, value):
    finding = dosed(story, portion=portion).level(after(hours), value).only(after("100"))
    assert tuple(code for code in finding.modifiers if code in ("partial-dose", "dose-unknown")) == modifiers
    if modifiers:
        assert (finding.exposure, finding.mechanism, finding.rules) == (*BELOW_TARGET, ("D15", "D15"))
    else:
        full = dosed(story).level(after(hours), value).only(after("100"))
        assert (finding.exposure, finding.mechanism, finding.rules) == (full.exposure, full.mechanism, full.rules)


@pytest.mark.parametrize(
    ("hours", "part", "too_little"),
    [
        ("0.01", (SUSPECTED_NEUTRALIZING, "D5"), (UNRESOLVED, "D6")),
        ("58", (SUSPECTED_NEUTRALIZING, "D5"), (UNRESOLVED, "D6")),
        ("58.01", (UNRESOLVED, "D0"), (UNRESOLVED, "D6")),
        ("59.99", (UNRESOLVED, "D0"), (UNRESOLVED, "D6")),
        # D5 reaches to the limit of the product, but ruling 12 reads every loss at 72 h with a reaction as unresolved:
        # a partial dose cannot prove more than a full one.
        ("60", (REPEAT_AT_48_H, "E6"), (UNRESOLVED, "D6")),
        ("78", (REPEAT_AT_48_H, "E6"), (UNRESOLVED, "D6")),
        ("78.01", (UNRESOLVED, "D3d"), (UNRESOLVED, "D3d")),
    ],
)
def test_nothing_measurable_after_part_of_the_dose_and_a_reaction(story, after, hours, part, too_little):
    for portion, expected in (
        ("below-half", part),
        ("tenth", part),
        ("below-tenth", too_little),
        ("unknown", too_little),
    ):
        told = dosed(story, portion=portion).reaction("3 12:20", grade=2)
        assert read(told, after, hours, "<0.03")[:2] == expected, portion


@pytest.mark.parametrize("portion", ["full", "tenth", "below-tenth", "unknown"])
@pytest.mark.parametrize(("hours", "rule"), [("41.99", "D17"), ("42", "E1"), ("58.01", "D16"), ("60", "E4")])
def test_a_good_level_is_good_after_any_part_of_the_dose(story, after, portion, hours, rule):
    assert read(dosed(story, portion=portion), after, hours, "0.15")[1] == rule


@pytest.mark.parametrize(("value", "exposure", "rule"), [("0.099", "inadequate", "E2"), ("0.1", "adequate", "E1")])
def test_the_threshold_itself_meets_the_target(story, after, value, exposure, rule):
    finding = dosed(story).level(after("48"), value).only(after("50"))
    assert (finding.exposure, finding.rules) == (exposure, (rule, rule))


@pytest.mark.parametrize(
    ("value", "lloq", "expected"),
    [
        ("0.03", "0.03", (BELOW_TARGET, "E2")),
        ("0.0299", "0.03", (SUSPECTED, "E3")),
        ("<0.031", "0.03", (BELOW_TARGET, "E2")),
        ("<0.03", None, (BELOW_TARGET, "E2")),
        ("ND", None, (SUSPECTED, "E3")),
        ("0", None, (SUSPECTED, "E3")),
        ("<0.2", "0.03", (NOTHING, "D3")),
        (">0.05", "0.03", (NOTHING, "D3")),
    ],
)
def test_only_below_quantification_at_48_h_raises_a_suspicion(story, after, value, lloq, expected):
    told = dosed(story).level(after("48"), value, lloq_iu_per_ml=Decimal(lloq) if lloq else None)
    finding = told.only(after("50"))
    assert ((finding.exposure, finding.mechanism), finding.rules[0]) == expected
    assert ("unquantified-below" in finding.modifiers) is (value.startswith("<0.0") and expected[1] == "E2")


@pytest.mark.parametrize(
    ("grade", "mechanism"), [(2, "reaction-activity-preserved"), (3, "severe-reaction-activity-preserved")]
)
def test_a_good_level_at_48_h_keeps_a_low_at_72_h_from_leaving_the_reaction_open(story, after, grade, mechanism):
    told = dosed(story).reaction("3 12:20", grade=grade).level(after("48"), "0.3").level(after("72"), "0.05")
    finding = told.only(after("80"))
    assert (finding.exposure, finding.mechanism, finding.monitoring) == ("inadequate", mechanism, "complete")


def test_a_good_level_at_48_h_and_a_low_one_at_72_h_give_the_later_exposure(story, after):
    finding = dosed(story).level(after("48"), "0.3").level(after("72"), "0.05").only(after("80"))
    assert (finding.exposure, finding.mechanism) == BELOW_TARGET
    assert finding.rules == ("E1", "E5", "E5")


@pytest.mark.parametrize(
    ("hours", "value", "third"),
    [
        # Ruling 17: only the immediately next dose with a usable level confirms, and a low one at 72 h is usable.
        ("48", "0.06", "suspected-silent-inactivation"),
        ("72", "<0.03", "suspected-silent-inactivation"),
        ("48", "0.2", "suspected-silent-inactivation"),
        # A level that decides no exposure is passed over, and so is a dose without one.
        ("59", "<0.03", "confirmed-silent-inactivation"),
        (None, None, "confirmed-silent-inactivation"),
    ],
)
def test_what_lies_between_two_doses_with_nothing_measurable_at_48_h(story, after, hours, value, third):
    told = dosed(story).level(after("48"), "<0.03")
    told.dose(after("49"), None, key="MedicationAdministration/d2", product="crisantaspase", **FULL)
    if hours:
        told.level(after(Decimal(49) + Decimal(hours)), value)
    told.dose(after("125"), None, key="MedicationAdministration/d3", product="crisantaspase", **FULL)
    findings = told.level(after("173"), "<0.03").read(after("180")).findings
    assert [findings[0].mechanism, findings[2].mechanism] == ["suspected-silent-inactivation", third]
