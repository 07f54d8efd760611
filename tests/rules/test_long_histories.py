"""A long history: the same findings in any order, and readings that list what counts and say how much more there is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from adapter.commands.bench_patients import arrived, patient
from adapter.domain.events import Version
from adapter.domain.history import resolve
from adapter.domain.times import exact_moment
from adapter.rules import interpret

START = datetime(2025, 3, 3, 10, 0, tzinfo=UTC)
TWO_WEEKS = timedelta(days=14)
LATER = "2027-03-03T10:00Z"


@pytest.mark.parametrize("number", range(3))
def test_the_findings_of_600_events_do_not_depend_on_their_order(rulebook, number):
    key, recorded = patient(number, 600, 20)
    events, at = [item.event for item in recorded], datetime(2040, 1, 1, tzinfo=UTC)
    told = interpret(resolve(key, recorded), rulebook, at)
    assert len(told.findings) > 100
    for seed in range(2):
        shuffled = Random(seed).sample(events, k=len(events))  # noqa: S311 - repeatable, not secret
        assert interpret(resolve(key, arrived(shuffled)), rulebook, at) == told
    assert interpret(resolve(key, arrived(events[::-1])), rulebook, at) == told


def course(told, doses: int):
    """So many doses two weeks apart."""
    for number in range(doses):
        at = START + number * TWO_WEEKS
        told = told.dose(at, at + timedelta(hours=2), key=f"MedicationAdministration/d{number}")
    return told


def reacted(told, reactions: int, severe: tuple[int, ...] = ()):
    """A reaction after each of the first doses; its grade is 3 where it is severe."""
    for number in range(reactions):
        at = START + number * TWO_WEEKS + timedelta(minutes=20)
        told = told.reaction(at, record=f"AllergyIntolerance/a{number}", grade=3 if number in severe else 1)
    return told


def told_of_reactions(sentence: str) -> list[str]:
    return re.findall(r"(grade \d, dose of [0-9-]{10}|\d+ further reactions? followed earlier doses)", sentence)


def day(number: int) -> str:
    return (START + number * TWO_WEEKS).date().isoformat()


def test_ten_reactions_after_earlier_doses_are_all_told(story):
    last = reacted(course(story(), 11), 10).read(LATER).findings[-1]
    assert told_of_reactions(last.sentence) == [f"grade 1, dose of {day(number)}" for number in range(10)]


def test_of_eleven_reactions_the_last_three_are_told_and_the_others_counted(story):
    last = reacted(course(story(), 12), 11).read(LATER).findings[-1]
    assert told_of_reactions(last.sentence) == [
        *(f"grade 1, dose of {day(number)}" for number in (8, 9, 10)),
        "8 further reactions followed earlier doses",
    ]


def test_of_many_reactions_up_to_seven_severe_ones_are_told_beside_the_last_three(story):
    severe = (0, 2, 3, 4, 5, 6, 7, 8, 10)
    last = reacted(course(story(), 13), 12, severe).read(LATER).findings[-1]
    assert told_of_reactions(last.sentence) == [
        *(f"grade 3, dose of {day(number)}" for number in (2, 3, 4, 5, 6, 7, 8)),
        *(f"grade {grade}, dose of {day(number)}" for grade, number in ((1, 9), (3, 10), (1, 11))),
        "2 further reactions followed earlier doses",
    ]


def test_one_reaction_more_than_are_told_is_counted_in_the_singular(story):
    severe = (1, 2, 3, 4, 5, 6, 7)
    last = reacted(course(story(), 12), 11, severe).read(LATER).findings[-1]
    assert told_of_reactions(last.sentence)[-1] == "1 further reaction followed earlier doses"


def undated(told, records: int, severe: tuple[int, ...] = (), **parts):
    """Records without a date of the reaction, each made a day after the one before it."""
    for number in range(records):
        made = START + timedelta(days=number + 1)
        told = told.reaction(
            None,
            record=f"AllergyIntolerance/u{number:02d}",
            version=Version(number=1, updated=exact_moment(made)),
            grade=3 if number in severe else 1,
            **parts,
        )
    return told


def listed(finding) -> list[str]:
    """The numbers of the records a finding lists as tied to no dose, and how many more it counts."""
    records = [r["fact"][-4:-2] for entry in finding.evidence["unlinked_reactions"] for r in entry["records"]]
    assert finding.sentence.count("could not be tied to a dose.") == len(records)
    return records + re.findall(r"\d+ further reaction records? could concern this dose\.", finding.sentence)


def test_ten_records_that_could_concern_a_dose_are_all_listed(story):
    assert listed(undated(story().dose(), 10).only()) == [f"{number:02d}" for number in range(10)]


def test_of_more_records_the_latest_three_and_the_urgent_are_listed_and_the_others_counted(story):
    finding = undated(story().dose(), 12, severe=(1, 11)).only()
    assert listed(finding) == ["01", "09", "10", "11", "8 further reaction records could concern this dose."]
    assert "reaction-unconfirmed" in finding.modifiers


def test_of_urgent_records_no_more_than_seven_are_listed_beside_the_latest_three(story):
    finding = undated(story().dose(), 14, severe=tuple(range(9))).only()
    urgent = [f"{number:02d}" for number in range(2, 9)]
    assert listed(finding) == [*urgent, "11", "12", "13", "4 further reaction records could concern this dose."]


def test_a_dose_counts_only_the_records_made_after_it_began(story):
    told = undated(story().dose().dose("10 10:00", "10 12:00", key="MedicationAdministration/d2"), 12)
    first, second = told.read("20 12:00").findings
    assert listed(first)[-1] == "9 further reaction records could concern this dose."
    assert listed(second) == ["06", "07", "08", "09", "10", "11"]


def test_a_dose_without_a_time_counts_every_record(story):
    finding = undated(story().dose(None, None), 11, severe=(0,)).only()
    assert listed(finding) == ["00", "08", "09", "10", "7 further reaction records could concern this dose."]


def test_one_record_more_than_are_listed_is_counted_in_the_singular(story):
    finding = undated(story().dose(), 11, severe=tuple(range(7))).only()
    assert listed(finding)[-1] == "1 further reaction record could concern this dose."


def not_done(told, doses: int):
    for number in range(doses):
        at = START + number * timedelta(days=2)
        told = told.dose(at, None, key=f"MedicationAdministration/n{number:02d}", status="not-done")
    return told


def not_done_told(finding) -> list[str]:
    pattern = r"A dose record of (\S+) has status not done|(\d+ further dose records? ha\w+) status not done"
    return [day or more for day, more in re.findall(pattern, finding.sentence)]


def test_ten_dose_records_that_were_not_done_are_all_told(story):
    (finding,) = not_done(story(), 10).level("10 12:00", "0.4").read().unlinked
    assert len(not_done_told(finding)) == 10


def test_of_more_dose_records_that_were_not_done_the_nearest_are_told_and_the_others_counted(story):
    (finding,) = not_done(story(), 12).level("2025-03-11T12:00Z", "0.4").read(LATER).unlinked
    assert not_done_told(finding) == [
        *("2025-03-07", "2025-03-09", "2025-03-11", "2025-03-13", "2025-03-15", "2025-03-17"),
        "6 further dose records have",
    ]


def test_beside_a_sample_without_any_time_the_last_records_that_were_not_done_are_told(story):
    unknown = {"reported": "10 20:00", "version": Version(number=None)}
    (finding,) = not_done(story(), 11).level(None, "0.4", **unknown).read(LATER).unlinked
    assert not_done_told(finding) == ["2025-03-19", "2025-03-21", "2025-03-23", "8 further dose records have"]
