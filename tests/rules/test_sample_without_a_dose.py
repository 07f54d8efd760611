"""What is said of a sample that no dose explains, and of the dose records beside it."""

from __future__ import annotations

import pytest

from adapter.domain.events import Version

DOSE_2 = {"key": "MedicationAdministration/d2"}
NO_DOSE = "No asparaginase dose is known in the 42 days before the sample, so it cannot be assessed."
NO_TIME = "Without any time of the sample no dose can be assigned to it."
REVIEW = "A dose record with an earlier time, or another patient assignment, would lead to a new reading."
UNREADABLE = (
    'Asparaginase activity sent by the laboratory as "unreadable" (which cannot be read as one number), '
    "collected 2025-03-02T12:00Z."
)
LEVEL = "Asparaginase activity 0.4 IU/mL, collected 2025-03-02T12:00Z."


def said(told):
    (finding,) = told.read("2025-06-01T00:00Z").unlinked
    return finding.sentence


@pytest.mark.parametrize(
    ("value", "parts", "begins"),
    [
        ("0.4", {}, LEVEL),
        (
            "0.4",
            {"letter": "P"},
            "Asparaginase activity 0.4 IU/mL, reported as preliminary, collected 2025-03-02T12:00Z.",
        ),
        ("0.4", {"comment": "haemolytic"}, f'{LEVEL} Laboratory comment: "haemolytic".'),
        (
            "unreadable",
            {"remarks": ("value-unreadable",)},
            UNREADABLE,
        ),
        (
            "TNP",
            {},
            'A sample collected 2025-03-02T12:00Z is reported as final without a value (reported as "TNP").',
        ),
        (None, {"letter": "X"}, "A sample collected 2025-03-02T12:00Z was cancelled by the laboratory."),
        (None, {"letter": "P"}, "A sample collected 2025-03-02T12:00Z gave no level."),
    ],
)
def test_the_sample_is_told_then_that_no_dose_explains_it(story, value, parts, begins):
    assert said(story().level("2 12:00", value, **parts)) == f"{begins} {NO_DOSE} {REVIEW}"


def test_a_correction_is_told(story):
    told = (
        story()
        .level("2 12:00", "0.3", key="LAB/1", reported="3 10:00")
        .level("2 12:00", "0.4", key="LAB/1", letter="C")
    )
    corrected = 'A result was corrected by the laboratory from "0.3 IU/mL" to "0.4 IU/mL".'
    assert said(told) == f"{LEVEL} {corrected} {NO_DOSE} {REVIEW}"


def test_a_sample_without_any_time_has_no_dose_for_that_reason(story):
    told = story().level(None, "0.4", version=Version())
    assert said(told) == f"Asparaginase activity 0.4 IU/mL, without a collection time. {NO_TIME} {REVIEW}"


def test_doses_without_a_time_and_doses_beside_the_sample_are_told(story):
    later = "The next known dose, pegaspargase 2500 IU/m2 IV, began after the sample, on 2025-03-03."
    told = story().level("2 12:00", "0.4").dose()
    assert said(told) == f"{LEVEL} {NO_DOSE} {later} {REVIEW}"
    untimed = "A dose record without a time is known."
    assert said(told.dose(None, None, **DOSE_2)) == f"{LEVEL} {NO_DOSE} {untimed} {later} {REVIEW}"


@pytest.mark.parametrize(
    ("count", "collected", "days", "others"),
    [
        (10, "6 12:00", range(5, 15), None),
        (11, "6 12:00", range(5, 10), 6),
        (11, "4 12:00", range(5, 8), 8),
        (12, "9 12:00", range(7, 13), 6),
        (12, "20 12:00", range(14, 17), 9),
    ],
)
def test_of_many_records_of_doses_not_done_those_next_to_the_sample_are_told(story, count, collected, days, others):
    told = story()
    for number in range(count):
        told.dose(f"{number + 5} 10:00", None, key=f"MedicationAdministration/n{number:02d}", status="not-done")
    listed = [f"A dose record of 2025-03-{day:02d} has status not done." for day in days]
    counted = [f"{others} further dose records have status not done."] if others else []
    assert f"{NO_DOSE} {' '.join([*listed, *counted])} {REVIEW}" in said(told.level(collected, "0.4"))


def test_a_record_of_a_dose_not_done_may_have_no_time(story):
    told = story().dose(None, None, status="not-done").level("2 12:00", "0.4")
    assert said(told) == f"{LEVEL} {NO_DOSE} A dose record of unknown date has status not done. {REVIEW}"
