"""Worked cases 1 to 13, 38, 39, 51 and 53 of the clinical rulebook: pegaspargase with and without a reaction.

Dose 1 is pegaspargase 2,500 [IU]/m2 IV on 3 March 2025 10:00-12:00 UTC; T = 0.10, quantification limit 0.03. The
verdicts were taken from the rulebook and its rulings; CASES.md says where each of the 53 cases is asserted.
"""

from __future__ import annotations

from decimal import Decimal

from verdicts import verdict

DOSE_2 = {"key": "MedicationAdministration/d2"}
LOW_LLOQ = {"lloq_iu_per_ml": Decimal("0.02")}


def test_case_1_an_adequate_level_on_day_7_without_a_reaction(story, said):
    finding = story().dose().level("10 11:30", "0.62").only()
    assert said(finding) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "first-dose", None, "D16 D16", "167.5"
    )
    assert finding.next_check is None
    assert (finding.policy, finding.history_from) == ("CONS16@1", "2025-03-03T10:00:00Z")


def test_case_2_nothing_measurable_on_day_7_is_suspected_and_on_day_14_confirmed(story, said):
    first = story().dose().level("10 12:00", "<0.03")
    assert said(first.only("11 12:00")) == verdict(
        "inadequate", "suspected-silent-inactivation", "confirmation-due", "first-dose", "P1", "D12 D12", "168"
    )
    both = first.level("17 08:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2).read("17 13:00")
    assert [said(finding) for finding in both.findings] == [
        verdict(
            *("inadequate", "confirmed-silent-inactivation", "complete", "first-dose", "P1"),
            *("D12 D13 D13", "168", "332"),
        ),
        verdict("no-result", "not-assessable", "not-due", "prior-inactivation", "P1", "D19"),
    ]


def test_case_3_a_detectable_low_on_day_14_leaves_the_suspicion_of_day_7(story, said):
    finding = story().dose().level("10 12:00", "0.06", **LOW_LLOQ).level("17 08:00", "0.04", **LOW_LLOQ).only()
    assert said(finding) == verdict(
        *("inadequate", "suspected-silent-inactivation", "confirmation-due", "first-dose", "P1"),
        *("D12 D14 D12", "168", "332"),
    )
    assert "a fast-clearance pattern" in finding.sentence


def test_case_4_a_rise_without_a_dose_between_takes_the_verdict_from_both(story, said):
    finding = story().dose().level("10 12:00", "0.05").level("17 08:00", "0.41").only("17 20:00")
    assert said(finding) == verdict(
        "indeterminate", "not-assessable", "sample-overdue", "discordant first-dose", "P2", "D3 D3 D3", "168", "332"
    )


def test_case_5_a_grade_2_reaction_with_kept_activity(story, said):
    finding = story().dose().reaction("3 12:20", severity="moderate").level("10 12:00", "0.71").only()
    assert said(finding) == verdict(
        "adequate", "reaction-activity-preserved", "complete", "grade-mapped first-dose", "P2", "D9 D9", "168"
    )
    assert "The consensus of 2016 is described as changing the product" in finding.sentence
    assert "ALLTogether is described as continuing scheduled treatment" in finding.sentence
    assert "The clinical decision rests with the treating team." in finding.sentence


def test_case_6_a_severe_reaction_stays_a_safety_matter_at_any_level(story, said):
    finding = story().dose().reaction("3 12:00", concepts=("bronchospasm",)).level("10 12:00", "0.50").only()
    assert said(finding) == verdict(
        "adequate", "severe-reaction-activity-preserved", "complete", "grade-mapped first-dose", "P1", "D8 D8", "168"
    )
    assert "whatever the level" in finding.sentence


def test_case_7_a_fifth_of_the_dose_with_a_reaction_and_no_activity(story, said):
    given = {"status": "stopped", "amount": Decimal(500), "ordered_amount": Decimal(2500)}
    finding = story().dose("3 10:00", "3 10:20", **given).reaction("3 10:10", grade=2).level("10 12:00", "<0.03").only()
    assert said(finding) == verdict(
        *("inadequate", "suspected-neutralizing-hypersensitivity", "complete", "partial-dose first-dose", "P1"),
        *("D5 D5", "169.67"),
    )
    assert finding.dose.fraction == "0.2"


def test_case_8_a_twentieth_of_the_dose_and_a_level_after_two_hours_conclude_nothing(story, said):
    given = {"status": "stopped", "amount": Decimal(125), "ordered_amount": Decimal(2500)}
    told = story().dose("3 10:00", "3 10:05", **given).reaction("3 10:03", grade=2).level("3 12:05", "0.09")
    assert said(told.only("4 12:00")) == verdict(
        *("indeterminate", "reaction-unresolved", "not-due", "near-threshold early partial-dose first-dose", "P1"),
        *("D3c D3c", "2"),
    )


def test_case_9_an_intramuscular_dose_is_not_read_before_it_is_absorbed(story, said):
    told = story().dose("3 10:00", None, route="IM").reaction("3 16:00", grade=1).level("3 18:00", "<0.03")
    assert said(told.only("4 12:00")) == verdict(
        "indeterminate", "reaction-unresolved", "not-due", "early first-dose", "P1", "D3c D3c", "8"
    )
    assert said(told.only("9 10:00")) == verdict(
        "indeterminate", "reaction-unresolved", "due", "early first-dose", "P1", "D3c D3c", "8"
    )


def test_case_10_activity_at_26_h_does_not_exclude_a_loss_on_day_7(story, said):
    told = story().dose().reaction("3 12:00", grade=2).level("4 14:00", "0.95")
    assert said(told.only("5 12:00")) == verdict(
        "indeterminate", "reaction-unresolved", "not-due", "early first-dose", "P1", "D10 D10", "26"
    )
    assert said(told.level("10 12:00", "<0.03").only()) == verdict(
        "inadequate", "neutralizing-hypersensitivity", "complete", "early first-dose", "P1", "D10 D4 D4", "26", "168"
    )


def test_case_11_premedication_hides_symptoms_not_the_loss(story, said):
    finding = story().dose().premedicated().level("10 12:00", "<0.03").only()
    assert said(finding) == verdict(
        *("inadequate", "suspected-silent-inactivation", "confirmation-due", "premedicated first-dose", "P1"),
        *("D12 D12", "168"),
    )
    assert "a masked reaction cannot be told from a silent one" in finding.sentence
    assert [drug.role for drug in finding.premedication] == ["corticosteroid", "h1-antihistamine", "h2-antihistamine"]


def test_case_12_a_premedicated_dose_without_a_sample_is_overdue_after_day_8(story, said):
    told = story().dose().premedicated()
    assert said(told.only("11 12:00")) == verdict(
        "no-result", "not-assessable", "due", "premedicated first-dose", None, "D19"
    )
    overdue = told.only("11 12:01")
    assert said(overdue) == verdict(
        "no-result", "not-assessable", "sample-overdue", "premedicated first-dose", "P2", "D20"
    )
    assert "symptoms may have been suppressed" in overdue.sentence


def test_case_12_after_an_earlier_reaction_the_missing_level_is_urgent(story, said):
    told = story().dose().reaction("3 12:20", grade=1).level("10 12:00", "0.5")
    second = told.dose("17 10:00", "17 12:00", **DOSE_2).premedicated("17 09:30").read("25 12:01").findings[1]
    assert said(second) == verdict("no-result", "not-assessable", "sample-overdue", "premedicated", "P1", "D20")


def test_case_13_a_flush_of_grade_1_with_kept_activity(story, said):
    finding = story().dose().reaction(grade=1, concepts=("flushing",)).level("10 12:00", "0.33").only()
    assert said(finding) == verdict(
        "adequate", "reaction-activity-preserved", "complete", "first-dose", "P2", "D9 D9", "168"
    )


def test_case_38_a_rescue_drug_never_given_is_no_premedication(story, said):
    # The order itself (a MedicationRequest) is no input at all: story rescue-order-never-given.
    finding = story().dose().drug("3 09:30", status="not-done").only("4 12:00")
    assert said(finding) == verdict("no-result", "not-assessable", "not-due", "first-dose", None, "D19")
    assert finding.premedication == ()
    assert finding.reactions == ()


def test_case_39_leukaemia_steroids_are_not_premedication(story, said):
    finding = story().dose().drug("3 08:00", "leukaemia-steroid").level("10 12:00", "0.5").only()
    assert said(finding) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "systemic-steroid first-dose", None, "D16 D16", "168"
    )
    assert finding.premedication[0].role == "leukaemia-steroid"
    assert "Such drugs can hide symptoms, not a loss of activity." in finding.sentence


def test_case_51_a_reaction_without_a_sample_is_urgent_at_once(story, said):
    # Ruling 23: planned doses are no inputs, so the urgency does not wait for the 48 hours before one.
    told = story().dose().reaction("3 12:20", grade=2)
    assert said(told.only("3 13:00")) == verdict(
        "no-result", "reaction-unresolved", "not-due", "first-dose", "P1", "D11"
    )
    assert said(told.only("15 10:00")) == verdict(
        "no-result", "reaction-unresolved", "sample-overdue", "first-dose", "P1", "D11"
    )


def test_case_53_a_detectable_low_on_day_14_after_a_reaction(story, said):
    finding = story().dose().reaction("3 12:20", grade=2).level("17 08:00", "0.07", **LOW_LLOQ).only()
    assert said(finding) == verdict(
        "inadequate", "suspected-neutralizing-hypersensitivity", "complete", "first-dose", "P1", "D4b D4b", "332"
    )
    assert "normal decline could explain it" in finding.sentence
