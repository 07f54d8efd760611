"""The worked cases of the clinical rulebook, section 7, that concern pegaspargase, as the rulings change them.

Dose 1 is pegaspargase 2,500 [IU]/m2 IV on 3 March 2025 10:00-12:00 UTC; T = 0.10, quantification limit 0.03.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

DOSE_2 = {"key": "MedicationAdministration/d2"}
LOW_LLOQ = {"lloq_iu_per_ml": Decimal("0.02")}
ONE_RESULT = {"key": "LAB/77/asparaginase-activity/1"}


def verdict(exposure, mechanism, monitoring, modifiers, priority, rules, *hours):
    return {
        "exposure": exposure,
        "mechanism": mechanism,
        "monitoring": monitoring,
        "modifiers": tuple(modifiers.split()),
        "priority": priority,
        "rules": tuple(rules.split()),
        "hours": hours,
    }


NOT_DUE_2 = verdict("no-result", "not-assessable", "not-due", "", None, "D19")


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
            "inadequate",
            "confirmed-silent-inactivation",
            "complete",
            "first-dose",
            "P1",
            "D12 D13 D13",
            "168",
            "332",
        ),
        verdict("no-result", "not-assessable", "not-due", "prior-inactivation", "P1", "D19"),
    ]


def test_case_3_a_detectable_low_on_day_14_leaves_the_suspicion_of_day_7(story, said):
    finding = story().dose().level("10 12:00", "0.06", **LOW_LLOQ).level("17 08:00", "0.04", **LOW_LLOQ).only()
    assert said(finding) == verdict(
        "inadequate",
        "suspected-silent-inactivation",
        "confirmation-due",
        "first-dose",
        "P1",
        "D12 D14 D12",
        "168",
        "332",
    )


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
    assert "Policy CONS16 is described as changing the product" in finding.sentence
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
        "inadequate",
        "suspected-neutralizing-hypersensitivity",
        "complete",
        "partial-dose first-dose",
        "P1",
        "D5 D5",
        "169.67",
    )
    assert finding.dose.fraction == "0.2"


def test_case_8_a_twentieth_of_the_dose_and_a_level_after_two_hours_conclude_nothing(story, said):
    given = {"status": "stopped", "amount": Decimal(125), "ordered_amount": Decimal(2500)}
    finding = (
        story()
        .dose("3 10:00", "3 10:05", **given)
        .reaction("3 10:03", grade=2)
        .level("3 12:05", "0.09")
        .only("4 12:00")
    )
    assert said(finding) == verdict(
        "indeterminate",
        "reaction-unresolved",
        "not-due",
        "near-threshold early partial-dose first-dose",
        "P1",
        "D3c D3c",
        "2",
    )


def test_case_9_an_intramuscular_dose_is_not_read_before_it_is_absorbed(story, said):
    told = story().dose("3 10:00", None, route="IM").reaction("3 16:00", grade=1).level("3 18:00", "<0.03")
    assert said(told.only("4 12:00")) == verdict(
        "indeterminate", "reaction-unresolved", "not-due", "early first-dose", "P1", "D3c D3c", "8"
    )
    assert said(told.only("9 10:00"))["monitoring"] == "due"


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
        "inadequate",
        "suspected-silent-inactivation",
        "confirmation-due",
        "premedicated first-dose",
        "P1",
        "D12 D12",
        "168",
    )
    assert "a masked reaction cannot be told from a silent one" in finding.sentence
    assert [drug.role for drug in finding.premedication] == ["corticosteroid", "h1-antihistamine", "h2-antihistamine"]


def test_case_12_a_premedicated_dose_without_a_sample_is_overdue_after_day_8(story, said):
    told = story().dose().premedicated()
    overdue = told.only("11 12:01")
    assert said(overdue) == verdict(
        "no-result", "not-assessable", "sample-overdue", "premedicated first-dose", "P2", "D20"
    )
    assert "symptoms may have been suppressed" in overdue.sentence
    assert said(told.only("11 12:00")) == verdict(
        "no-result", "not-assessable", "due", "premedicated first-dose", None, "D19"
    )


def test_case_12_after_an_earlier_reaction_the_missing_level_is_urgent(story, said):
    told = story().dose().reaction("3 12:20", grade=1).level("10 12:00", "0.5")
    second = told.dose("17 10:00", "17 12:00", **DOSE_2).premedicated("17 09:30").read("25 12:01").findings[1]
    assert said(second) == verdict("no-result", "not-assessable", "sample-overdue", "premedicated", "P1", "D20")


def test_case_13_a_flush_of_grade_1_with_kept_activity(story, said):
    finding = story().dose().reaction(grade=1, concepts=("flushing",)).level("10 12:00", "0.33").only()
    assert said(finding) == verdict(
        "adequate", "reaction-activity-preserved", "complete", "first-dose", "P2", "D9 D9", "168"
    )


def test_case_14_a_correction_upwards_leaves_no_suspicion(story, said):
    told = story().dose().level("10 12:00", "0.03", **LOW_LLOQ, **ONE_RESULT)
    assert told.only("10 21:00").mechanism == "suspected-silent-inactivation"
    told.level("10 12:00", "0.30", letter="C", reported="11 10:00", **LOW_LLOQ, **ONE_RESULT)
    assert said(told.only()) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "corrected first-dose", None, "D16 D16", "168"
    )


def test_case_15_a_correction_downwards_after_the_next_dose(story, said):
    told = story().dose().level("10 12:00", "0.42", **ONE_RESULT).dose("17 10:00", "17 12:00", **DOSE_2)
    told.level("10 12:00", "0.042", letter="C", reported="18 10:00", **ONE_RESULT)
    assert [said(finding) for finding in told.read("18 10:00").findings] == [
        verdict(
            "inadequate",
            "suspected-silent-inactivation",
            "confirmation-due",
            "corrected first-dose",
            "P1",
            "D12 D12",
            "168",
        ),
        NOT_DUE_2,
    ]


def test_case_16_a_withdrawn_result_leaves_the_dose_as_if_never_measured(story):
    told = story().dose().level("10 12:00", "<0.03", **ONE_RESULT)
    told.level("10 12:00", None, letter="W", reported="11 10:00", **ONE_RESULT)
    assert told.read("11 11:00") == story().dose().read("11 11:00")
    assert told.only("11 11:00").monitoring == "due"
    assert told.only("11 12:01").monitoring == "sample-overdue"
    assert told.history().withdrawn == {"lab|LAB/77/asparaginase-activity/1"}


def test_case_17_a_level_waits_for_its_dose(story, said):
    told = story().level("10 11:30", "0.55")
    (waiting,) = told.read("10 20:00").unlinked
    assert said(waiting) == verdict("indeterminate", "not-assessable", None, "no-dose-known", "P2", "Q10", None)
    assert said(told.dose().only()) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "first-dose", None, "D16 D16", "167.5"
    )


def test_case_18_the_trough_before_the_next_dose_belongs_to_the_dose_before(story, said):
    told = story().dose().dose("17 10:00", "17 12:00", **DOSE_2).level("17 08:30", "0.22")
    assert [said(finding) for finding in told.read("17 20:00").findings] == [
        verdict("adequate", "no-evidence-of-inactivation", "complete", "first-dose", None, "D16 D16", "332.5"),
        NOT_DUE_2,
    ]


@pytest.mark.parametrize("value", ["0.02", "0.22"])
def test_case_19_sample_and_dose_on_one_day_without_times(story, said, value):
    told = story().dose().dose("17", None, **DOSE_2).level("17", value)
    findings = told.read("18 12:00").findings
    assert [said(finding) for finding in findings] == [
        verdict(
            "indeterminate",
            "not-assessable",
            "missed",
            "date-only same-day-ambiguous first-dose",
            None,
            "D0 D0",
            None,
        ),
        verdict(
            "indeterminate",
            "not-assessable",
            "not-due",
            "early date-only same-day-ambiguous",
            None,
            "D0 D0",
            None,
        ),
    ]
    assert findings[0].samples[0].hours_range == ("324", "348")


def test_case_20_two_doses_five_days_apart(story, said):
    told = story().dose().dose("8 10:00", "8 12:00", **DOSE_2)
    low = told.level("10 12:00", "0.05").read("10 20:00").findings[1]
    assert said(low) == verdict(
        "inadequate",
        "suspected-silent-inactivation",
        "confirmation-due",
        "early same-family-carryover",
        "P1",
        "D12 D12",
        "48",
    )
    good = story().dose().dose("8 10:00", "8 12:00", **DOSE_2).level("10 12:00", "0.40").read("10 20:00").findings[1]
    assert said(good) == verdict(
        "indeterminate",
        "no-evidence-of-inactivation",
        "not-due",
        "early same-family-carryover",
        None,
        "D17 D17",
        "48",
    )


def test_case_25_a_hundred_units_per_litre_are_exactly_the_threshold(story, said):
    finding = story().dose().level("10 12:00", "100", factor="0.001").only()
    assert said(finding) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "near-threshold first-dose", None, "D16 D16", "168"
    )
    assert finding.samples[0].value == "0.100"


@pytest.mark.parametrize(("value", "factor"), [("0.45", "0.001"), ("450", "1")])
def test_cases_26_and_27_an_implausible_number_gets_no_verdict(story, said, value, factor):
    finding = story().dose().level("10 12:00", value, factor=factor).only("11 11:00")
    assert said(finding) == verdict(
        "indeterminate", "not-assessable", "due", "unit-suspect first-dose", "P2", "D3 D3", "168"
    )


def test_case_28_a_value_without_a_unit_gets_no_verdict(story, said):
    finding = story().dose().level("10 12:00", "unreadable", remarks=("unit-missing",)).only("11 11:00")
    assert said(finding) == verdict(
        "indeterminate", "not-assessable", "due", "unit-missing first-dose", "P2", "D3 D3", "168"
    )


@pytest.mark.parametrize(
    ("value", "exposure", "mechanism", "modifiers", "rule"),
    [
        ("<0.1", "inadequate", "suspected-silent-inactivation", "unquantified-below first-dose", "D12"),
        (">1.0", "adequate", "no-evidence-of-inactivation", "first-dose", "D16"),
        ("<0.2", "indeterminate", "not-assessable", "first-dose", "D3"),
        ("<=0.1", "indeterminate", "not-assessable", "first-dose", "D3"),
        (">0.05", "indeterminate", "not-assessable", "first-dose", "D3"),
        (">=0.1", "adequate", "no-evidence-of-inactivation", "first-dose", "D16"),
        ("<0.03", "inadequate", "suspected-silent-inactivation", "first-dose", "D12"),
        ("ND", "inadequate", "suspected-silent-inactivation", "first-dose", "D12"),
        ("0", "inadequate", "suspected-silent-inactivation", "first-dose", "D12"),
        ("0.1..0.2", "adequate", "no-evidence-of-inactivation", "first-dose", "D16"),
        ("0.05..0.09", "inadequate", "suspected-silent-inactivation", "first-dose", "D12"),
        ("0.05..0.1", "indeterminate", "not-assessable", "first-dose", "D3"),
    ],
)
def test_cases_29_and_30_every_comparator(story, value, exposure, mechanism, modifiers, rule):
    finding = story().dose().level("10 12:00", value).only()
    assert (finding.exposure, finding.mechanism) == (exposure, mechanism)
    assert finding.modifiers == tuple(modifiers.split())
    assert finding.rules == (rule, rule)


def test_case_31_without_a_collection_time_the_sample_may_be_too_early(story, said):
    told = story().dose().level(None, "0.05", received_by_laboratory=None, reported="9 10:00")
    finding = told.only("9 10:00")
    assert said(finding) == verdict(
        "indeterminate", "not-assessable", "not-due", "early sample-time-missing first-dose", "P2", "D0 D0", None
    )
    assert finding.samples[0].hours_range == ("0", "142")


def test_case_35_a_reaction_entered_in_error_makes_the_loss_a_silent_one(story, said):
    told = story().dose().reaction("3 12:00", grade=2).level("10 12:00", "<0.03")
    assert told.only().mechanism == "neutralizing-hypersensitivity"
    old = told.events[1]
    told.events.append(
        replace(old, verification="entered-in-error", version=replace(old.version, number=2), occurred=None)
    )
    assert said(told.only()) == verdict(
        "inadequate", "suspected-silent-inactivation", "confirmation-due", "first-dose", "P1", "D12 D12", "168"
    )


def test_case_36_a_refuted_allergy_keeps_the_event(story, said):
    finding = story().dose().reaction("3 12:20", grade=2, verification="refuted").level("10 12:00", "0.71").only()
    assert said(finding) == verdict(
        "adequate", "reaction-activity-preserved", "complete", "first-dose reaction-refuted", "P2", "D9 D9", "168"
    )


def test_case_37_a_generic_allergy_record_is_linked_by_its_time(story):
    told = story().dose().reaction("3 11:00", product="unspecified-asparaginase", grade=2).level("10 12:00", "0.71")
    finding = told.only()
    assert finding.mechanism == "reaction-activity-preserved"
    assert finding.reactions[0].hours_after_start == "1"


def test_case_38_a_rescue_drug_never_given_is_no_premedication(story, said):
    finding = story().dose().drug("3 09:30", status="not-done").only("4 12:00")
    assert said(finding) == verdict("no-result", "not-assessable", "not-due", "first-dose", None, "D19")
    assert finding.premedication == ()


def test_case_39_leukaemia_steroids_are_not_premedication(story, said):
    finding = story().dose().drug("3 08:00", "leukaemia-steroid").level("10 12:00", "0.5").only()
    assert said(finding) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "systemic-steroid first-dose", None, "D16 D16", "168"
    )


def test_case_41_a_preliminary_level_neither_creates_nor_clears_a_verdict(story, said):
    told = story().dose().level("10 12:00", "<0.03", letter="P")
    assert said(told.only("11 11:00")) == verdict(
        "indeterminate", "not-assessable", "due", "preliminary first-dose", None, "Q3 Q3", "168"
    )
    assert told.only("15 12:00").monitoring == "result-overdue"
    assert told.only("15 11:59").monitoring == "sample-overdue"


def test_case_42_one_specimen_reported_twice_is_no_second_sample(story):
    told = story().dose().level("10 12:00", "<0.03", specimen="S").level("12 12:00", "<0.03", specimen="S")
    finding = told.only()
    assert (finding.mechanism, finding.rules) == ("suspected-silent-inactivation", ("D12", "D12", "D12"))


def test_case_43_desensitised_re_exposure_with_a_good_level(story, said):
    told = story().dose().level("10 12:00", "<0.03").level("14 12:00", "<0.03")
    told.dose("24 10:00", "24 12:00", **DOSE_2).premedicated("24 09:30")
    at_dose = told.read("24 13:00").findings
    assert said(at_dose[1]) == verdict(
        "no-result", "not-assessable", "not-due", "premedicated prior-inactivation", "P1", "D19"
    )
    first, second = told.level("31 12:00", "0.40").read("31 20:00").findings
    assert said(second) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "premedicated prior-inactivation", None, "D16 D16", "168"
    )
    assert first.mechanism == "confirmed-silent-inactivation"
    assert "Earlier in this family: confirmed silent inactivation" in second.sentence


def test_case_44_a_suspicion_twenty_weeks_old_is_named_with_its_distance(story, said):
    told = story().dose().level("10 12:00", "<0.03")
    told.dose("2025-07-22T10:00Z", "2025-07-22T12:00Z", **DOSE_2).level("2025-07-29T12:00Z", "0.55")
    finding = told.read("2025-07-30T12:00Z").findings[1]
    assert said(finding) == verdict("adequate", "no-evidence-of-inactivation", "complete", "", None, "D16 D16", "168")
    assert "more than 17 weeks older" in finding.sentence


def test_case_46_a_rejected_tube_leaves_the_sample_due(story, said):
    told = story().dose().level("10 12:00", "TNP", letter="X", remarks=("specimen-quality",))
    assert said(told.only("11 12:00")) == verdict(
        "no-result", "not-assessable", "due", "specimen-quality first-dose", None, "Q2 D19", "168"
    )
    assert told.only("11 12:01").monitoring == "sample-overdue"


@pytest.mark.parametrize(("value", "rule", "priority"), [("0.30", "Q10", "P2"), ("<0.03", "D1", "P2")])
def test_case_47_activity_without_any_dose_is_a_question_about_the_data(story, said, value, rule, priority):
    interpretation = story().level("10 12:00", value).read()
    (finding,) = interpretation.unlinked
    assert interpretation.findings == ()
    assert said(finding) == verdict("indeterminate", "not-assessable", None, "no-dose-known", priority, rule, None)


@pytest.mark.parametrize(
    ("value", "modifiers"),
    [
        ("0.11", "near-threshold method-bias first-dose"),
        ("0.123", "near-threshold method-bias first-dose"),
        ("0.124", "first-dose"),
    ],
)
def test_case_48_a_method_that_reads_high_is_named_near_the_threshold(story, value, modifiers):
    finding = story().dose().level("10 12:00", value, method="MAAT").only()
    assert (finding.exposure, finding.modifiers) == ("adequate", tuple(modifiers.split()))


def test_case_49_an_unspecified_product_gets_no_verdict(story, said):
    told = story().dose(product="unspecified-asparaginase").level("5 12:00", "0.05")
    finding = told.only()
    assert said(finding) == verdict(
        "indeterminate", "not-assessable", None, "product-ambiguous first-dose", "P2", "D2 D2", "48"
    )
    assert finding.policy is None
    reacted = told.reaction(product="unspecified-asparaginase").only()
    assert (reacted.mechanism, reacted.priority) == ("reaction-unresolved", "P1")


def test_case_50_a_dose_not_given_explains_no_level(story, said):
    interpretation = story().dose(status="not-done").level("10 12:00", "<0.03").read()
    assert interpretation.findings == ()
    assert [said(finding) for finding in interpretation.unlinked] == [
        verdict("indeterminate", "not-assessable", None, "no-dose-known", "P2", "D1", None)
    ]


def test_case_51_a_reaction_without_a_sample_is_urgent_at_once(story, said):
    told = story().dose().reaction("3 12:20", grade=2)
    assert said(told.only("3 13:00")) == verdict(
        "no-result", "reaction-unresolved", "not-due", "first-dose", "P1", "D11"
    )
    assert said(told.only("15 10:00")) == verdict(
        "no-result", "reaction-unresolved", "sample-overdue", "first-dose", "P1", "D11"
    )


def test_case_52_a_late_first_result_does_not_replace_its_correction(story, said):
    told = story().dose().level("10 12:00", "0.30", letter="C", reported="11 10:00", **ONE_RESULT)
    told.level("10 12:00", "0.03", reported="10 13:00", **ONE_RESULT)
    assert said(told.only()) == verdict(
        "adequate", "no-evidence-of-inactivation", "complete", "corrected first-dose", None, "D16 D16", "168"
    )


def test_case_53_a_detectable_low_on_day_14_after_a_reaction(story, said):
    finding = story().dose().reaction("3 12:20", grade=2).level("17 08:00", "0.07", **LOW_LLOQ).only()
    assert said(finding) == verdict(
        "inadequate", "suspected-neutralizing-hypersensitivity", "complete", "first-dose", "P1", "D4b D4b", "332"
    )
