"""Worked cases of the clinical rulebook in which a record changes: 14 to 16, 35, 36, 41, 42, 50 and 52.

Dose 1 is pegaspargase 2,500 [IU]/m2 IV on 3 March 2025 10:00-12:00 UTC; T = 0.10, quantification limit 0.03. The Flags
and notices of these cases are in the stories; here is what the rules say before and after.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from verdicts import verdict

DOSE_2 = {"key": "MedicationAdministration/d2"}
LOW_LLOQ = {"lloq_iu_per_ml": Decimal("0.02")}
ONE_RESULT = {"key": "LAB/77/asparaginase-activity/1"}
SUSPECTED = verdict(
    "inadequate", "suspected-silent-inactivation", "confirmation-due", "first-dose", "P1", "D12 D12", "168"
)


def test_case_14_a_correction_upwards_leaves_no_suspicion(story, said):
    told = story().dose().level("10 12:00", "0.03", **LOW_LLOQ, **ONE_RESULT)
    assert said(told.only("10 21:00")) == SUSPECTED
    told.level("10 12:00", "0.30", letter="C", reported="11 10:00", **LOW_LLOQ, **ONE_RESULT)
    assert said(told.only()) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "corrected first-dose", None, "D16 D16", "168"
    )


def test_case_15_a_correction_downwards_after_the_next_dose(story, said):
    told = story().dose().level("10 12:00", "0.42", **ONE_RESULT).dose("17 10:00", "17 12:00", **DOSE_2)
    good = verdict("adequate", "no-evidence-of-inactivation", "complete", "first-dose", None, "D16 D16", "168")
    second = verdict("no-result", "not-assessable", "not-due", "", None, "D19")
    assert [said(finding) for finding in told.read("18 09:59").findings] == [good, second]
    told.level("10 12:00", "0.042", letter="C", reported="18 10:00", **ONE_RESULT)
    assert [said(finding) for finding in told.read("18 10:00").findings] == [
        {**SUSPECTED, "modifiers": ("corrected", "first-dose")},
        second,
    ]


def test_case_15_day_7_of_the_next_dose_is_the_confirmation(story, said):
    told = story().dose().level("10 12:00", "0.42", **ONE_RESULT).dose("17 10:00", "17 12:00", **DOSE_2)
    told.level("10 12:00", "0.042", letter="C", reported="18 10:00", **ONE_RESULT).level("24 12:00", "0.05")
    assert [said(finding) for finding in told.read("24 20:00").findings] == [
        {**SUSPECTED, "monitoring": "complete", "modifiers": ("corrected", "first-dose")},
        verdict("inadequate", "confirmed-silent-inactivation", "complete", "", "P1", "D13 D13", "168"),
    ]


def test_case_16_a_withdrawn_result_leaves_the_dose_as_if_never_measured(story, said):
    told = story().dose().level("10 12:00", "<0.03", **ONE_RESULT)
    told.level("10 12:00", None, letter="W", reported="11 10:00", **ONE_RESULT)
    assert told.read("11 11:00") == story().dose().read("11 11:00")
    assert said(told.only("11 11:00")) == verdict("no-result", "not-assessable", "due", "first-dose", None, "D19")
    assert said(told.only("11 12:01")) == verdict(
        "no-result", "not-assessable", "sample-overdue", "first-dose", "P2", "D20"
    )
    assert told.history().withdrawn == {"lab|LAB/77/asparaginase-activity/1"}


def test_case_35_a_reaction_entered_in_error_makes_the_loss_a_silent_one(story, said):
    told = story().dose().reaction("3 12:00", grade=2).level("10 12:00", "<0.03")
    assert said(told.only()) == verdict(
        "inadequate", "neutralizing-hypersensitivity", "complete", "first-dose", "P1", "D4 D4", "168"
    )
    old = told.events[1]
    told.events.append(
        replace(old, verification="entered-in-error", version=replace(old.version, number=2), occurred=None)
    )
    assert said(told.only()) == SUSPECTED


def test_case_36_a_refuted_allergy_keeps_the_event(story, said):
    told = story().dose().reaction("3 12:20", grade=2).level("10 12:00", "0.71")
    kept = verdict("adequate", "reaction-activity-preserved", "complete", "first-dose", "P2", "D9 D9", "168")
    assert said(told.only()) == kept
    old = told.events[1]
    told.events.append(replace(old, verification="refuted", version=replace(old.version, number=2)))
    assert said(told.only()) == {**kept, "modifiers": ("first-dose", "reaction-refuted")}


def test_case_36_a_refuted_allergy_after_a_loss_stands_on_the_level(story, said):
    finding = story().dose().reaction("3 12:20", grade=2, verification="refuted").level("10 12:00", "<0.03").only()
    assert said(finding) == verdict(
        *("inadequate", "neutralizing-hypersensitivity", "complete", "first-dose reaction-refuted", "P1"),
        *("D4 D4", "168"),
    )


def test_case_41_a_preliminary_level_neither_creates_nor_clears_a_verdict(story, said):
    told = story().dose().level("10 12:00", "<0.03", letter="P", **ONE_RESULT)

    def preliminary(monitoring, priority):
        return verdict(
            *("indeterminate", "not-assessable", monitoring, "preliminary first-dose", priority, "Q3 Q3", "168")
        )

    assert said(told.only("11 11:00")) == preliminary("due", None)
    assert said(told.only("15 11:59")) == preliminary("sample-overdue", "P2")
    assert said(told.only("15 12:00")) == preliminary("result-overdue", "P2")
    told.level("10 12:00", "<0.03", reported="15 13:00", **ONE_RESULT)
    assert said(told.only("15 13:00")) == SUSPECTED


def test_case_42_one_result_sent_twice_is_one_sample(story, said):
    told = story().dose().level("10 12:00", "<0.03", specimen="S", **ONE_RESULT)
    told.level("10 12:00", "<0.03", specimen="S", reported="12 12:00", **ONE_RESULT)
    assert said(told.only()) == SUSPECTED


def test_case_42_one_specimen_under_two_numbers_is_no_second_sample(story, said):
    told = story().dose().level("10 12:00", "<0.03", specimen="S").level("12 12:00", "<0.03", specimen="S")
    assert said(told.only()) == {**SUSPECTED, "rules": ("D12", "D12", "D12"), "hours": ("168", "216")} | {
        "modifiers": ("late", "first-dose")
    }


def test_case_50_a_dose_not_given_explains_no_level(story, said):
    interpretation = story().dose(status="not-done").level("10 12:00", "<0.03").read()
    assert interpretation.findings == ()
    assert [said(finding) for finding in interpretation.unlinked] == [
        verdict("indeterminate", "not-assessable", None, "no-dose-known", "P2", "D1", None)
    ]


def test_case_52_a_late_first_result_does_not_replace_its_correction(story, said):
    told = story().dose().level("10 12:00", "0.30", letter="C", reported="11 10:00", **ONE_RESULT)
    told.level("10 12:00", "0.03", reported="10 13:00", **ONE_RESULT)
    assert said(told.only()) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "corrected first-dose", None, "D16 D16", "168"
    )
