"""Processes that die between any two steps of a message's way: nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from feeding import Stream, drained
from fhir_server import OFFERS, FhirServer
from hospital_server import HospitalServer
from running_service import eventually
from surviving import restarted, survived

from adapter.store import crash_points

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

ADAPTER = Path(crash_points.__file__).parents[1]
CRASHING = str(Path(__file__).with_name("crashing"))
RECEIVING = ("received", "batch-gathered", "batch-written", "batch-on-disk", "batch-handed-back", "answer-worded")
KEEPING = RECEIVING[1:-1]
"""A FHIR body passes these only."""
UNDERSTANDING = ("taken", "understood", "state-written", "state-committed", "group-written", "group-committed")
DELIVERING = ("delivery-due", "delivered", "settled")
PRUNING = ("portion-removed", "portion-pruned", "answers-removed", "answers-pruned")
"""Tried in a test of their own: the store has to be old."""
DIES = {
    "intake receiving": ("intake", RECEIVING),
    "core receiving": ("core", KEEPING),
    "core understanding": ("core", UNDERSTANDING),
    "core delivering": ("core", DELIVERING),
}


@pytest.fixture
def ward():
    server = HospitalServer()
    yield server
    server.close()


@pytest.mark.parametrize("who", DIES)
def test_a_process_that_dies_at_a_crash_point_loses_nothing_and_does_nothing_twice(who, start, ward, loaded, tmp_path):
    room, points = DIES[who]
    marks = tmp_path / "marks"
    marks.mkdir()
    dying = {"PYTHONPATH": CRASHING, "CRASH_ROOM": room, "CRASH_POINTS": " ".join(points), "CRASH_MARKS": str(marks)}
    service = start("--fhir", ward.url, environment=dying)
    with Stream(service, lanes=2) as stream:
        eventually(lambda: {mark.name for mark in marks.iterdir()} == set(points), within_s=120)
    drained(service)
    served = {f"Observation/{one['id']}": one["status"] for one in service.found("Observation")}
    eventually(lambda: served.keys() <= ward.resources.keys(), within_s=60)
    eventually(lambda: served == {one: ward.resources[one]["status"] for one in served}, within_s=60)
    assert survived(service, stream, loaded) == [room] * len(points)
    assert {one for one in ward.resources if one.startswith("Observation/")} == served.keys()


@pytest.mark.parametrize("offers", OFFERS)
def test_acceptance_7_a_service_killed_between_the_targets_201_and_its_note_leaves_one_resource(
    offers, start, loaded, tmp_path
):
    marks = tmp_path / "marks"
    marks.mkdir()
    dying = {"PYTHONPATH": CRASHING, "CRASH_ROOM": "core", "CRASH_POINTS": "delivered", "CRASH_MARKS": str(marks)}
    with closing(FhirServer(offers)) as target:
        service = start("--fhir", target.url, environment=dying)
        with Stream(service, lanes=2) as stream:
            eventually(lambda: {mark.name for mark in marks.iterdir()} == {"delivered"}, within_s=120)
        drained(service)
        served = {one["id"]: one["status"] for one in service.found("Observation")}
        assert served
        held = {key: [status] for key, status in served.items()}
        eventually(
            lambda: {key: [one["status"] for one in target.carrying(key)] for key in served} == held, within_s=60
        )
        assert survived(service, stream, loaded) == ["core"]


@pytest.mark.parametrize("moment", ["kill_before_answer", "kill_after_answer"])
def test_a_process_that_dies_beside_its_answer_loses_nothing_and_does_nothing_twice(moment, troubled, blackbox, loaded):
    with Stream(troubled, lanes=2) as stream:
        for nth in (3, 10, 17):
            lines = len(troubled.logged())
            setattr(blackbox.control, moment, nth)
            eventually(lambda lines=lines: restarted(troubled, since=lines))
    drained(troubled)
    assert len(survived(troubled, stream, loaded)) == 3
    assert sum(sender.resent for sender in stream.senders) > 0


def test_every_crash_point_is_passed_in_one_place_and_tried():
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted(ADAPTER.rglob("*.py")))
    passed = Counter(re.findall(r"\breached\(\"([a-z-]+)\"\)", sources))
    assert passed == dict.fromkeys(crash_points.POINTS, 1)
    assert set(RECEIVING + UNDERSTANDING + DELIVERING + PRUNING) == set(crash_points.POINTS)


def test_nothing_happens_at_a_crash_point_unless_a_test_wants_it():
    crash_points.reached("received")
    seen = []
    crash_points.on_reaching(seen.append)
    crash_points.reached("received")
    crash_points.on_reaching(None)
    crash_points.reached("received")
    assert seen == ["received"]
