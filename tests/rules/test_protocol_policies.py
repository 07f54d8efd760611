"""The same pegaspargase and calaspargase levels under the policies of other protocols (rulebook 3).

Doses end on 3 March 2025 12:00 UTC; the quantification limit is 0.03 unless a test says otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

DOSE_2 = {"key": "MedicationAdministration/d2"}
ADEQUATE = ("adequate", "no-evidence-of-inactivation", "D16")
ABOVE_BAND = ("above-band", "no-evidence-of-inactivation", "D16")
EARLY_GOOD = ("indeterminate", "no-evidence-of-inactivation", "D17")
SUSPECTED = ("inadequate", "suspected-silent-inactivation", "D12")
BELOW_TARGET = ("inadequate", "below-target-not-inactivation", "D14")
BELOW_OUTSIDE = ("indeterminate", "below-target-not-inactivation", "D18")
NO_VERDICT = ("indeterminate", "not-assessable", "D18b")
OPEN = ("indeterminate", "not-assessable", "D3")


@pytest.fixture
def under(story, rulebook):
    """Begin a story read under a named policy of pegaspargase, or of another product."""

    def begin(policy, product="pegaspargase"):
        return story(replace(rulebook, chosen={**rulebook.chosen, product: policy}))

    return begin


def said(finding):
    assert finding.rules[0] == finding.rules[1]
    return finding.exposure, finding.mechanism, finding.rules[0]


@pytest.mark.parametrize("policy", ["NOPHO08", "DFCI11"])
@pytest.mark.parametrize(
    ("hours", "low", "nil"),
    [("24", BELOW_OUTSIDE, SUSPECTED), ("168", BELOW_OUTSIDE, SUSPECTED), ("336", BELOW_TARGET, SUSPECTED)],
)
def test_where_only_undetectable_counts_as_loss_a_detectable_low_never_does(under, after, policy, hours, low, nil):
    for value, expected in (("0.03", low), ("0.06", low), ("<0.1", low), ("0.029", nil), ("<0.03", nil), ("ND", nil)):
        finding = under(policy).dose().level(after(hours), value).only(after("337"))
        assert said(finding) == expected, value


@pytest.mark.parametrize("hours", ["24", "168", "336"])
def test_where_only_undetectable_counts_as_loss_a_low_after_a_reaction_is_only_suspected(under, after, hours):
    told = under("DFCI11").dose().reaction(grade=2)
    assert said(told.level(after(hours), "0.06").only()) == (
        "inadequate",
        "suspected-neutralizing-hypersensitivity",
        "D4b",
    )
    told = under("DFCI11").dose().reaction(grade=2)
    assert said(told.level(after(hours), "<0.03").only()) == ("inadequate", "neutralizing-hypersensitivity", "D4")


def test_where_two_doses_must_confirm_two_samples_of_one_dose_do_not(under, after):
    told = under("DFCI11").dose().level(after("168"), "<0.03").level(after("320"), "<0.03")
    finding = told.only(after("321"))
    assert (finding.mechanism, finding.monitoring) == ("suspected-silent-inactivation", "confirmation-due")
    assert finding.rules == ("D12", "D12", "D12")
    told = under("CONS16").dose().level(after("168"), "<0.03").level(after("320"), "<0.03")
    assert told.only(after("321")).rules == ("D12", "D13", "D13")


@pytest.mark.parametrize(
    ("value", "mechanism"),
    [("<0.03", "confirmed-silent-inactivation"), ("0.06", "below-target-not-inactivation")],
)
def test_where_two_doses_must_confirm_the_next_nadir_does(under, after, value, mechanism):
    told = under("DFCI11").dose().level(after("336"), "<0.03")
    told.dose(after("336.5"), after("338.5"), **DOSE_2).level(after("674.5"), value)
    first, second = told.read(after("680")).findings
    assert (first.mechanism, first.monitoring) == ("suspected-silent-inactivation", "complete")
    assert second.mechanism == mechanism


@pytest.mark.parametrize("specimen", ["S1", "S2"])
def test_where_two_doses_must_confirm_one_specimen_still_does_not(under, after, specimen):
    told = under("DFCI11").dose().level(after("336"), "<0.03", specimen="S1")
    told.dose(after("336.5"), after("338.5"), **DOSE_2).level(after("674.5"), "<0.03", specimen=specimen)
    confirmed = specimen == "S2"
    assert (told.read(after("680")).findings[1].mechanism == "confirmed-silent-inactivation") is confirmed


@pytest.mark.parametrize(
    ("hours", "value", "expected"),
    [
        ("192", "0.06", SUSPECTED),
        ("192.01", "0.06", BELOW_OUTSIDE),
        ("192.01", "<0.03", SUSPECTED),
        ("239.99", "0.15", EARLY_GOOD),
        ("239.99", "0.06", BELOW_OUTSIDE),
        ("240", "0.15", ADEQUATE),
        ("240", "0.06", BELOW_TARGET),
        ("336", "0.06", BELOW_TARGET),
        ("336.01", "0.06", BELOW_OUTSIDE),
        ("360", "<0.03", SUSPECTED),
        ("360.01", "<0.03", NO_VERDICT),
        ("480", "<0.03", NO_VERDICT),
        ("480", "0.06", NO_VERDICT),
        ("480", "0.1", ADEQUATE),
    ],
)
def test_bfm95_reads_lows_as_loss_up_to_day_8_only_and_no_low_after_day_15(under, after, hours, value, expected):
    assert said(under("BFM95").dose().level(after(hours), value).only(after("600"))) == expected


@pytest.mark.parametrize(
    ("hours", "value", "lloq", "expected"),
    [
        ("168", "0.05", "0.01", SUSPECTED),
        ("311.99", "0.05", "0.01", BELOW_OUTSIDE),
        ("312", "0.05", "0.01", ADEQUATE),
        ("312", "0.02", "0.01", ADEQUATE),
        ("312", "0.019", "0.01", SUSPECTED),
        ("336", "<0.01", "0.01", SUSPECTED),
        # An assay that does not quantify down to 0.02 leaves the day open (ruling 1).
        ("336", "<0.03", "0.03", OPEN),
        ("336", "ND", "0.03", OPEN),
        ("336", "0.02", "0.03", OPEN),
    ],
)
def test_choc_calls_less_than_0_02_on_day_14_a_loss(under, after, hours, value, lloq, expected):
    told = under("CHOC").dose().level(after(hours), value, lloq_iu_per_ml=Decimal(lloq))
    assert said(told.only(after("337"))) == expected


@pytest.mark.parametrize(
    ("policy", "hours", "value", "expected"),
    [
        ("NOPHO08", "287.99", "0.3", EARLY_GOOD),
        ("NOPHO08", "288", "0.249", ADEQUATE),
        ("NOPHO08", "288", "0.250", ABOVE_BAND),
        ("NOPHO08", "384", "0.250", ABOVE_BAND),
        ("NOPHO08", "384.01", "0.250", ADEQUATE),
        ("NOPHO08", "384.01", "0.06", NO_VERDICT),
        ("DCOG11", "312", "0.25", ADEQUATE),
        ("DCOG11", "360", "0.251", ABOVE_BAND),
        ("DCOG11", "192", "0.06", SUSPECTED),
        ("DCOG11", "192.01", "0.06", BELOW_OUTSIDE),
        ("COLO", "119.99", "0.15", EARLY_GOOD),
        ("COLO", "120", "0.15", ADEQUATE),
        ("COLO", "216", "0.06", SUSPECTED),
        ("COLO", "216.01", "0.06", BELOW_OUTSIDE),
        ("COLO", "384", "0.06", BELOW_TARGET),
        ("COLO", "384.01", "0.06", NO_VERDICT),
    ],
)
def test_bands_and_windows_of_other_protocols(under, after, policy, hours, value, expected):
    assert said(under(policy).dose().level(after(hours), value).only(after("400"))) == expected


@pytest.mark.parametrize(
    ("policy", "hours", "value", "expected"),
    [
        ("DFCI11-CALA", "100", "0.06", BELOW_OUTSIDE),
        ("DFCI11-CALA", "100", "<0.03", SUSPECTED),
        ("DFCI11-CALA", "479.99", "0.15", EARLY_GOOD),
        ("DFCI11-CALA", "480", "0.15", ADEQUATE),
        ("DFCI11-CALA", "480", "0.06", BELOW_TARGET),
        ("DFCI11-CALA", "528", "<0.03", SUSPECTED),
        ("DFCI11-CALA", "528.01", "<0.03", NO_VERDICT),
        ("COLO-CALA", "119.99", "0.06", SUSPECTED),
        ("COLO-CALA", "216", "0.06", SUSPECTED),
        ("COLO-CALA", "216.01", "0.06", BELOW_OUTSIDE),
        ("COLO-CALA", "384", "0.06", BELOW_TARGET),
        ("COLO-CALA", "384", "<0.03", SUSPECTED),
        # Its last window closes at 384 h, but a low can be read up to the 528 h of CALA-LABEL.
        ("COLO-CALA", "528", "0.06", BELOW_OUTSIDE),
        ("COLO-CALA", "528.01", "0.06", NO_VERDICT),
    ],
)
def test_other_protocols_for_calaspargase(under, after, policy, hours, value, expected):
    told = under(policy, "calaspargase").dose(product="calaspargase")
    assert said(told.level(after(hours), value).only(after("600"))) == expected


@pytest.mark.parametrize("policy", ["AIEOP09", "INFANT"])
def test_policies_with_the_windows_of_the_consensus_read_as_it_does(under, after, policy):
    for hours in ("143.99", "144", "192", "192.01", "312", "360", "360.01"):
        for value in ("0.15", "0.06", "<0.03"):
            ours = under(policy).dose().level(after(hours), value).only(after("400"))
            theirs = under("CONS16").dose().level(after(hours), value).only(after("400"))
            assert said(ours) == said(theirs), (hours, value)


@pytest.mark.parametrize(
    ("hours", "value", "told"), [("168", "0.1", True), ("336", "0.1", False), ("336", "0.02", False)]
)
def test_a_level_is_near_a_threshold_only_where_it_is_compared_with_that_threshold(under, after, hours, value, told):
    finding = under("CHOC").dose().level(after(hours), value, lloq_iu_per_ml=Decimal("0.01")).only(after("400"))
    assert ("near-threshold" in finding.modifiers) is told
