"""The priority of a finding is that of the most urgent Flag it stands on (CONTRACTS 3 and 4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from adapter.writeback.flags import flag_wants

DOSE_2 = {"key": "MedicationAdministration/d2"}
LEVELS = (None, "<0.03", "0.06", "0.5", "<0.2")
REACTIONS = (None, {"grade": 2}, {"grade": 3}, {"concepts": ("nausea",)})


def assert_agreement(reading, finding):
    """A Flag joined by several doses may be more urgent for another of them, never less."""
    wants = [want for want in flag_wants(reading) if finding in want.doses]
    most_urgent = min((want.priority for want in wants), default=None)
    own = finding.priority if finding.priority != "P3" else None
    if own != most_urgent:
        assert own == "P2"
        assert any(len(want.doses) > 1 for want in wants if want.priority == "P1")


@pytest.mark.parametrize("first_hours", ["72", "168", "250", "336"])
@pytest.mark.parametrize(("first", "second"), list(product(LEVELS, LEVELS)))
def test_two_doses_agree_with_their_flags(story, after, first, second, first_hours):
    for reaction, premedicated, as_of in product(REACTIONS, (False, True), ("20 12:00", "2025-03-26T12:00Z")):
        told = story().dose().dose("18 10:00", "18 12:00", **DOSE_2)
        told = told.reaction(**reaction) if reaction else told
        told = told.premedicated("18 09:30") if premedicated else told
        told = told.level(after(first_hours), first) if first else told
        told = told.level("25 12:00", second) if second else told
        reading = told.read(as_of)
        for finding in reading.findings:
            assert_agreement(reading, finding)


@pytest.mark.parametrize("value", ["0.5", "<0.03", "<0.2", "7", "unreadable", None])
@pytest.mark.parametrize("remarks", [(), ("unit-missing",)])
def test_an_unlinked_sample_agrees_with_its_flag(story, value, remarks):
    reading = story().level("10 12:00", value, remarks=remarks).read()
    (finding,) = reading.unlinked
    assert_agreement(reading, finding)


@pytest.mark.parametrize(
    ("reacted", "premedicated", "priority"),
    [(1, True, "P1"), (2, True, "P1"), (None, True, "P2"), (1, False, "P2")],
)
def test_an_overdue_level_of_a_premedicated_dose_is_urgent_after_any_earlier_reaction(
    story, reacted, premedicated, priority
):
    """A premedicated dose without a level may hide what an earlier dose of the patient showed (CONTRACTS 4)."""
    told = story()
    for number, month in enumerate(("01", "02", "03"), start=1):
        told.dose(f"2025-{month}-03T10:00:00Z", None, key=f"MedicationAdministration/d{number}")
        if number < 3:
            told.level(f"2025-{month}-10T10:00:00Z", "0.5")
        if number == reacted:
            told.reaction(f"2025-{month}-03T10:20:00Z", grade=1)
    told = told.premedicated("2025-03-03T09:30:00Z") if premedicated else told
    last = told.read("2025-03-12T12:00:00Z").findings[-1]
    assert (last.monitoring, last.priority) == ("sample-overdue", priority)


@pytest.mark.parametrize(
    ("first", "second", "third", "priority"),
    [
        # A target missed on day 14 stays a question until a later dose is judged, whichever later one that is.
        (("336", "0.06", None), ("168", "0.5", None), ("72", "0.5", None), None),
        (("336", "0.06", None), ("72", "0.5", None), ("72", "0.5", None), "P2"),
        (("336", "0.06", None), ("72", "0.5", None), ("168", "0.5", None), None),
        # A mild reaction with kept activity stays one until another dose of the family has none.
        (("168", "0.5", {"grade": 1}), ("168", "0.5", None), ("168", "0.5", {"grade": 1}), None),
        (("168", "0.5", {"grade": 1}), ("168", "0.5", {"grade": 1}), ("168", "0.5", {"grade": 1}), "P2"),
    ],
)
def test_a_question_is_closed_by_any_later_dose_that_answers_it(story, first, second, third, priority):
    told = story()
    for number, (hours, value, reaction) in enumerate((first, second, third), start=1):
        start = datetime(2025, number, 3, 10, tzinfo=UTC)
        told.dose(start, None, key=f"MedicationAdministration/d{number}")
        told.level(start + timedelta(hours=int(hours)), value)
        if reaction:
            told.reaction(start + timedelta(minutes=5), record=f"AllergyIntolerance/a{number}", **reaction)
    assert told.read("2025-03-25T12:00:00Z").findings[0].priority == priority


@pytest.mark.parametrize(
    ("levels", "priority"),
    [
        ((), "P1"),
        ((None,), "P1"),
        (("0.5",), None),
        (("0.5", None), None),
        ((None, "0.5"), None),
        (("<0.2",), "P1"),
    ],
)
def test_a_dose_after_a_recorded_inactivation_is_urgent_until_a_later_dose_is_judged(story, levels, priority):
    """A re-exposure nobody measured stays urgent while no level of the family is known after it (CONTRACTS 4)."""
    start = datetime(2025, 1, 3, 10, tzinfo=UTC)
    told = story().dose(start, None, key="MedicationAdministration/d1").reaction(start, grade=2)
    told.level(start + timedelta(days=7), "<0.03")
    for number, value in enumerate((None, *levels), start=2):
        begun = start + (number - 1) * timedelta(days=14)
        told.dose(begun, None, key=f"MedicationAdministration/d{number}")
        if value:
            told.level(begun + timedelta(days=7), value)
    second = told.read("2025-04-01T12:00:00Z").findings[1]
    assert (second.modifiers, second.exposure, second.priority) == (("prior-inactivation",), "no-result", priority)
