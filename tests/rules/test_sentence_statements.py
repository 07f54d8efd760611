"""Single statements of a reading: levels, portions, times, corrections, and why nothing can be concluded."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from adapter.domain.events import PatientRecord, Version
from adapter.domain.times import iso_moment

DOSE_2 = {"key": "MedicationAdministration/d2"}
DOSE_3 = {"key": "MedicationAdministration/d3"}
ORDERED = {"ordered_amount": Decimal(2500)}


def sentence_after(story, value, hours="10 12:00", **parts):
    return story().dose().level(hours, value, **parts).only().sentence


@pytest.mark.parametrize(
    ("value", "factor", "told"),
    [
        ("0.62", "1", "Asparaginase activity 0.62 IU/mL, collected"),
        ("<0.03", "1", "Asparaginase activity <0.03 IU/mL, collected"),
        ("620", "0.001", 'Asparaginase activity 0.620 IU/mL (reported as "620 IU/L"), collected'),
        ("0.02..0.05", "1", 'Asparaginase activity 0.02 to 0.05 IU/mL (reported as "0.02..0.05 IU/mL"), collected'),
        ("ND", "1", 'Asparaginase activity reported as "ND", read as below quantification, collected'),
        ("0", "1", 'Asparaginase activity reported as "0 IU/mL", read as below quantification, collected'),
    ],
)
def test_a_level_is_told_in_iu_per_ml_and_as_it_was_sent(story, value, factor, told):
    assert sentence_after(story, value, factor=factor).startswith(told)


def test_a_negative_number_is_told_as_one(story):
    assert "The laboratory reported a negative number; read as below quantification." in sentence_after(story, "-0.01")
    assert "negative number" not in sentence_after(story, "0")


@pytest.mark.parametrize(
    ("value", "remarks", "told"),
    [
        ("0.45", ("unit-missing",), "activity sent by the laboratory as 0.45 without a unit, collected"),
        ("unreadable", ("value-unreadable",), 'as "unreadable" (which cannot be read as one number), collected'),
        ("unreadable", ("unit-suspect",), 'as "unreadable" (a unit not accepted for this test), collected'),
        ("450", (), 'activity reported as "450 IU/mL", implausible in this unit, collected'),
    ],
)
def test_a_level_that_cannot_be_used_leads_with_what_was_sent(story, value, remarks, told):
    assert told in sentence_after(story, value, remarks=remarks)


def test_an_implausible_number_leads_with_the_original_and_converts_it_aside(story):
    sentence = sentence_after(story, "0.45", factor="0.001")
    assert 'reported as "0.45 IU/L", implausible in this unit (it would be 0.00045 IU/mL), collected' in sentence


def test_two_units_in_one_result_are_told_apart(story):
    told = story().dose().level("10 12:00", "unreadable", remarks=("unit-suspect",))
    event = told.events[-1]
    told.events[-1] = replace(event, reported=replace(event.reported, text="450 IU/L", unit="IU/mL"))
    assert 'sent by the laboratory as "450 IU/L with unit IU/mL" (two different units), collected' in (
        told.only().sentence
    )


def test_elapsed_time_counts_from_the_start_where_the_end_is_unknown(story):
    sentence = story().dose("3 10:00", None).level("10 10:00", "0.5").only().sentence
    assert "168 h (day 7.0) after the start (2025-03-03T10:00Z) of pegaspargase 2500 IU/m2 IV." in sentence
    assert "Not known: end of the dose." in sentence


def test_several_levels_are_all_told_with_their_own_rules(story):
    told = story().dose().level("4 14:00", "0.95").reaction(grade=2).level("10 12:00", "<0.03")
    assert told.only().sentence.startswith(
        "Asparaginase activity after the end (2025-03-03T12:00Z) of pegaspargase 2500 IU/m2 IV: "
        "0.95 IU/mL, collected 2025-03-04T14:00Z, 26 h (day 1.1), at or above the 0.10 IU/mL threshold, by rule D10; "
        "<0.03 IU/mL, collected 2025-03-10T12:00Z, 168 h (day 7.0), below the quantification limit and below the "
        "0.10 IU/mL threshold, by rule D4. Read by policy CONS16 version 1. The verdict rests on the level at 168 h. "
    )


@pytest.mark.parametrize(("second", "told"), [("0.04", True), ("<0.03", False), ("<0.05", False), ("0.07", True)])
def test_low_but_detectable_on_both_days_is_a_fast_clearance_pattern(story, second, told):
    sentence = story().dose().level("10 12:00", "0.06").level("17 08:00", second).only().sentence
    assert ("a fast-clearance pattern" in sentence) is told


def test_the_exposure_may_rest_on_another_level_than_the_verdict(story):
    sentence = story().dose().level("10 12:00", "0.06").level("17 08:00", "0.04").only().sentence
    assert "The verdict rests on the level at 168 h. The exposure is that of the level at 332 h." in sentence


def test_contradicting_levels_support_no_verdict(story):
    sentence = story().dose().level("10 12:00", "0.05").level("17 08:00", "0.41").only().sentence
    assert "Levels that contradict each other support no verdict; tubes and dose records need a check." in sentence
    assert "The mechanism cannot be assessed: two levels of this dose contradict each other (rule D3)." in sentence


def test_an_early_nil_after_an_infusion_contradicts_a_later_level(story):
    reacted = story().dose().reaction(grade=2).level("4 00:00", "<0.03").level("10 12:00", "0.5").only()
    silent = story().dose().level("4 00:00", "<0.03").level("10 12:00", "0.5").only()
    assert (reacted.mechanism, reacted.exposure, reacted.priority) == ("reaction-unresolved", "indeterminate", "P1")
    assert (silent.mechanism, silent.exposure, silent.priority) == ("not-assessable", "indeterminate", "P2")
    assert "discordant" in reacted.modifiers
    assert "discordant" in silent.modifiers


@pytest.mark.parametrize("route", ["IM", None])
def test_an_early_nil_while_the_drug_is_absorbed_contradicts_nothing(story, route):
    finding = story().dose(route=route).level("4 00:00", "<0.03").level("10 12:00", "0.5").only()
    assert (finding.exposure, "discordant" in finding.modifiers) == ("adequate", False)


def test_an_upper_limit_says_that_detectability_is_not_known(story):
    sentence = sentence_after(story, "<0.05", "13 12:00")
    assert "Below the 0.10 IU/mL threshold; whether detectable is not known, policy CONS16 version 1." in sentence
    assert (
        "below the threshold outside the sampling windows, where normal decline may explain it (rule D18)" in sentence
    )
    assert "detectable, below" in sentence_after(story, "0.06", "13 12:00")


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("500.0", "0.2 of the ordered dose (500 of 2500 IU/m2) was given."),
        (
            "1500",
            "0.6 of the ordered dose (1500 of 2500 IU/m2) was given, counted as full by the policy (at least 0.5).",
        ),
        ("3000", "1.2 of the ordered dose (3000 of 2500 IU/m2) was given."),
    ],
)
def test_a_dose_not_as_ordered_is_told_in_numbers(story, amount, told):
    finding = story().dose(status="stopped", amount=Decimal(amount), **ORDERED).level("10 12:00", "<0.03").only()
    assert told in finding.sentence
    assert "is not known" not in finding.sentence


def test_a_whole_dose_needs_no_fraction(story):
    assert "ordered dose" not in story().dose(**ORDERED).level("10 12:00", "0.5").only().sentence


def test_an_unknown_amount_is_told_once(story):
    sentence = story().dose(status="stopped", amount=None).level("10 12:00", "<0.03").only().sentence
    assert sentence.count("not known") == 1
    assert "How much of the dose was given is not known." in sentence
    assert "does not by itself show inactivation (rule D15)" in sentence


def test_an_end_before_the_start_is_told(story):
    assert "The recorded end of the dose lies before its start." in story().dose("3 10:00", "3 09:00").only().sentence


@pytest.mark.parametrize(
    ("status", "words"), [("on-hold", "on hold"), ("in-progress", "in progress"), ("unknown", "unknown")]
)
def test_an_unsettled_dose_is_told_by_its_status(story, status, words):
    reason = f"the dose record has status {words}, so a level cannot be assigned (rule D0)"
    assert reason in story().dose("3 10:00", None, status=status).level("10 12:00", "0.5").only().sentence
    assert reason in story().dose("3 10:00", None, status=status).only().sentence


def test_an_unsettled_dose_of_unknown_product_still_tells_its_status(story):
    sentence = story().dose("3 10:00", None, status="on-hold", product="unspecified-asparaginase").only().sentence
    assert "The dose record has status on hold, so a level cannot be assigned." in sentence
    assert "No policy is in force for this dose, so no verdict is given." in sentence


def test_no_policy_and_no_time_are_told_as_reasons(story, pegaspargase_only):
    assert "there is no policy for calaspargase pegol in this version (rule D0)" in (
        story(pegaspargase_only).dose(product="calaspargase").only().sentence
    )
    assert "the time of the dose is not known (rule D0)" in story().dose(None, None).only().sentence


def test_a_sample_during_an_infusion_is_told_for_both_doses(story):
    told = story().dose().dose("17 10:00", "17 12:00", **DOSE_2).level("17 11:00", "0.4")
    first, second = told.read("18 12:00").findings
    assert "the sample was collected during the administration of the dose of 2025-03-17 (rule D0)" in first.sentence
    assert "collected 2025-03-17T11:00Z, before the end (2025-03-17T12:00Z) of" in second.sentence
    assert "the sample was collected during the administration, or at its end (rule D0)" in second.sentence


def test_a_sample_on_the_day_of_two_doses_is_read_both_ways(story):
    told = story().dose().dose("17", None, **DOSE_2).level("17", "<0.03")
    for finding in told.read("18 12:00").findings:
        assert (
            "the order of sample and dose is not known (rule D0). "
            "If drawn before the dose of 2025-03-17: inadequate, suspected silent inactivation; "
            "if after: exposure indeterminate, mechanism not assessable."
        ) in finding.sentence


def test_a_sample_of_three_possible_doses_is_read_each_way(story):
    told = story().dose().dose("17", None, **DOSE_2).dose("17", None, **DOSE_3, product="crisantaspase")
    sentence = told.level("17", "<0.03").read("18 12:00").findings[0].sentence
    assert "If it belongs to the dose of 2025-03-03: inadequate, suspected silent inactivation; if it" in sentence


def test_a_date_only_dose_whose_readings_differ_says_why(story):
    sentence = story().dose("3", None).level("11 10:00", "0.06").only().sentence
    assert "a time is known by its date only, and the possible times lead to different readings (rule D0)" in sentence


def test_a_time_without_a_zone_whose_readings_differ_says_why(story):
    told = story().dose().level(iso_moment("2025-03-11T10:00:00"), "0.06")
    sentence = told.only().sentence
    assert "collected 2025-03-11T10:00 (zone not known), between 176 and 202 h after the end" in sentence
    assert "the possible times lead to different readings (rule D0)" in sentence


def test_a_missing_collection_time_says_why(story):
    sentence = story().dose().level(None, "0.05", reported="9 10:00").only().sentence
    assert "Asparaginase activity 0.05 IU/mL, collection time missing, at most 142 h after the end" in sentence
    assert "without a collection time the possible times lead to different readings (rule D0)" in sentence


def test_a_level_under_residual_of_another_family_says_why(story):
    told = story().dose(product="crisantaspase", route="IM").dose("5 10:00", "5 12:00", **DOSE_2)
    sentence = told.level("8 12:00", "0.5").read("9 12:00").findings[1].sentence
    assert "a dose of another family may still supply the activity (rule D0)" in sentence
    supply = "The dose of 2025-03-03 (crisantaspase 2500 IU/m2 IM) is of another family and may still supply"
    assert f"{supply} the activity; its product is counted as active for 7 days." in sentence


@pytest.mark.parametrize(
    ("letter", "value", "told"),
    [
        ("I", "pending", "A sample collected 2025-03-10T12:00Z, 168 h after the dose, is reported as pending."),
        (
            "F",
            None,
            "A sample collected 2025-03-10T12:00Z, 168 h after the dose, is reported as final without a value.",
        ),
        ("X", "TNP", 'after the dose, was cancelled by the laboratory (reported as "TNP").'),
        ("P", "0.5", "A sample collected 2025-03-10T12:00Z is reported as preliminary, so no verdict rests on it."),
    ],
)
def test_a_sample_without_a_usable_level_is_named_with_its_status(story, letter, value, told):
    assert told in sentence_after(story, value, letter=letter)


def test_without_any_sample_no_level_is_known(story):
    sentence = story().dose().only("4 12:00").sentence
    assert sentence.startswith(
        "No asparaginase activity level is known after the end (2025-03-03T12:00Z) of pegaspargase"
    )
    pending = story().dose().level("10 12:00", "pending", letter="I").only().sentence
    assert pending.startswith("No usable asparaginase activity level is known after the end (2025-03-03T12:00Z)")


@pytest.mark.parametrize("status", ["pending", "not-asked"])
def test_an_order_without_a_collection_lacks_no_collection_time(story, status):
    told = story().dose().level(None, "pending", letter="I", status=status, remarks=("sample-time-missing",))
    finding = told.only("16 12:00")
    assert (finding.modifiers, finding.priority) == (("first-dose",), "P2")
    assert "no collection is recorded." in finding.sentence
    assert "The collection time is missing." not in finding.sentence


def test_a_cancelled_sample_without_a_collection_time_lacks_it(story):
    finding = story().dose().level(None, "TNP", letter="X").only("16 12:00")
    assert "sample-time-missing" in finding.modifiers
    assert "A sample without a collection time was cancelled by the laboratory" in finding.sentence


def test_a_correction_is_told_with_both_values(story):
    told = story().dose().level("10 12:00", "0.03", key="LAB/1").level("10 12:00", "0.30", key="LAB/1", letter="C")
    finding = told.only()
    assert 'A result was corrected by the laboratory from "0.03 IU/mL" to "0.30 IU/mL".' in finding.sentence
    assert finding.evidence["samples"][0]["value_before_correction"] == {"text": "0.03", "unit": "IU/mL"}


def test_a_cancellation_tells_the_value_before_it(story):
    told = story().dose().level("10 12:00", "0.42", key="LAB/1", reported="10 20:00")
    told.level("10 12:00", "TNP", key="LAB/1", letter="X", reported="11 20:00")
    finding = told.only()
    assert finding.exposure == "no-result"
    assert 'The laboratory first sent "0.42 IU/mL", then cancelled the result.' in finding.sentence


def test_a_kept_activity_rests_on_the_level_that_reached_the_threshold(story):
    told = story().dose().reaction(grade=2).level("10 12:00", "0.5").level("17 08:00", "0.06")
    sentence = told.only().sentence
    assert "The verdict rests on the level at 168 h. The exposure is that of the level at 332 h." in sentence


def test_a_corrected_status_without_another_value_claims_no_change(story):
    told = story().dose().level("10 12:00", "0.30", key="LAB/1").level("10 12:00", "0.30", key="LAB/1", letter="C")
    finding = told.only()
    assert "corrected by the laboratory" not in finding.sentence
    assert "A result is marked as corrected; no other value is known for it." in finding.sentence
    assert "corrected" in finding.modifiers


def test_a_later_preliminary_version_leaves_the_final_result_and_is_noted(story):
    told = story().dose().level("10 12:00", "<0.03", key="LAB/1", reported="10 20:00")
    told.level("10 12:00", "0.5", key="LAB/1", letter="P", reported="11 20:00")
    finding = told.only()
    assert finding.mechanism == "suspected-silent-inactivation"
    assert finding.evidence["samples"][0]["later_unsettled_version"] is True


def test_a_comment_of_the_laboratory_is_shown_once_and_shortened(story):
    told = story().dose().level("10 12:00", "0.5", comment="Specimen\nlipemic.").level("11 08:00", "0.4", comment=" ")
    assert 'Laboratory comment: "Specimen lipemic".' in told.only().sentence
    long = story().dose().level("10 12:00", "0.5", comment="a" * 301).only().sentence
    assert f'Laboratory comment: "{"a" * 300}...".' in long
    assert long.count("Laboratory comment") == 1


def test_a_missing_level_after_a_reaction_is_what_the_policy_asks_for(story):
    sentence = story().dose().reaction(grade=2).only("4 12:00").sentence
    assert "no level is known, so whether activity was kept is open (rule D11)" in sentence


def test_a_next_dose_inside_the_window_closed_the_clock(story):
    told = story().dose().dose("8 10:00", "8 12:00", **DOSE_2)
    sentence = told.read("9 12:00").findings[0].sentence
    assert "no level is known, and the next dose is recorded before the sampling window closed (rule D20)" in sentence
    assert "The next dose of the family is recorded before a level settled the exposure of this dose." in sentence


def test_windows_that_passed_are_told_as_such(story):
    sentence = story().dose().only("25 12:00").sentence
    assert "no level is known and the sampling window has passed (rule D20)" in sentence
    assert (
        "No level that settles the exposure is known for this dose, and its sampling windows have passed." in sentence
    )


def test_a_complete_clock_beside_an_urgent_verdict_claims_no_end(story):
    urgent = story().dose().reaction(grade=2).level("10 12:00", "<0.03").only().sentence
    assert "No further level is due for this dose by the policy." in urgent
    assert "Monitoring of this dose is complete." not in urgent
    assert "Monitoring of this dose is complete." in sentence_after(story, "0.5")


@pytest.mark.parametrize(
    ("parts", "value", "told"),
    [
        ({}, None, "The dose of 2025-03-17 has no level that answers this."),
        ({}, "0.5", "The dose of 2025-03-17 reached the threshold, so the suspicion was not confirmed on it."),
        ({}, "<0.03", "It was confirmed on the dose of 2025-03-17."),
        ({"status": "stopped", "amount": None}, "<0.03", "The dose of 2025-03-17 has no level that answers this."),
    ],
)
def test_a_suspicion_names_what_the_next_dose_said(story, parts, value, told):
    tale = story().dose().level("10 12:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2, **parts)
    tale = tale.level("24 12:00", value) if value else tale
    assert told in tale.read("25 12:00").findings[0].sentence


def test_a_next_dose_with_a_reading_of_its_own_is_told_in_words(story):
    tale = story().dose().level("10 12:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2).level("31 08:00", "0.06")
    sentence = tale.read("2025-04-02T12:00Z").findings[0].sentence
    assert "The dose of 2025-03-17 has a level of its own, read as below target, not inactivation." in sentence


@pytest.mark.parametrize("value", [None, "0.5"])
def test_a_next_dose_beyond_17_weeks_says_so(story, value):
    tale = story().dose().level("10 12:00", "<0.03")
    tale.dose("2025-07-21T10:00Z", "2025-07-21T12:00Z", **DOSE_2)
    tale = tale.level("2025-07-28T12:00Z", value) if value else tale
    assert "given over 17 weeks later" in tale.read("2025-07-29T12:00Z").findings[0].sentence


@pytest.mark.parametrize("reacted", [True, False])
def test_after_a_death_no_sample_is_awaited_and_history_stays(story, reacted):
    told = story().dose()
    told = told.reaction(grade=2) if reacted else told.level("10 12:00", "<0.03")
    told.records.append(
        PatientRecord(source="ehr", reference="Patient/1", patient="https://hospital.example/mrn|4711", deceased=True)
    )
    finding = told.only("16 12:00")
    assert (finding.monitoring, finding.next_check, finding.priority) == (None, None, "P1")
    assert finding.mechanism == ("reaction-unresolved" if reacted else "suspected-silent-inactivation")
    assert "The patient is recorded as deceased; no further sample is awaited." in finding.sentence
    for claim in ("is awaited, on", "A second independent sample is needed", "before a further dose"):
        assert claim not in finding.sentence


def test_a_sample_at_the_start_of_the_next_dose_is_the_trough_of_the_dose_before(story):
    told = story().dose().dose("17 10:00", "17 12:00", **DOSE_2).level("17 10:00", "0.22")
    first, second = told.read("18 12:00").findings
    assert (first.exposure, first.rules, first.samples[0].hours_since_dose) == ("adequate", ("D16", "D16"), "334")
    assert (second.exposure, second.samples) == ("no-result", ())


def test_a_sample_at_the_start_of_the_only_dose_stays_with_it(story):
    finding = story().dose().level("3 10:00", "0.22").only("4 12:00")
    assert (finding.exposure, finding.rules) == ("indeterminate", ("D0", "D0"))


def test_an_unlinked_sample_names_the_records_near_it(story):
    told = story().dose(status="not-done").level("10 12:00", "0.3")
    told.dose("12 10:00", "12 12:00", **DOSE_2).dose("2025-01-02T10:00Z", None, **DOSE_3)
    (finding,) = told.read().unlinked
    assert finding.sentence == (
        "Asparaginase activity 0.3 IU/mL, collected 2025-03-10T12:00Z. "
        "No asparaginase dose is known in the 42 days before the sample, so it cannot be assessed. "
        "A dose record of 2025-03-03 has status not done. "
        "The last dose before it, pegaspargase 2500 IU/m2 IV, began on 2025-01-02. "
        "The next known dose, pegaspargase 2500 IU/m2 IV, began after the sample, on 2025-03-12. "
        "A dose record with an earlier time, or another patient assignment, would lead to a new reading."
    )


def test_an_unlinked_sample_without_a_level_or_a_time_says_so(story):
    told = story().dose(None, None).level(None, "TNP", letter="X", version=Version(number=1))
    (finding,) = told.read().unlinked
    assert 'A sample without a collection time was cancelled by the laboratory (reported as "TNP").' in finding.sentence
    assert "Without any time of the sample no dose can be assigned to it." in finding.sentence
    assert "A dose record without a time is known." in finding.sentence


@pytest.mark.parametrize(
    ("value", "letter", "told"),
    [
        ("0.3", "P", "Asparaginase activity 0.3 IU/mL, reported as preliminary, collected 2025-03-10T12:00Z."),
        (None, "F", "A sample collected 2025-03-10T12:00Z is reported as final without a value."),
    ],
)
def test_an_unlinked_sample_is_told_with_its_status_and_always_checked(story, value, letter, told):
    (finding,) = story().level("10 12:00", value, letter=letter).read().unlinked
    assert (told in finding.sentence, finding.priority) == (True, "P2")


@pytest.mark.parametrize(
    ("told", "priority"),
    [
        (lambda tale: tale, "P2"),
        (lambda tale: tale.reaction("9 12:00", grade=2), "P1"),
        (lambda tale: tale.reaction("9 12:00", concepts=("nausea",)), "P2"),
        (lambda tale: tale.dose("12 10:00", "12 12:00").reaction("12 11:00", grade=2), "P1"),
        (lambda tale: tale.dose("12 10:00", "12 12:00").reaction("12 11:00").level("19 12:00", "0.5"), "P2"),
    ],
)
def test_an_unlinked_sample_is_most_urgent_while_a_reaction_waits_for_a_level(story, told, priority):
    (finding,) = told(story().level("10 12:00", "<0.03")).read("20 12:00").unlinked
    assert finding.priority == priority


@pytest.mark.parametrize(
    ("product", "unit", "told"),
    [
        ("recombinant-crisantaspase", "mg/m2", None),
        ("recombinant-crisantaspase", "mg", None),
        (
            "recombinant-crisantaspase",
            "[IU]/m2",
            "recorded in IU/m2, while recombinant crisantaspase is given in mg/m2",
        ),
        ("crisantaspase", "mg/m2", "recorded in mg/m2, while crisantaspase is given in IU/m2"),
        ("crisantaspase", "[IU]", None),
        ("crisantaspase", "mL", None),
        ("crisantaspase", None, None),
    ],
)
def test_a_mass_of_a_product_given_in_units_is_told_and_the_reverse(story, product, unit, told):
    sentence = story().dose(product=product, unit=unit).only().sentence
    assert ("product or unit need a check" in sentence) is (told is not None)
    assert told is None or told in sentence


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"severity": "severe"}, "grade 3 or more (from the severity)"),
        ({"concepts": ("anaphylaxis",)}, "grade 3 or more (from the manifestation)"),
        ({"grade": 3}, "grade 3 (as sent)"),
        ({"severity": "moderate"}, "grade 2 (from the severity)"),
    ],
)
def test_a_derived_severe_grade_is_a_least_grade(story, parts, told):
    assert told in story().dose().reaction(**parts).only().sentence


def test_a_severe_reaction_with_kept_activity_leaves_the_decision_to_the_team_whatever_the_policy_quotes(story):
    told = story().dose(product="native-ecoli").reaction(grade=3).level("6 12:00", "0.5")
    assert told.only().mechanism == "severe-reaction-activity-preserved"
    assert "The clinical decision rests with the treating team." in told.only().sentence


def test_a_severe_record_beside_the_dose_is_what_would_change_the_reading(story):
    told = story().dose().reaction(None, severity="severe", concepts=("anaphylaxis",)).level("10 12:00", "0.5")
    first = told.only().evidence["would_change"][0]
    assert first["if"] == "the severe reaction recorded beside it were linked to the dose"
    assert (first["rule"], first["mechanism"]) == ("D8", "severe-reaction-activity-preserved")
