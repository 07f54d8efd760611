"""When a reading is early, late or good in a window, by every phase it may lie in; who is urgent when overdue."""

from __future__ import annotations

from itertools import chain, combinations

import pytest

from adapter.rules.reading import Reading

PHASES = ("absorbing", "early", "declining", "first-window", "between", "later-window", "expired")
SPANS = [PHASES[first:last] for first, last in combinations(range(len(PHASES) + 1), 2)]
"""An uncertain time lies in phases that follow each other."""
LOST = ("blq", "low", "low-unquantified")
LEVELS = (*LOST, "ok", "straddles", None)
EXPOSURES = ("adequate", "above-band", "inadequate", "indeterminate", "no-result")


def reading(phases, *, level="ok", exposure="adequate"):
    return Reading(
        sample=None,
        placement=None,
        usability="usable",
        faults=(),
        phases=phases,
        level=level,
        rule="D16",
        exposure=exposure,
        mechanism="not-assessable",
        situation=None,
        contradiction=None,
    )


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("phases", SPANS, ids="+".join)
def test_early_and_late_by_every_phase_it_may_lie_in(phases, level):
    early = {"absorbing", "early"} | (set() if level in LOST else {"declining"})
    late = {"between", "expired"} | ({"declining"} if level in LOST else set())
    one = reading(phases, level=level)
    assert one.early is (set(phases) <= early)
    assert one.late is (set(phases) <= late)


def test_a_reading_without_a_phase_is_neither_early_nor_late():
    assert (reading(()).early, reading(()).late) == (False, False)


@pytest.mark.parametrize("exposure", EXPOSURES)
@pytest.mark.parametrize("phases", SPANS, ids="+".join)
def test_good_in_a_window_is_a_good_level_that_lies_in_windows_only(phases, exposure):
    good = exposure in ("adequate", "above-band") and set(phases) <= {"first-window", "later-window"}
    assert reading(phases, exposure=exposure).good_in_window is good
    assert reading(phases, exposure=exposure).decided is (exposure in ("adequate", "above-band", "inadequate"))


def doses(story, number):
    """Doses a month apart, each with a level on day 7 but the last."""
    told = story()
    for at in range(number):
        day = f"2025-0{3 + at}-03"
        told = told.dose(f"{day}T10:00Z", f"{day}T12:00Z", key=f"MedicationAdministration/d{at + 1}")
        if at < number - 1:
            told = told.level(f"2025-0{3 + at}-10T12:00Z", "0.5", key=f"LAB/{at + 1}")
    return told


@pytest.mark.parametrize(
    ("reacted", "premedicated", "priority"),
    [((), True, "P2"), ((1,), True, "P1"), ((2,), True, "P1"), ((1,), False, "P2"), ((), False, "P2")],
)
def test_an_overdue_level_of_a_premedicated_dose_is_urgent_after_any_earlier_reaction(
    story, reacted, premedicated, priority
):
    told = doses(story, 3)
    for number in reacted:
        told = told.reaction(f"2025-0{2 + number}-03T10:20Z", grade=1, record=f"AllergyIntolerance/a{number}")
    if premedicated:
        told = told.premedicated("2025-05-03T09:30Z")
    last = told.read("2025-05-12T12:00Z").findings[-1]
    assert (last.monitoring, last.priority) == ("sample-overdue", priority)


def test_every_span_of_phases_is_tried():
    assert set(chain.from_iterable(SPANS)) == set(PHASES)
    assert len(SPANS) == 28
