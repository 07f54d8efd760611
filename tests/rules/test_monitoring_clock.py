"""The monitoring clock of rulebook 2.11 and ruling 22: states, borders, and the next instant anything changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapter.domain.events import PatientRecord

DOSE_2 = {"key": "MedicationAdministration/d2"}
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("hours", "state", "rule", "next_hours"),
    [
        ("-10", "not-due", "D19", "144"),
        ("143.99", "not-due", "D19", "144"),
        ("144", "due", "D19", "192"),
        ("192", "due", "D19", "192"),
        ("192.001", "sample-overdue", "D20", "360"),
        ("360", "sample-overdue", "D20", "360"),
        ("360.001", "missed", "D20", None),
    ],
)
def test_a_dose_without_a_sample_over_time(story, after, hours, state, rule, next_hours):
    finding = story().dose().only(after(hours))
    assert (finding.monitoring, finding.rules) == (state, (rule,))
    opening = timedelta(0) if next_hours == "144" else SECOND
    assert finding.next_check == (after(next_hours) + opening if next_hours else None)


def test_every_second_has_one_state_and_the_next_check_is_the_first_of_another(story, after):
    told = story().dose()
    at_check = told.only(after("150")).next_check
    assert told.only(at_check - timedelta(microseconds=1)).monitoring == "due"
    assert told.only(at_check).monitoring == "sample-overdue"


@pytest.mark.parametrize(("as_of", "state"), [("16 09:59", "sample-overdue"), ("16 10:00", "missed")])
def test_the_next_dose_of_the_family_ends_the_waiting(story, as_of, state):
    first = story().dose().dose("16 10:00", "16 12:00", **DOSE_2).read(as_of).findings[0]
    assert first.monitoring == state
    assert first.next_check == (datetime(2025, 3, 16, 10, tzinfo=UTC) if state == "sample-overdue" else None)


def test_the_very_next_dose_ends_the_waiting_not_a_later_one_that_has_a_level(story):
    told = story().dose().dose("13 10:00", "13 12:00", **DOSE_2)
    told.dose("17 10:00", "17 12:00", key="MedicationAdministration/d3").level("24 12:00", "0.5")
    assert told.read("13 09:59").findings[0].next_check == datetime(2025, 3, 13, 10, tzinfo=UTC)
    assert told.read("13 10:00").findings[0].monitoring == "missed"


@pytest.mark.parametrize(
    ("next_dose", "cut_short", "came_first"),
    [
        ("2025-03-11T12:00:00Z", True, True),
        ("2025-03-11T12:00:01Z", False, True),
        ("2025-03-18T12:00:00Z", False, True),
        ("2025-03-18T12:00:01Z", False, False),
    ],
)
def test_a_next_dose_after_the_last_second_of_a_window_did_not_cut_it_short(story, next_dose, cut_short, came_first):
    sentence = story().dose().dose(next_dose, None, **DOSE_2).read("19 12:00").findings[0].sentence
    assert ("the next dose is recorded before the sampling window closed" in sentence) is cut_short
    assert ("no level is known and the sampling window has passed" in sentence) is not cut_short
    assert ("next dose of the family is recorded before a level settled the exposure" in sentence) is came_first
    assert ("and its sampling windows have passed." in sentence) is not came_first


def test_a_dose_of_another_family_does_not_end_the_waiting(story):
    told = story().dose().dose("16 10:00", "16 12:00", product="crisantaspase", **DOSE_2)
    assert told.read("16 13:00").findings[0].monitoring == "sample-overdue"


@pytest.mark.parametrize(
    ("value", "hours", "state"),
    [
        ("0.4", "72", "sample-overdue"),
        ("<0.2", "168", "sample-overdue"),
        ("0.06", "200", "sample-overdue"),
        ("unreadable", "168", "sample-overdue"),
        ("0.4", "168", "complete"),
        ("<0.03", "330", "confirmation-due"),
        ("0.06", "330", "complete"),
    ],
)
def test_only_a_level_that_settles_the_exposure_silences_the_clock(story, after, value, hours, state):
    assert story().dose().level(after(hours), value).only(after("340")).monitoring == state


def test_confirmation_is_due_with_the_suspicion_before_any_window_opens(story):
    assert story().dose().level("6 12:00", "0.05").only("6 20:00").monitoring == "confirmation-due"


@pytest.mark.parametrize(
    ("letter", "hours", "state"),
    [
        ("I", "119.9", "due"),
        ("I", "120", "result-overdue"),
        ("P", "120", "result-overdue"),
        ("X", "120", "due"),
        ("X", "120.1", "sample-overdue"),
    ],
)
def test_a_result_is_overdue_120_hours_after_a_known_collection(story, after, letter, hours, state):
    told = story().dose().level(after("72"), "pending" if letter != "P" else "0.3", letter=letter)
    assert told.only(after(72 + Decimal(hours))).monitoring == state


def test_a_result_is_not_overdue_where_nobody_knows_when_the_sample_was_collected(story, moment_at):
    told = story().dose().level(None, "pending", letter="I", received_by_laboratory=moment_at("5 12:00"))
    assert told.only("11 12:00").monitoring == "due"


def test_of_two_awaited_results_the_earlier_collected_is_overdue_first(story, after):
    told = story().dose().level(after("72"), "pending", letter="I").level(after("90"), "pending", letter="I")
    assert told.only(after("191")).monitoring == "due"
    assert told.only(after("192")).monitoring == "result-overdue"


def test_a_final_level_answers_an_awaited_one(story):
    told = story().dose().level("10 12:00", "pending", letter="I").level("10 13:00", "0.3")
    assert told.only("20 12:00").monitoring == "complete"


@pytest.mark.parametrize(
    ("value", "monitoring", "mechanism", "sentence", "priority"),
    [
        (
            "0.5",
            "complete",
            "no-evidence-of-inactivation",
            "so the suspicion was not confirmed on it.",
            None,
        ),
        ("<0.03", "complete", "confirmed-silent-inactivation", "It was confirmed on the dose of 2025-03-17.", "P1"),
    ],
)
def test_the_next_dose_answers_a_suspicion(story, value, monitoring, mechanism, sentence, priority):
    told = story().dose().level("10 12:00", "<0.03").dose("17 10:00", "17 12:00", **DOSE_2)
    waiting = told.read("20 12:00").findings[0]
    assert (waiting.monitoring, waiting.priority) == ("confirmation-due", "P1")
    first, second = told.level("24 12:00", value).read("26 12:00").findings
    assert (first.monitoring, first.priority, second.mechanism) == (monitoring, priority, mechanism)
    assert first.mechanism == "suspected-silent-inactivation"
    assert sentence in first.sentence


@pytest.mark.parametrize("deceased", [True, False])
def test_a_recorded_death_stops_the_clock(story, deceased):
    told = story().dose()
    told.records.append(
        PatientRecord(
            source="ehr", reference="Patient/1", patient="https://hospital.example/mrn|4711", deceased=deceased
        )
    )
    finding = told.only("12 12:00")
    assert finding.monitoring == (None if deceased else "sample-overdue")
    assert finding.priority == (None if deceased else "P2")
    assert (finding.next_check is None) is deceased
    told_so = "The patient is recorded as deceased; no further sample is awaited."
    assert (told_so in finding.sentence) is deceased


def test_a_dose_in_the_future_is_not_due(story):
    finding = story().dose("2025-06-01T10:00Z", None).only("12 12:00")
    assert (finding.exposure, finding.monitoring) == ("no-result", "not-due")


def test_a_date_only_dose_opens_as_early_and_closes_as_late_as_it_may(story):
    told = story().dose("3", None)
    assert told.only("9 00:00").monitoring == "due"
    assert told.only("11 23:59").monitoring == "due"
    assert told.only("12 00:01").monitoring == "sample-overdue"


def test_a_dose_without_a_time_has_no_clock(story):
    finding = story().dose(None, None).only("12 12:00")
    assert (finding.monitoring, finding.next_check, finding.exposure) == (None, None, "no-result")


def test_the_interpretation_knows_its_earliest_next_check(story):
    told = story().dose().dose("17 10:00", "17 12:00", **DOSE_2)
    reading = told.read("10 12:00")
    assert reading.next_check == datetime(2025, 3, 11, 12, 0, 1, tzinfo=UTC)
    assert told.read("2025-06-01T00:00Z").next_check is None
