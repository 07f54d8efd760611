"""Which reaction belongs to which dose, how severe it is, and which drugs could hide one (rulings 19 to 21)."""

from __future__ import annotations

import pytest

from adapter.domain.events import Coding

DOSE_2 = {"key": "MedicationAdministration/d2"}


@pytest.mark.parametrize(
    ("onset", "linked"), [("3 09:59", False), ("3 10:00", True), ("6 12:00", True), ("6 12:01", False)]
)
def test_a_reaction_belongs_to_a_dose_from_its_start_to_72_hours_after_its_end(story, onset, linked):
    reading = story().dose().reaction(onset, grade=2).read()
    assert (len(reading.findings[0].reactions), reading.problems) == (
        (1, ()) if linked else (0, ("reaction-unlinked",))
    )
    assert reading.findings[0].mechanism == ("reaction-unresolved" if linked else "not-assessable")


def test_a_reaction_without_any_time_is_unlinked(story):
    assert story().dose().reaction(None, grade=2).read().problems == ("reaction-unlinked",)


def test_a_reaction_belongs_to_the_latest_dose_begun_before_it(story):
    told = story().dose().dose("5 10:00", "5 12:00", **DOSE_2).reaction("5 10:30", grade=2)
    assert [len(finding.reactions) for finding in told.read().findings] == [0, 1]


@pytest.mark.parametrize(
    ("coded", "told_as"),
    [
        ("crisantaspase", "coded for crisantaspase, "),
        ("recombinant-crisantaspase", "coded for recombinant crisantaspase, "),
        ("calaspargase", ""),
        ("unspecified-asparaginase", ""),
        (None, ""),
    ],
)
def test_a_reaction_belongs_to_the_dose_before_it_whatever_product_it_is_coded_for(story, coded, told_as):
    reading = story().dose().reaction("3 11:00", grade=2, product=coded).level("10 12:00", "<0.03").read()
    (finding,) = reading.findings
    assert (reading.problems, finding.mechanism) == ((), "neutralizing-hypersensitivity")
    assert f"urticaria, grade 2 (as sent), {told_as}confirmed, 1 h after the start." in finding.sentence
    assert finding.evidence["reactions"][0]["coded_for"] == ([coded] if coded else [])


def test_a_reaction_dated_by_its_recording_is_unconfirmed(story):
    told = story().dose().reaction("4", grade=2, occurred_from="recordedDate").level("10 12:00", "<0.03")
    finding = told.only()
    assert (finding.rules, finding.mechanism) == (("D4a", "D4a"), "neutralizing-hypersensitivity")
    assert "reaction-unconfirmed" in finding.modifiers
    assert finding.reactions[0].hours_after_start is None


@pytest.mark.parametrize(
    ("parts", "grade", "grade_from", "severe", "mapped"),
    [
        ({"grade": 1}, 1, "explicit", False, False),
        ({"grade": 2, "severity": "severe"}, 2, "explicit", True, False),
        ({"grade": 3}, 3, "explicit", True, False),
        ({"severity": "mild"}, 1, "severity", False, True),
        ({"severity": "moderate"}, 2, "severity", False, True),
        ({"severity": "severe"}, 3, "severity", True, True),
        ({"concepts": ("anaphylaxis",)}, 3, "manifestation", True, True),
        ({"concepts": ("hypotension",), "grade": 1}, 1, "explicit", True, False),
        ({"concepts": ("laryngeal-oedema",), "severity": "mild"}, 1, "severity", True, True),
        ({"text": "Urticaria. Adrenaline was given."}, 3, "text", True, True),
        ({"text": "Urticaria, no adrenaline."}, None, None, False, False),
        ({"text": "Adrenaline given.", "severity": "moderate"}, 2, "severity", True, True),
        ({"concepts": ("urticaria",)}, None, None, False, False),
    ],
)
def test_the_grade_is_explicit_then_from_severity_then_from_the_manifestation(
    story, parts, grade, grade_from, severe, mapped
):
    finding = story().dose().reaction(**parts).level("10 12:00", "0.5").only()
    (reaction,) = finding.reactions
    assert (reaction.grade, reaction.grade_from, reaction.severe, reaction.counts) == (grade, grade_from, severe, True)
    assert ("grade-mapped" in finding.modifiers) is mapped
    assert finding.mechanism == ("severe-reaction-activity-preserved" if severe else "reaction-activity-preserved")
    assert finding.priority == ("P1" if severe else "P2")


