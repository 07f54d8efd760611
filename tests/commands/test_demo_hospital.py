"""The synthetic hospital day: the same for the same seed, with the promised shares, and every byte as intended."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import hl7
import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.commands.demo_cast_open import NOTHING_TO_CONCLUDE
from adapter.commands.demo_faults import STRAY_TEXT
from adapter.commands.demo_feed import dose_end
from adapter.commands.demo_hospital import CAST, build_day, patient_resources
from adapter.commands.demo_oru import Order, Person, Row, oru
from adapter.commands.demo_story import Dose
from adapter.domain.findings import EXPOSURES, MECHANISMS, MONITORING

NOW = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)
DAY = build_day(7, now=NOW)
TOPICS = {
    "inactivation": "P1",
    "neutralizing-hypersensitivity": "P1",
    "severe-reaction": "P1",
    "reaction-unresolved": "P1",
    "reaction-activity-preserved": "P2",
    "below-target": "P2",
    "data-check": "P2",
    "re-exposure": "P1",
    "conclusion-reversed": "P1",
}


def test_the_same_seed_gives_the_same_day():
    assert build_day(7, now=NOW) == DAY


def test_another_seed_gives_another_feed_with_the_same_expectation_of_answers():
    other = build_day(8, now=NOW)
    assert [message.raw for message in other.oru] != [message.raw for message in DAY.oru]
    assert (other.expected.aa, other.expected.ae) == (DAY.expected.aa, DAY.expected.ae)


def test_a_day_has_two_thousand_messages_and_four_in_a_hundred_matter():
    expected = DAY.expected
    assert len(DAY.oru) == expected.received == 2000
    assert expected.aa + expected.ae == 2000
    assert 0.03 <= expected.asparaginase / expected.received <= 0.05
    unreadable = sum(message.about == "unreadable" for message in DAY.oru)
    assert expected.asparaginase + expected.near_misses + expected.irrelevant + unreadable == 2000


def test_the_counts_of_the_default_day():
    expected = DAY.expected
    assert (expected.ae, expected.near_misses, expected.parked) == (10, 2, 4)
    assert expected.earliest_dose == date(2026, 2, 17)


@pytest.mark.parametrize("messages", [1500, 2000, 5000])
def test_the_share_holds_for_other_sizes(messages):
    expected = build_day(1, messages, now=NOW).expected
    assert 0.03 <= expected.asparaginase / expected.received <= 0.05


def test_a_day_too_small_for_its_script_is_refused():
    with pytest.raises(ValueError, match="needs at least"):
        build_day(7, 10, now=NOW)


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        build_day(7, now=datetime(2026, 3, 20, 15, 0))  # noqa: DTZ001 - the fault under test


def test_every_mechanism_but_none_is_on_stage():
    staged = {verdict.mechanism for story in CAST for verdict in story.verdicts}
    assert staged >= set(MECHANISMS)


def test_every_exposure_that_needs_no_band_is_on_stage():
    staged = {verdict.exposure for story in CAST for verdict in story.verdicts}
    assert staged == set(EXPOSURES) - {"above-band"}


def test_verdicts_use_the_product_vocabulary():
    for story in CAST:
        for verdict in story.verdicts:
            assert verdict.exposure in EXPOSURES
            assert verdict.mechanism in (None, *MECHANISMS)
            assert verdict.monitoring in (None, *MONITORING)


def test_a_story_has_one_verdict_per_dose_and_per_level_without_dose():
    for story in CAST:
        assert len(story.verdicts) == len(story.doses) + len(story.levels_without_dose), story.slug


def test_flags_carry_the_priority_of_their_topic():
    for story in CAST:
        for flag in story.flags:
            assert flag.topic in {*TOPICS, "tdm-overdue"}
            assert flag.priority == TOPICS.get(flag.topic, flag.priority)


def test_every_topic_is_on_stage():
    assert {flag.topic for story in CAST for flag in story.flags} == {*TOPICS, "tdm-overdue"}


def test_stories_have_names_of_their_own():
    assert len({story.slug for story in CAST}) == len(CAST)
    assert len({patient.name for patient in DAY.expected.patients}) == len(DAY.expected.patients)


@given(hour=st.integers(0, 23), minute=st.integers(0, 59))
@settings(max_examples=30, deadline=None)
def test_at_any_hour_every_report_lies_in_the_past(hour, minute):
    now = NOW.replace(hour=hour, minute=minute)
    for story in CAST:
        for dose in story.doses:
            for level in dose.levels:
                reported = dose_end(now, dose) + timedelta(hours=level.hours + level.reported_after_h)
                assert reported < now, story.slug


@given(hour=st.integers(0, 23), minute=st.integers(0, 59))
@settings(max_examples=30, deadline=None)
def test_at_any_hour_an_overdue_sample_is_overdue_and_not_yet_missed(hour, minute):
    now = NOW.replace(hour=hour, minute=minute)
    for story in CAST:
        for dose, verdict in zip(story.doses, story.verdicts, strict=False):
            elapsed_h = (now - dose_end(now, dose)).total_seconds() / 3600
            match verdict.monitoring:
                case "sample-overdue":
                    assert 192 < elapsed_h < 360, story.slug
                case "not-due":
                    assert elapsed_h < 144, story.slug
                case "due":
                    assert 144 <= elapsed_h <= 192, story.slug
                case "missed":
                    assert (dose.drug, elapsed_h > 78) == ("CRISAN", True), story.slug
                case "result-overdue":
                    assert elapsed_h - dose.levels[-1].hours > 120, story.slug
                case _:
                    assert verdict.monitoring in (None, "complete", "confirmation-due")


def test_the_clock_of_a_dose_starts_at_its_end_in_whatever_zone_now_is_told():
    dose = Dose(days_ago=7)
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))
    assert dose_end(tokyo, dose) == dose_end(NOW, dose) == datetime(2026, 3, 13, 12, 0, tzinfo=UTC)


@pytest.mark.slow
def test_python_hl7_parses_every_well_formed_message():
    kinds: Counter[str] = Counter()
    for message in DAY.oru:
        if message.raw == STRAY_TEXT:
            continue
        parsed = hl7.parse(message.raw.decode("latin-1").replace("\n", "\r"))
        assert str(parsed.segment("MSH")[10]) == message.control_id
        assert str(parsed.segment("PID")[5]).startswith("ZZDEMO^")
        kinds[str(parsed.segment("MSH")[9])] += 1
    assert kinds == {"ORU^R01^ORU_R01": 1998, "ORU^R01": 1}


def test_only_messages_about_asparaginase_hold_the_mapped_code():
    for message in DAY.oru:
        assert (b"|ASPACT^" in message.raw) == (message.about == "asparaginase")


def test_look_alikes_are_in_the_everyday_feed():
    everyday = b"".join(message.raw for message in DAY.oru if message.about == "everyday")
    for code in (b"20638-3^Asparagine^LN", b"7099-5^Asparagus IgE Ab^LN", b"1920-8^Aspartate aminotransferase^LN"):
        assert code in everyday


def test_repeats_come_with_the_same_bytes_and_with_a_new_control_id():
    copies = Counter(message.raw for message in DAY.oru)
    assert sorted(copies.values(), reverse=True)[:3] == [2, 2, 1]
    resent = [message for message in DAY.oru if message.control_id.endswith("R")]
    assert [message.raw.replace(b"-1R|", b"-1|") in copies for message in resent] == [True]


def test_messages_of_one_patient_keep_the_order_of_the_script():
    corrected = next(p for p in DAY.expected.patients if p.slug == "corrected").patient.split("|")[1]
    theirs = [message.control_id for message in DAY.oru if message.patient == corrected]
    assert theirs == [f"{corrected}-1", f"{corrected}-2"]


PERSON = Person(mrn="900001", given_name="ASTER", born="20180504", sex="F")
ORDER = Order(
    service="ASPACT^Asparaginase activity^L",
    filler="F1",
    collected=NOW,
    reported=NOW + timedelta(hours=20),
    rows=(Row(test="ASPACT^Asparaginase activity^L", value="0.62", unit="IU/mL", reference_range=">=0.10"),),
)
PLAIN = (
    b"MSH|^~\\&|DEMOLAB|HOSP|TROUGHLINE|HOSP|20260321111500+0000||ORU^R01^ORU_R01|A1|P|2.5.1\r"
    b"PID|1||900001^^^HOSP^MR||ZZDEMO^ASTER||20180504|F\r"
    b"OBR|1|PF1|F1^DEMOLAB|ASPACT^Asparaginase activity^L|||20260320150000+0000|||||||||||||||20260321110000+0000|||F\r"
    b"OBX|1|NM|ASPACT^Asparaginase activity^L||0.62|IU/mL|>=0.10||||F\r"
    b"SPM|1|SF1||SER^Serum^HL70487|||||||||||||20260320150000+0000\r"
)


def shaped(shape):
    return oru(control_id="A1", sent=NOW + timedelta(hours=20.25), person=PERSON, order=ORDER, shape=shape)


def test_a_plain_message_is_written_as_the_standard_has_it():
    assert shaped("plain") == PLAIN


def test_shapes_change_the_writing_and_nothing_else():
    assert shaped("lf-line-ends") == PLAIN.replace(b"\r", b"\n")
    assert shaped("five-encoding-characters") == PLAIN.replace(b"|^~\\&|", b"|^~\\&#|")
    assert shaped("latin-1") == PLAIN.replace(b"ASTER", b"ZO\xcb").replace(b"2.5.1\r", b"2.5.1||||||8859/1\r")
    assert shaped("latin-1-undeclared") == PLAIN.replace(b"ASTER", b"ZO\xcb")


def test_a_specimen_may_stand_before_its_result():
    first, *_ = (segment.split(b"|")[0] for segment in shaped("specimen-first").split(b"\r")[3:])
    assert first == b"SPM"
    assert sorted(shaped("specimen-first").split(b"\r")) == sorted(PLAIN.split(b"\r"))


def test_version_2_3_has_no_specimen_segment():
    parsed = hl7.parse(shaped("version-2.3").decode())
    assert [str(segment[0]) for segment in parsed] == ["MSH", "PID", "OBR", "OBX"]
    assert str(parsed.segment("OBR")[15]) == "SER"


def test_every_resource_is_valid_fhir_r4():
    bodies = [resource.body for resource in DAY.resources]
    for body in (*patient_resources(DAY), *bodies):
        get_fhir_model_class(body["resourceType"]).model_validate_json(json.dumps(body))


def test_every_subject_is_one_of_the_patients():
    known = {f"Patient/{body['id']}" for body in patient_resources(DAY)}
    for resource in DAY.resources:
        subject = resource.body.get("subject") or resource.body["patient"]
        assert subject["reference"] in known


def test_late_records_come_after_every_early_one_and_some_come_twice():
    late = [resource.after_feed for resource in DAY.resources]
    assert late == sorted(late)
    assert sum(late) == 2
    copies = Counter(json.dumps(resource.body, sort_keys=True) for resource in DAY.resources)
    assert sum(count == 2 for count in copies.values()) == 4
    assert max(copies.values()) == 2


def test_the_retracted_allergy_follows_its_record():
    retracted = [r.body for r in DAY.resources if r.body["id"].endswith("allergy-1") and r.after_feed]
    (version_two,) = retracted
    assert version_two["meta"]["versionId"] == "2"
    assert "clinicalStatus" not in version_two


def test_samples_are_counted_once_per_specimen():
    fillers = {
        message.raw.split(b"OBR|1|")[1].split(b"|")[1]
        for message in DAY.oru
        if message.about == "asparaginase" and not message.parked
    }
    assert len(fillers) == DAY.expected.samples


def test_a_premedicated_dose_without_a_level_is_on_stage():
    story = next(story for story in NOTHING_TO_CONCLUDE if story.slug == "premedicated-without-level")
    assert {drug.drug for drug in story.doses[0].premedication} == {"HYDROC", "CHLORPH"}
    assert story.doses[0].levels == ()
