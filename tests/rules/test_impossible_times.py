"""Times that cannot be true are told in the sentence; no verdict is thrown away, and nothing raises."""

from __future__ import annotations

import pytest

from adapter.domain.events import PatientRecord, Version
from adapter.domain.times import iso_moment
from adapter.rules.words_of_oddities import (
    DOSE_AFTER_RECORD,
    DOSE_BEFORE_BIRTH,
    SAMPLE_AFTER_REPORT,
    SAMPLE_BEFORE_BIRTH,
)

PATIENT = "https://hospital.example/mrn|4711"


def born(story, day, *, patient=PATIENT, reference="Patient/p1"):
    record = PatientRecord(source="ehr", reference=reference, patient=patient, born=iso_moment(day))
    story.records.append(record)
    return story


@pytest.mark.parametrize(
    ("changed", "told"), [("2025-03-03T09:59:59Z", True), ("2025-03-03T10:00:00Z", False), ("2025-03-02", True)]
)
def test_a_dose_recorded_before_it_was_given(story, moment_at, changed, told):
    version = Version(number=1, updated=moment_at(changed))
    assert (DOSE_AFTER_RECORD in story().dose(version=version).only().sentence) is told


@pytest.mark.parametrize(("reported", "told"), [("10 11:29", True), ("10 11:30", False)])
def test_a_sample_collected_after_its_report(story, reported, told):
    finding = story().dose().level("10 11:30", "0.5", reported=reported).only()
    assert (SAMPLE_AFTER_REPORT in finding.sentence) is told
    assert (finding.exposure, finding.mechanism) == ("adequate", "no-evidence-of-inactivation")


@pytest.mark.parametrize(("day", "told"), [("2025-03-03", False), ("2025-03-04", True), ("2025-03-05", True)])
def test_a_dose_before_the_birth_of_the_patient(story, day, told):
    # A date of birth without a zone may begin up to 14 hours earlier somewhere; only what is certain is told.
    sentence = born(story().dose("3 08:00", "3 09:00"), day).only().sentence
    assert (DOSE_BEFORE_BIRTH in sentence) is told


def test_a_sample_before_the_birth_of_the_patient_with_and_without_a_dose(story):
    assert SAMPLE_BEFORE_BIRTH in born(story().dose().level("10 11:30", "0.5"), "2025-03-12").only().sentence
    (unlinked,) = born(story().level("10 11:30", "0.5"), "2025-03-12").read().unlinked
    assert SAMPLE_BEFORE_BIRTH in unlinked.sentence


@pytest.mark.parametrize("odd_first", [True, False])
def test_one_odd_row_or_sample_among_others_is_enough(story, moment_at, odd_first):
    odd, usual = ("2025-03-03T09:59:59Z", "2025-03-04T10:00:00Z")
    changed = (odd, usual) if odd_first else (usual, odd)
    told = story()
    for number, at in enumerate(changed):
        start = f"3 1{number}:00"
        version = Version(number=1, updated=moment_at(at))
        told.dose(start, f"3 1{number}:30", key=f"MedicationAdministration/r{number}", version=version)
    for number, reported in enumerate(("10 11:29", "10 20:00") if odd_first else ("10 20:00", "10 11:29")):
        told.level(f"10 11:3{number}", "0.5", reported=reported)
    sentence = told.only().sentence
    assert DOSE_AFTER_RECORD in sentence
    assert SAMPLE_AFTER_REPORT in sentence


@pytest.mark.parametrize("first", ["2", "13"])
def test_one_dose_row_or_sample_before_the_birth_is_enough(story, first):
    rows, samples = (("2 11:00", "3 10:30"), ("2 20:00", "13 12:00"))
    if first == "13":
        rows, samples = rows[::-1], samples[::-1]
    told = story()
    for number, start in enumerate(rows):
        told.dose(start, None, key=f"MedicationAdministration/r{number}", amount=None)
    for sample in samples:
        told.level(sample, "0.5", reported="14 10:00")
    sentence = born(told, "2025-03-04").only().sentence
    assert DOSE_BEFORE_BIRTH in sentence
    assert SAMPLE_BEFORE_BIRTH in sentence


def test_only_the_record_of_the_patient_counts_and_the_earliest_birth_of_two(story):
    told = born(story().dose(), "2025-03-12", patient="x|1")
    assert DOSE_BEFORE_BIRTH not in told.only().sentence
    told = born(born(story().dose(), "2025-03-12"), "2020-01-01", reference="Patient/p2")
    assert DOSE_BEFORE_BIRTH not in told.only().sentence


def test_ordinary_histories_say_nothing_of_the_kind(story):
    sentence = born(story().dose().level("10 11:30", "0.5"), "2020-01-01").only().sentence
    assert not any(
        odd in sentence for odd in (DOSE_AFTER_RECORD, SAMPLE_AFTER_REPORT, DOSE_BEFORE_BIRTH, SAMPLE_BEFORE_BIRTH)
    )