@pytest.mark.parametrize(
    ("concepts", "manifestations", "counts"),
    [
        (("nausea", "vomiting"), (Coding(code="1"), Coding(code="2")), False),
        (("headache",), (Coding(code="1"),), False),
        (("nausea", "urticaria"), (Coding(code="1"), Coding(code="2")), True),
        (("nausea",), (Coding(code="1"), Coding(code="2", text="something else")), True),
        ((), (), True),
    ],
)
def test_nausea_vomiting_headache_or_somnolence_alone_is_a_note(story, concepts, manifestations, counts):
    told = story().dose().reaction(grade=3, concepts=concepts, manifestations=manifestations)
    finding = told.level("10 12:00", "<0.03").only()
    assert [reaction.counts for reaction in finding.reactions] == [counts]
    assert finding.mechanism == ("neutralizing-hypersensitivity" if counts else "suspected-silent-inactivation")


@pytest.mark.parametrize(("second", "events"), [("3 11:20", 1), ("3 11:21", 2)])
def test_two_records_within_an_hour_are_one_event_of_the_higher_grade(story, second, events):
    told = story().dose().reaction("3 10:20", grade=1).reaction(second, grade=2, record="AllergyIntolerance/a2")
    reactions = told.only().reactions
    assert len(reactions) == events
    assert max(reaction.grade for reaction in reactions) == 2
    if events == 1:
        assert reactions[0].key == "AllergyIntolerance/a1/1"
        assert reactions[0].records == ("ehr|AllergyIntolerance/a1/1", "ehr|AllergyIntolerance/a2/1")


def test_one_confirmed_record_confirms_the_event(story):
    told = story().dose().reaction("3 10:20", grade=2, verification="unconfirmed")
    told.reaction("3 10:40", grade=2, record="AllergyIntolerance/a2")
    finding = told.level("10 12:00", "<0.03").only()
    assert (finding.reactions[0].verification, finding.rules) == ("confirmed", ("D4", "D4"))


def test_a_severe_reaction_is_urgent_beside_any_verdict(story):
    finding = story().dose().reaction(grade=4).level("10 12:00", "0.9").only()
    assert (finding.exposure, finding.priority) == ("adequate", "P1")


@pytest.mark.parametrize(
    ("role", "started", "found"),
    [
        ("h1-antihistamine", "3 04:00", True),
        ("h1-antihistamine", "3 03:59", False),
        ("h2-antihistamine", "3 04:00", True),
        ("h2-antihistamine", "3 09:59", True),
        ("h2-antihistamine", "3 10:00", True),
        ("h2-antihistamine", "2025-03-03T10:00:01Z", False),
        ("corticosteroid", "2 10:00", True),
        ("corticosteroid", "2 09:59", False),
        ("corticosteroid", "3 10:20", False),
        ("leukaemia-steroid", "2 10:00", True),
        ("leukaemia-steroid", "2 09:59", False),
        ("corticosteroid", None, False),
    ],
)
def test_a_drug_counts_inside_its_window_before_the_start(story, role, started, found):
    finding = story().dose().drug(started, role).only("4 12:00")
    steroid = role == "leukaemia-steroid"
    assert [drug.role for drug in finding.premedication] == ([role] if found else [])
    assert ("premedicated" in finding.modifiers) is (found and not steroid)
    assert ("systemic-steroid" in finding.modifiers) is (found and steroid)


@pytest.mark.parametrize("status", ["not-done", "on-hold"])
def test_a_drug_not_given_is_none(story, status):
    assert story().dose().drug(status=status).only("4 12:00").premedication == ()


