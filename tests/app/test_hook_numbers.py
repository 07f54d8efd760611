"""Holes in the numbers of events: waited over, handed on once, and never forgotten before they were asked about."""

from __future__ import annotations

import pytest
from notifications import backport

from adapter.app.counters import HOOK_GAPS
from adapter.app.hook_numbers import Hole, Numbers
from adapter.ingest.fhir_notification import notification_of
from adapter.store.hook_notes import HookNotes

SUBSCRIPTION = "Subscription/s1"
HOLE = Hole(source="ehr", subscription=SUBSCRIPTION, first=2, last=3)


@pytest.fixture
def notes(tmp_path):
    notes = HookNotes(tmp_path)
    yield notes
    notes.close()


class Scene:
    def __init__(self, notes):
        self.now_s = 100.0
        self.notes = notes
        self.restart()

    def restart(self):
        self.numbers = Numbers(self.notes, wait_s=5.0, monotonic=lambda: self.now_s)

    def hear(self, *totals, source="ehr", minute=0):
        for total in totals:
            at = f"2025-06-01T12:{minute:02}:00Z"
            verdict = self.numbers.heard(source, notification_of(backport(total=total, events=[(total, "")], at=at)))
        return verdict


@pytest.fixture
def scene(notes):
    return Scene(notes)


def gaps(state, source="ehr"):
    return HOOK_GAPS.labels(source, state)._value.get()


def test_a_hole_is_waited_over_to_the_last_moment_and_handed_on_once(scene):
    scene.hear(1, 4)
    scene.now_s += 4.999
    assert scene.numbers.due() == []
    scene.now_s += 0.001
    assert scene.numbers.due() == [HOLE]
    assert scene.numbers.due() == []
    scene.numbers.settle(HOLE)
    scene.now_s += 100
    assert scene.numbers.due() == []
    assert scene.hear(5) == "in-step"


def test_what_comes_late_closes_the_hole(scene):
    found, filled = gaps("found"), gaps("filled")
    scene.hear(1, 4)
    scene.hear(3, 2)
    scene.now_s += 5
    assert scene.numbers.due() == []
    assert (gaps("found"), gaps("filled")) == (found + 1, filled + 1)


def test_a_hole_that_opens_while_another_is_asked_about_is_another(scene):
    scene.hear(1, 4)
    scene.now_s += 5
    assert scene.numbers.due() == [HOLE]
    scene.hear(6)
    scene.numbers.settle(HOLE)
    scene.now_s += 5
    assert scene.numbers.due() == [Hole(source="ehr", subscription=SUBSCRIPTION, first=5, last=5)]


def test_a_restart_forgets_no_hole(scene):
    scene.hear(1, 4)
    scene.restart()
    assert scene.hear(5) == "gap"
    scene.now_s += 5
    assert scene.numbers.due() == [Hole(source="ehr", subscription=SUBSCRIPTION, first=2, last=4)]


def test_a_restart_of_ours_goes_on_counting_and_one_of_theirs_is_told(scene):
    restarted = gaps("restarted")
    scene.hear(1, 2)
    scene.restart()
    assert scene.hear(3, minute=1) == "in-step"
    assert scene.hear(1, minute=2) == "restarted"
    assert gaps("restarted") == restarted + 1
    scene.restart()
    assert scene.hear(2, minute=3) == "in-step"


def test_subscriptions_of_two_sources_with_one_name_are_two(scene):
    scene.hear(1, 2)
    assert scene.hear(9, source="other") == "first"
    assert scene.hear(3) == "in-step"
