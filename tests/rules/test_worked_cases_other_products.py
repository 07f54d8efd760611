"""Worked cases 45 and 49 of the clinical rulebook, case 3 under other policies, and the same for native asparaginase.

Unless a test says otherwise a dose starts on 3 March 2025 10:00 and ends 12:00 UTC; quantification limit 0.03.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from verdicts import verdict

DOSE_2 = {"key": "MedicationAdministration/d2"}
NATIVE = {"product": "native-ecoli", "amount": Decimal(5000)}
LOW_LLOQ = {"lloq_iu_per_ml": Decimal("0.02")}


def test_case_45_calaspargase_at_its_nadir_and_four_days_later(story, after, said):
    told = story().dose(product="calaspargase").level(after("504"), "0.12")
    adequate = verdict("adequate", "no-evidence-of-inactivation", "complete", "first-dose", None, "D16 D16", "504")
    assert said(told.only(after("505"))) == adequate
    told.level(after("600"), "0.06")
    finding = told.only(after("601"))
    assert said(finding) == verdict(
        *("adequate", "no-evidence-of-inactivation", "complete", "late first-dose", None),
        *("D16 D18b D16", "504", "600"),
    )
    assert finding.policy == "CALA-LABEL@1"


def test_case_45_the_late_decline_alone_gives_no_verdict(story, after, said):
    finding = story().dose(product="calaspargase").level(after("600"), "0.06").only(after("601"))
    assert said(finding) == verdict(
        "indeterminate", "not-assessable", "missed", "late first-dose", None, "D18b D18b", "600"
    )
    assert "expected decline" in finding.sentence


def test_case_49_an_unspecified_product_gets_no_verdict(story, said):
    told = story().dose(product="unspecified-asparaginase").level("5 12:00", "0.05")
    finding = told.only()
    assert said(finding) == verdict(
        "indeterminate", "not-assessable", None, "product-ambiguous first-dose", "P2", "D2 D2", "48"
    )
    assert (finding.policy, finding.dose.family) == (None, "unknown")


def test_case_49_an_unspecified_product_with_a_reaction_stays_unresolved(story, said):
    told = story().dose(product="unspecified-asparaginase").level("5 12:00", "0.05")
    assert said(told.reaction(product="unspecified-asparaginase", grade=2).only()) == verdict(
        "indeterminate", "reaction-unresolved", None, "product-ambiguous first-dose", "P1", "D2 D2", "48"
    )


def test_case_3_nopho08_calls_a_detectable_low_fast_clearance(story, rulebook, said):
    book = replace(rulebook, chosen={**rulebook.chosen, "pegaspargase": "NOPHO08"})
    told = story(book).dose().level("10 12:00", "0.06", **LOW_LLOQ).level("17 08:00", "0.04", **LOW_LLOQ)
    finding = told.only()
    # Day 7 lies before the only window of NOPHO08 (day 14 +/- 2), so its low says nothing by itself.
    assert said(finding) == verdict(
        *("inadequate", "below-target-not-inactivation", "complete", "early first-dose", "P2"),
        *("D18 D14 D14", "168", "332"),
    )
    assert finding.policy == "NOPHO08@1"
    assert "fast clearance" in finding.sentence


def test_case_3_dfci11_never_calls_a_detectable_level_silent_inactivation(story, rulebook, said):
    book = replace(rulebook, chosen={**rulebook.chosen, "pegaspargase": "DFCI11"})
    told = story(book).dose().level("10 12:00", "0.06", **LOW_LLOQ).level("17 08:00", "0.04", **LOW_LLOQ)
    finding = told.only()
    assert said(finding) == verdict(
        *("inadequate", "below-target-not-inactivation", "complete", "early first-dose", "P2"),
        *("D18 D14 D14", "168", "332"),
    )
    assert finding.policy == "DFCI11@1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.12", ("adequate", "no-evidence-of-inactivation", "complete", "first-dose", None, "D16 D16")),
        ("0.06", ("inadequate", "below-target-not-inactivation", "complete", "first-dose", "P2", "D14 D14")),
        ("<0.03", ("inadequate", "suspected-silent-inactivation", "confirmation-due", "first-dose", "P1", "D12 D12")),
    ],
)
def test_a_native_trough_on_day_3(story, after, said, value, expected):
    finding = story().dose(**NATIVE).level(after("72"), value).only(after("74"))
    assert said(finding) == verdict(*expected, "72")
    assert finding.policy == "NATIVE72@1"


def test_an_inactivation_covers_native_and_pegylated_products_of_one_family(story, after, said):
    told = story().dose(**NATIVE).level(after("72"), "<0.03").dose("6 14:00", "6 15:00", **NATIVE, **DOSE_2)
    told.level("9 15:00", "<0.03").dose("17 10:00", "17 12:00", key="MedicationAdministration/d3")
    assert [said(finding) for finding in told.read("17 13:00").findings] == [
        verdict("inadequate", "suspected-silent-inactivation", "complete", "first-dose", "P1", "D12 D12", "72"),
        verdict(
            *("inadequate", "confirmed-silent-inactivation", "complete", "same-family-carryover", "P1"),
            *("D13 D13", "72"),
        ),
        verdict("no-result", "not-assessable", "not-due", "prior-inactivation", "P1", "D19"),
    ]