def test_a_steroid_over_a_period_reaches_into_the_window(story, moment_at):
    told = story().dose().drug("1 08:00", "leukaemia-steroid", ended=moment_at("20 08:00"))
    assert told.only("4 12:00").modifiers == ("systemic-steroid", "first-dose")


def test_both_modifiers_may_stand(story):
    told = story().dose().drug("3 09:00", "leukaemia-steroid").drug("3 09:30", medication=Coding(code="X", text="Drug"))
    finding = told.only("4 12:00")
    assert finding.modifiers == ("premedicated", "systemic-steroid", "first-dose")
    assert finding.premedication[1].drug == "Drug"


def test_a_dose_without_a_time_has_no_premedication(story):
    assert story().dose(None, None).drug().only("4 12:00").premedication == ()


@pytest.mark.parametrize(("onset", "linked"), [("6 10:00", True), ("6 10:01", False)])
def test_a_dose_never_closed_does_not_collect_reactions_for_ever(story, onset, linked):
    reading = story().dose("3 10:00", None, status="in-progress").reaction(onset, grade=2).read()
    assert bool(reading.findings[0].reactions) is linked


def test_a_product_without_a_policy_still_links_reactions_drugs_and_implausible_numbers(story):
    told = story().dose(product="unspecified-asparaginase").drug("3 09:30").level("10 12:00", "5.1")
    finding = told.reaction("6 12:00", severity="severe", product="unspecified-asparaginase").only()
    assert finding.modifiers == ("premedicated", "unit-suspect", "grade-mapped", "product-ambiguous", "first-dose")
    assert (finding.reactions[0].severe, finding.priority) == (True, "P1")


def test_times_at_the_ends_of_the_calendar_are_read_without_failing(story):
    told = story().dose("9999-12-30T10:00Z", None).reaction("9999-12-30T11:00Z", grade=2)
    told.dose("0001-01-02T10:00Z", None, key="MedicationAdministration/d0").drug("0001-01-02T09:00Z")
    first, last = told.read("18 12:00").findings
    assert (first.monitoring, last.monitoring) == (None, "not-due")
    assert (len(first.premedication), len(last.reactions)) == (1, 1)


def test_a_reaction_known_by_its_date_only_never_claims_an_order(story):
    finding = story().dose().reaction("3", grade=2).level("10 12:00", "<0.03").only()
    assert (finding.mechanism, finding.modifiers) == ("neutralizing-hypersensitivity", ("date-only", "first-dose"))
    assert (
        "confirmed, on 2025-03-03, on the same day as the dose, order of reaction and dose not known."
        in finding.sentence
    )


def test_a_reaction_known_by_its_month_only_claims_no_day(story):
    sentence = story().dose().reaction("2025-03", grade=2).level("10 12:00", "0.5").only().sentence
    assert "confirmed, on 2025-03, order of reaction and dose not known." in sentence


def test_a_reaction_dated_the_day_after_the_dose_has_an_order(story):
    sentence = story().dose().reaction("4", grade=2).only("5 12:00").sentence
    assert "urticaria, grade 2 (as sent), confirmed, on 2025-03-04. " in sentence


def test_a_reaction_whose_date_fits_two_doses_is_told_with_both(story):
    told = story().dose().dose("5 10:00", "5 12:00", **DOSE_2).reaction("5", grade=2)
    first, second = told.read("6 12:00").findings
    assert (len(first.reactions), len(second.reactions)) == (0, 1)
    assert (
        "A reaction record (urticaria, grade 2, 2025-03-05) is linked to the dose of 2025-03-05 "
        "and could belong to this dose."
    ) in first.sentence
    assert "By its date it could also belong to the dose of 2025-03-03." in second.sentence


def test_a_note_of_nausea_known_by_its_date_decides_nothing(story):
    assert story().dose().reaction("3", concepts=("nausea",)).only("4 12:00").modifiers == ("first-dose",)


def test_a_recording_date_is_told_as_one(story):
    sentence = story().dose().reaction("4 09:00", grade=2, occurred_from="recordedDate").only("5 12:00").sentence
    assert "confirmed, recorded 23 h after the start; time of the event not known." in sentence


