"""The polling thread of a source: when it asks, what it does after a failure, and what it does at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from running_service import eventually
from structlog.testing import capture_logs

from adapter.app import polling
from adapter.app.counters import ALARMS, LAST_POLL
from adapter.app.polling import Poller, PollParts
from adapter.domain.message import PatientState
from adapter.pipeline.poll import Rhythm
from adapter.settings import PollSettings
from adapter.store.faults import CannotKeep
from adapter.store.polls import Polls, PollsReader
from adapter.transport.fhir_client import Greeting, PatientMatch, Permanent, Transient

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


class Scene:
    """A server and a state that answer what a test says; remembers who was asked for, and when."""

    def __init__(self):
        self.patients = []
        self.wholes = 0
        self.at = []
        self.fault = None
        self.refuse = set()
        self.roster = []
        self.awaited_now = []
        self.resolved = []
        self.woken = 0
        self.gate = threading.Event()
        self.gate.set()

    # the server
    def greeting(self):
        self._asked()
        return Greeting(statement={}, told_at=NOW)

    def find_patient(self, _system, value):
        self._asked()
        self.patients.append(value)
        self.at.append(time.monotonic())
        if value in self.refuse:
            raise Permanent(403, "status 403")
        return PatientMatch()

    def _asked(self):
        self.gate.wait(5)
        if self.fault:
            raise self.fault

    # the state
    def awaited(self, _source, _limit):
        return self.awaited_now

    def all_patients(self):
        return self.roster

    def findings(self, _patient):
        return [{"dose": {"started": "2025-05-30T10:00:00Z", "ended": None}, "next_check": None}], []

    def group(self, patient):
        return (patient,)

    def recall(self, patient):
        return PatientState(patient=patient, recorded=(), records=(), written=())

    # the intake
    def resolve(self, references):
        self.resolved.append(list(references))
        return len(references)

    def clock(self):
        return NOW

    def wake(self):
        self.woken += 1


@pytest.fixture
def scene(monkeypatch):
    scene = Scene()

    def poll_changes(*_):
        scene._asked()
        scene.wholes += 1
        scene.at.append(time.monotonic())
        return Counter(kept=1)

    monkeypatch.setattr(polling, "poll_changes", poll_changes)
    return scene


@pytest.fixture
def start(scene, tmp_path):
    started = []

    def start(mode="last-updated", *, at_once_every_s=0.2, first_pause_s=0.05):
        polls = Polls(tmp_path)
        rhythm = Rhythm(
            url="http://nowhere",
            resources=(),
            overlap=timedelta(0),
            safety_lag=timedelta(0),
            window=timedelta(days=45),
            page_size=10,
        )
        parts = PollParts(
            source="ward",
            settings=PollSettings(url="http://nowhere", mode=mode),
            rhythm=rhythm,
            server=scene,
            polls=polls,
            state=scene,
            intake=SimpleNamespace(resolve=scene.resolve, clock=scene.clock),
            wake_engine=scene.wake,
            at_once_every_s=at_once_every_s,
            first_pause_s=first_pause_s,
        )
        poller = Poller(parts)
        started.append((poller, polls))
        poller.start()
        return poller

    yield start
    for poller, polls in started:
        poller.end()
        poller.join(5)
        polls.close()


def alarms(reason):
    return ALARMS.labels(reason)._value.get()


def test_a_source_is_polled_when_the_service_starts_and_whenever_its_timer_says_so(scene, start, tmp_path):
    poller = start()
    eventually(lambda: scene.wholes == 1)
    poller.whole()
    eventually(lambda: scene.wholes == 2)
    eventually(lambda: scene.woken == 2)
    assert LAST_POLL.labels("ward")._value.get() == NOW.timestamp()
    reader = PollsReader(tmp_path / "polls.db")
    assert reader.last_complete() == {"ward": NOW}
    reader.close()


def test_many_hints_are_one_poll_and_never_more_than_one_in_a_while(scene, start):
    poller = start(at_once_every_s=0.3)
    eventually(lambda: scene.wholes == 1)
    for _ in range(50):
        poller.hint()
        time.sleep(0.01)
    eventually(lambda: scene.wholes >= 3)
    time.sleep(0.4)
    assert 3 <= scene.wholes <= 4
    assert min(b - a for a, b in zip(scene.at[1:], scene.at[2:], strict=False)) >= 0.25


def test_patients_are_asked_for_at_once_each_once_and_together(scene, start):
    poller = start(at_once_every_s=0.3)
    eventually(lambda: scene.wholes == 1)
    poller.patients(["mrn|1"])
    eventually(lambda: scene.patients == ["1"])
    for _ in range(3):
        poller.patients(["mrn|2", "mrn|3"])
    eventually(lambda: len(scene.patients) == 3)
    time.sleep(0.4)
    assert sorted(scene.patients) == ["1", "2", "3"]
    assert scene.at[2] - scene.at[1] >= 0.25
    assert scene.wholes == 1


def test_no_more_than_twenty_patients_are_asked_for_at_a_time(scene, start):
    poller = start(at_once_every_s=0.5)
    eventually(lambda: scene.wholes == 1)
    poller.patients([f"mrn|{number}" for number in range(25)])
    eventually(lambda: len(scene.patients) == 20)
    time.sleep(0.2)
    assert len(scene.patients) == 20
    eventually(lambda: len(scene.patients) == 25)


def test_what_a_message_waits_for_is_read_soon(scene, start):
    poller = start()
    eventually(lambda: scene.wholes == 1)
    scene.awaited_now = ["Patient/p1"]
    poller.awaited()
    eventually(lambda: scene.resolved == [["Patient/p1"]])


def test_a_failure_is_told_once_tried_again_after_growing_pauses_and_told_to_be_over(scene, start):
    before = alarms("poll-failed")
    scene.fault = Transient("the server cannot be reached")
    with capture_logs() as lines:
        start()
        time.sleep(0.6)
        assert scene.wholes == 0
        scene.fault = None
        eventually(lambda: scene.wholes == 1)
        eventually(lambda: any(line["event"] == "poll-works-again" for line in lines))
    assert alarms("poll-failed") == before + 1
    told = [(line["event"], line.get("reason")) for line in lines if line["event"].startswith("poll-")]
    assert told == [("poll-failed", "the server cannot be reached"), ("poll-works-again", None)]


def test_a_full_disk_is_an_alarm_and_the_poll_is_done_again(scene, start):
    before = alarms("inbox-cannot-keep")
    scene.fault = CannotKeep("no room")
    start()
    eventually(lambda: alarms("inbox-cannot-keep") > before)
    scene.fault = None
    eventually(lambda: scene.wholes == 1)


def test_a_fault_of_ours_is_told_without_its_text(scene, start):
    scene.fault = KeyError("ZQ0001")
    with capture_logs() as lines:
        start()
        eventually(lambda: [line for line in lines if line["event"] == "poll-failed"])
    assert [line["reason"] for line in lines] == ["a fault of ours: KeyError"]
    scene.fault = None
    eventually(lambda: scene.wholes == 1)


def test_a_roster_goes_on_after_a_failure_with_those_not_asked_for_yet(scene, start):
    scene.roster = [f"mrn|{number}" for number in range(6)]
    asked = scene.find_patient

    def fails_once(system, value):
        if value == "4" and "4" not in scene.patients:
            scene.patients.append(value)
            raise Transient("busy")
        return asked(system, value)

    scene.find_patient = fails_once
    start("per-patient")
    eventually(lambda: LAST_POLL.labels("ward")._value.get() and scene.patients.count("4") == 2)
    eventually(lambda: len(scene.patients) >= 7)
    assert [scene.patients.count(str(number)) for number in range(4)] == [1, 1, 1, 1]


def test_a_patient_the_server_refuses_does_not_keep_the_others_waiting(scene, start, tmp_path):
    before = alarms("patient-not-polled")
    scene.roster = ["mrn|1", "mrn|2", "mrn|3"]
    scene.refuse = {"2"}
    start("per-patient")
    reader = PollsReader(tmp_path / "polls.db")
    eventually(lambda: reader.last_complete() == {"ward": NOW})
    reader.close()
    assert sorted(scene.patients) == ["1", "2", "3"]
    assert alarms("patient-not-polled") == before + 1


def test_one_patient_who_is_refused_at_once_holds_nothing_up(scene, start):
    scene.refuse = {"1"}
    with capture_logs() as lines:
        poller = start()
        eventually(lambda: scene.wholes == 1)
        poller.patients(["mrn|1"])
        eventually(lambda: scene.patients == ["1"])
        poller.whole()
        eventually(lambda: scene.wholes == 2)
    assert [line["event"] for line in lines] == ["patient-not-polled"]


def test_a_server_that_refuses_every_patient_was_not_polled(scene, start, tmp_path):
    scene.roster = ["mrn|1", "mrn|2"]
    scene.refuse = {"1", "2"}
    with capture_logs() as lines:
        start("per-patient", first_pause_s=60)
        eventually(lambda: [line for line in lines if line["event"] == "poll-failed"])
    reader = PollsReader(tmp_path / "polls.db")
    assert reader.last_complete() == {}
    reader.close()


def test_ending_does_not_wait_for_a_server_that_hangs(scene, start):
    scene.gate.clear()
    poller = start()
    began = time.monotonic()
    poller.end()
    poller.join(0.2)
    assert time.monotonic() - began < 2
    scene.gate.set()
