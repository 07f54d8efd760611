"""Worked cases 21 to 24 of the clinical rulebook: Erwinia asparaginases after pegaspargase, and by themselves.

Policy ERW48, T = 0.10. The doses of a course are at most a week apart, so one level is due per course (ruling 24), and
the earlier dose is always near enough to be named as carry-over (ruling 9).
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from verdicts import verdict

LLOQ_02 = {"lloq_iu_per_ml": Decimal("0.02")}
CRISANTASPASE = {"product": "crisantaspase", "route": "IM", "amount": Decimal(25000)}
RECOMBINANT = {"product": "recombinant-crisantaspase", "route": "IV", "amount": Decimal(25), "unit": "mg/m2"}


def numbered(number):
    return {"key": f"MedicationAdministration/d{number}"}


@pytest.fixture
def after_severe_reaction(story):
    """Pegaspargase with a grade 3 reaction and kept activity, then crisantaspase on 12 March 10:00."""
    told = story().dose().reaction(grade=3).level("10 12:00", "0.60")
    return told.dose("12 10:00", None, **CRISANTASPASE, **numbered(2))


def test_case_21_a_good_level_is_not_credited_to_erwinia_while_pegaspargase_may_be_there(after_severe_reaction, said):
    told = after_severe_reaction.level("14 10:00", "0.35")
    assert [said(finding) for finding in told.read("14 12:00").findings] == [
        verdict("adequate", "severe-reaction-activity-preserved", "complete", "first-dose", "P1", "D8 D8", "168"),
        verdict(
            *("indeterminate", "not-assessable", "due", "cross-family-residual first-dose", None, "D0 D0", "48"),
        ),
    ]
    erwinia = told.read("14 12:00").findings[1]
    assert "a dose of another family may still supply the activity (rule D0)" in erwinia.sentence
    assert "The dose of 2025-03-03 (pegaspargase 2500 IU/m2 IV) is of another family" in erwinia.sentence


def test_case_21_a_low_level_is_low_for_both(after_severe_reaction, said):
    told = after_severe_reaction.level("14 10:00", "0.04")
    assert said(told.read("14 12:00").findings[1]) == verdict(
        "inadequate", "below-target-not-inactivation", "complete", "first-dose", "P2", "E2 E2", "48"
    )


def test_case_21_with_a_reaction_of_its_own_the_erwinia_dose_stays_unresolved(after_severe_reaction, said):
    told = after_severe_reaction.reaction("12 11:00", record="AllergyIntolerance/a2", product="crisantaspase", grade=1)
    assert said(told.level("14 10:00", "0.35").read("14 12:00").findings[1]) == verdict(
        "indeterminate", "reaction-unresolved", "due", "cross-family-residual first-dose", "P1", "D0 D0", "48"
    )


@pytest.fixture
def weekend_gap(story):
    """Case 22: pegaspargase neutralised, then crisantaspase IM on Wednesday 12 and Friday 14 March."""
    told = story().dose().reaction("3 12:20", grade=2).level("10 12:00", "<0.03")
    told.dose("12 10:00", None, **CRISANTASPASE, **numbered(2)).level("14 10:00", "0.18")
    return told.dose("14 10:30", None, **CRISANTASPASE, **numbered(3)).level("17 10:30", "0.06")


def test_case_22_a_low_after_the_weekend_is_a_gap_in_coverage_not_inactivation(weekend_gap, said):
    assert [said(finding) for finding in weekend_gap.read("17 20:00").findings] == [
        verdict("inadequate", "neutralizing-hypersensitivity", "complete", "first-dose", "P1", "D4 D4", "168"),
        verdict("adequate", "no-evidence-of-inactivation", "complete", "first-dose", None, "E1 E1", "48"),
        verdict(
            *("inadequate", "below-target-not-inactivation", "complete", "same-family-carryover", "P2"),
            *("E5 E5", "72"),
        ),
    ]
    last = weekend_gap.read("17 20:00").findings[2]
    assert "too late to tell a gap in coverage from a loss of activity" in last.sentence
    assert "depleted" not in last.sentence


def test_case_22_nothing_measurable_after_the_weekend_is_the_same(story, said):
    told = story().dose("14 10:30", None, **CRISANTASPASE).level("17 10:30", "<0.03")
    finding = told.only("17 20:00")
    assert said(finding) == verdict(
        "inadequate", "below-target-not-inactivation", "complete", "first-dose", "P2", "E6 E6", "72"
    )
    assert "too late to tell a gap in coverage from a loss of activity (rule E6)" in finding.sentence


def test_case_23_nothing_measurable_at_48_h_twice_is_confirmed_for_erwinia_only(story, said):
    told = story().dose("12 10:00", None, **CRISANTASPASE, **numbered(1)).level("14 10:00", "<0.02", **LLOQ_02)
    first = verdict(
        "inadequate", "suspected-silent-inactivation", "confirmation-due", "first-dose", "P1", "E3 E3", "48"
    )
    assert said(told.only("14 20:00")) == first
    told.dose("14 10:30", None, **CRISANTASPASE, **numbered(2))
    assert said(told.read("15 10:00").findings[1]) == verdict("no-result", "not-assessable", "not-due", "", None, "D19")
    told.level("16 10:30", "<0.02", **LLOQ_02)
    confirmed = verdict(
        *("inadequate", "confirmed-silent-inactivation", "complete", "same-family-carryover", "P1", "D13 D13", "48"),
    )
    assert [said(finding) for finding in told.read("16 20:00").findings] == [
        {**first, "monitoring": "complete"},
        confirmed,
    ]
    told.dose("24 10:00", "24 12:00", **numbered(3)).dose("26 10:00", None, **CRISANTASPASE, **numbered(4))
    _, _, pegaspargase, crisantaspase = told.read("26 11:00").findings
    assert said(pegaspargase) == verdict("no-result", "not-assessable", "not-due", "first-dose", None, "D19")
    assert said(crisantaspase) == verdict("no-result", "not-assessable", "not-due", "prior-inactivation", "P1", "D19")


def test_case_24_recombinant_intravenous_on_monday_wednesday_and_friday(story, said):
    told = story().dose("10 10:00", "10 11:00", **RECOMBINANT, **numbered(1))
    told.dose("12 10:00", "12 11:00", **RECOMBINANT, **numbered(2))
    told.dose("14 16:00", "14 17:00", **{**RECOMBINANT, "amount": Decimal(50)}, **numbered(3))
    told.level("17 17:00", "0.07")
    findings = told.read("17 20:00").findings
    assert [said(finding) for finding in findings] == [
        verdict("no-result", "not-assessable", "missed", "first-dose", None, "D20"),
        verdict("no-result", "not-assessable", "not-due", "", None, "D19"),
        verdict(
            *("inadequate", "below-target-not-inactivation", "complete", "same-family-carryover", "P2"),
            *("E5 E5", "72"),
        ),
    ]
    sentence = findings[2].sentence
    assert "the intramuscular route or a 48-hour interval as options when the level at 72 h is below 0.1" in sentence
    assert "paraphrased" in sentence
    assert "The clinical decision rests with the treating team." in sentence