def test_a_severe_reaction_says_why_it_counts_as_severe(story):
    told = story().dose().reaction(grade=2, concepts=("bronchospasm",), text="Adrenaline given.")
    assert "It is counted as severe because of the manifestation and adrenaline named in the text." in (
        told.only("4 12:00").sentence
    )


@pytest.mark.parametrize(
    ("recorder", "by"), [("Practitioner/7", "recorded by Practitioner/7"), (None, "by whom is not recorded")]
)
def test_a_refuted_allergy_keeps_its_event_and_says_who_refuted_it(story, recorder, by):
    sentence = story().dose().reaction(grade=2, verification="refuted", recorder=recorder).only("4 12:00").sentence
    assert f"urticaria, grade 2 (as sent), allergy refuted ({by}); the event is kept, 0.33 h after" in sentence


def test_who_refuted_an_event_is_not_who_confirmed_it(story):
    told = story().dose().reaction(grade=2, recorder="Practitioner/1", verification="unconfirmed")
    told.reaction(record="AllergyIntolerance/a2", grade=2, recorder="Practitioner/2", verification="refuted")
    assert "unconfirmed, 0.33 h after the start." in told.only("4 12:00").sentence


def test_a_dose_after_an_earlier_reaction_of_its_family_says_so(story):
    told = story().dose().reaction(concepts=("anaphylaxis",), manifestations=()).level("10 12:00", "0.5")
    told.dose("17 10:00", "17 12:00", **DOSE_2)
    told.dose("20 10:00", "20 12:00", key="MedicationAdministration/d3", product="crisantaspase")
    first, second, erwinia = told.read("21 12:00").findings
    earlier = "Reaction after an earlier dose: anaphylaxis, grade 3 or more, dose of 2025-03-03."
    assert [earlier in f.sentence for f in (first, second, erwinia)] == [False, True, False]


def test_a_note_after_an_earlier_dose_is_no_earlier_reaction(story):
    told = story().dose().reaction(concepts=("nausea",)).dose("17 10:00", "17 12:00", **DOSE_2)
    assert "Reaction after an earlier dose" not in told.read("18 12:00").findings[1].sentence


@pytest.mark.parametrize(("started", "told_before"), [("3 09:30", True), ("3 10:00", True), ("3", False)])
def test_premedication_is_told_as_before_the_dose_only_where_times_show_it(story, started, told_before):
    told = story().dose().drug(started, medication=Coding(code="X", text="Cetirizine")).level("10 12:00", "<0.03")
    sentence = told.only().sentence
    assert ("Premedication before the start: Cetirizine 2025-03-03T" in sentence) is told_before
    assert ("order of drug and dose not known: Cetirizine 2025-03-03." in sentence) is not told_before
    assert ("the dose was premedicated with Cetirizine, so a masked reaction" in sentence) is told_before
    assert ("Cetirizine can hide symptoms, so a masked reaction" in sentence) is not told_before


def test_a_leukaemia_steroid_beside_a_suspicion_is_named(story):
    told = story().dose().drug("3 08:00", "leukaemia-steroid", medication=Coding(code="X", text="Dexamethasone"))
    sentence = told.level("10 12:00", "<0.03").only().sentence
    assert (
        "Given as leukaemia treatment: Dexamethasone 2025-03-03T08:00Z. Loss of activity without a linked reaction; "
        "Dexamethasone can hide symptoms, so a masked reaction cannot be told from a silent one."
    ) in sentence
    assert "No premedication is recorded in the 6 h (antihistamine) or 24 h (steroid) before the start." in sentence


def test_drugs_without_a_name_are_told_by_their_role(story):
    told = story().dose().drug("3 08:00", "corticosteroid").drug("3 09:00", "h1-antihistamine")
    told.drug("3 09:10", "h2-antihistamine")
    assert "premedicated with corticosteroid, H1 antihistamine and H2 antihistamine, so" in (
        told.level("10 12:00", "<0.03").only().sentence
    )
