"""Records a source only named are read by its polling thread: none is lost, and a restart goes on."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from notifications import backport
from records_server import dose, patient
from running_service import eventually
from structlog.testing import capture_logs

from adapter.app import polling
from adapter.app.counters import HOOK_GAPS
from adapter.app.hook_errands import HookErrands, NoErrands
from adapter.app.hook_numbers import Hole
from adapter.app.polling import Poller, PollParts
from adapter.settings import PollSettings
from adapter.store.faults import CannotKeep
from adapter.store.hook_notes import HookNotes
from adapter.store.polls import Polls
from adapter.transport.fhir_client import Permanent, Transient

D1, D2 = "MedicationAdministration/d1", "MedicationAdministration/d2"
HOLE = Hole(source="ehr", subscription="Subscription/s1", first=2, last=3)
TYPES = ("MedicationAdministration", "AllergyIntolerance")


class Server:
    """Gives what a test says; remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.faults = {}
        self.answer = {"resourceType": "Bundle"}
        self.meanwhile = lambda _: None

    def read(self, resource_type, identity):
        reference = f"{resource_type}/{identity}"
        self.asked.append(reference)
        self.meanwhile(reference)
        if reference in self.faults:
            raise self.faults[reference]
        return {"resourceType": resource_type, "id": identity}

    def events(self, identity, first, last):
        self.asked.append((identity, first, last))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Intake:
    def __init__(self):
        self.taken = []
        self.deleted = []
        self.known = set()

    def take(self, resources):
        self.taken += [f"{one['resourceType']}/{one['id']}" for one in resources]

    def delete(self, references):
        self.deleted += references

    def knows(self, reference):
        return reference in self.known


@pytest.fixture
def notes(tmp_path):
    notes = HookNotes(tmp_path)
    yield notes
    notes.close()


@pytest.fixture
def scene(notes):
    server, intake = Server(), Intake()
    errands = HookErrands("ehr", notes, server, intake, TYPES)
    return SimpleNamespace(server=server, intake=intake, errands=errands, notes=notes)


def tell(scene, *references, place=1):
    scene.notes.put_reads("ehr", references, place)
    scene.errands.read()


def test_what_was_named_is_read_once_and_forgotten(scene):
    assert not scene.errands.due
    tell(scene, D1, "Patient/p1", "AllergyIntolerance/a1")
    assert scene.errands.due
    scene.errands.run()
    assert sorted(scene.intake.taken) == ["AllergyIntolerance/a1", D1, "Patient/p1"]
    assert (scene.errands.due, scene.notes.reads("ehr", 10), scene.errands.wants_whole()) == (False, {}, False)


def test_what_is_of_no_use_to_us_is_not_read(scene):
    tell(scene, "Observation/o1", "Encounter/e1")
    scene.errands.run()
    assert (scene.server.asked, scene.notes.reads("ehr", 10)) == ([], {})


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_and_was_known_is_withdrawn(scene, status):
    scene.server.faults = {D1: Permanent(status, "gone"), D2: Permanent(status, "gone")}
    scene.intake.known = {D1}
    tell(scene, D1, D2)
    scene.errands.run()
    assert (scene.intake.deleted, scene.notes.reads("ehr", 10)) == ([D1], {})


@pytest.mark.parametrize("status", [403, 400, 500])
def test_one_record_that_is_refused_is_told_and_keeps_no_other_waiting(scene, status):
    scene.intake.known = {D1}
    scene.server.faults = {D1: Permanent(status, "no")}
    tell(scene, D1, D2)
    with capture_logs() as lines:
        scene.errands.run()
    assert [line["event"] for line in lines] == ["hook-not-read"]
    assert (scene.intake.taken, scene.intake.deleted, scene.notes.reads("ehr", 10)) == ([D2], [], {})


def test_a_server_that_is_away_leaves_what_was_not_read_for_later_and_for_a_restart(scene):
    tell(scene, D1, D2)
    scene.server.faults = {D2: Transient("away")}
    with pytest.raises(Transient):
        scene.errands.run()
    assert (scene.intake.taken, scene.errands.due, scene.notes.reads("ehr", 10)) == ([D1], True, {D2: 1})
    again = HookErrands("ehr", scene.notes, Server(), scene.intake, TYPES)
    assert again.due
    again.run()
    assert (scene.intake.taken, again.due) == ([D1, D2], False)


def test_what_is_named_again_while_it_is_read_is_read_again(scene):
    tell(scene, D1)
    scene.server.meanwhile = lambda _: tell(scene, D1, place=2) if len(scene.server.asked) == 1 else None
    scene.errands.run()
    assert scene.server.asked == [D1, D1]
    assert scene.notes.reads("ehr", 10) == {}


def closing(scene, answer):
    scene.server.answer = answer
    settled = []
    scene.errands.ask(HOLE, settled.append)
    assert scene.errands.due
    scene.errands.run()
    assert (settled, scene.errands.due, scene.server.asked[0]) == ([HOLE], False, ("s1", 2, 3))
    return scene.errands.wants_whole()


def test_missing_events_that_are_all_told_need_no_poll(scene):
    events = [(2, D1), (3, "Patient/p2")]
    scene.intake.known = {D2}
    body = backport(
        "query-event", total=3, events=events, resources=[dose(1), {"resourceType": "Encounter", "id": "e"}]
    )
    body["entry"].append({"request": {"method": "DELETE", "url": D2}, "response": {"status": "204"}})
    body["entry"].append({"request": {"method": "DELETE", "url": "AllergyIntolerance/never"}})
    before = HOOK_GAPS.labels("ehr", "asked")._value.get()
    assert closing(scene, body) is False
    assert (scene.intake.taken, scene.intake.deleted) == ([D1, "Patient/p2"], [D2])
    assert HOOK_GAPS.labels("ehr", "asked")._value.get() == before + 1


@pytest.mark.parametrize(
    "answer",
    [
        Permanent(404, "no such operation"),
        Permanent(501, "not implemented"),
        Transient("away"),
        {"resourceType": "Bundle", "type": "history", "entry": []},
        backport("query-event", total=3, events=[(2, D1)]),
        backport("query-event", total=3, events=[(3, D1), (4, D1)]),
    ],
)
def test_a_server_that_does_not_tell_all_missing_events_has_the_source_polled(scene, answer):
    assert closing(scene, answer) is True
    assert scene.errands.wants_whole() is False


def test_a_subscription_without_a_name_cannot_be_asked(scene):
    settled = []
    scene.errands.ask(Hole(source="ehr", subscription="", first=2, last=3), settled.append)
    scene.errands.run()
    assert (scene.server.asked, len(settled), scene.errands.wants_whole()) == ([], 1, True)


def test_a_hole_stays_when_what_the_server_tells_cannot_be_kept(scene):
    def full(_):
        raise CannotKeep("no space")

    scene.intake.take = full
    scene.server.answer = backport("query-event", total=3, events=[(2, D1), (3, D1)], resources=[dose(1), patient()])
    settled = []
    scene.errands.ask(HOLE, settled.append)
    with pytest.raises(CannotKeep):
        scene.errands.run()
    assert (settled, scene.errands.due) == ([], True)


def test_a_source_without_a_hook_has_none():
    none = NoErrands()
    none.run()
    assert (none.due, none.wants_whole()) == (False, False)


class Polled:
    """A source whose polls and errands only count."""

    def __init__(self):
        self.wholes = 0
        self.during = None
        self.errands = SimpleNamespace(due=False, whole=False, runs=0, at=[], fault=None)
        self.errands.run = self._run
        self.errands.wants_whole = self._wants_whole

    def _run(self):
        self.errands.runs += 1
        self.errands.at.append(time.monotonic())
        if self.errands.fault:
            raise self.errands.fault
        self.errands.due = False

    def _wants_whole(self):
        wanted, self.errands.whole = self.errands.whole, False
        return wanted

    def poll(self, *_):
        during, self.during = self.during, None
        if during:
            during()
        self.wholes += 1


@pytest.fixture
def make_poller(tmp_path, monkeypatch):
    made = []

    def make():
        scene, polls = Polled(), Polls(tmp_path)
        monkeypatch.setattr(polling, "poll_changes", scene.poll)
        parts = PollParts(
            source="ehr",
            settings=PollSettings(url="http://nowhere"),
            rhythm=None,
            server=None,
            polls=polls,
            state=SimpleNamespace(awaited=lambda *_: []),
            intake=SimpleNamespace(clock=lambda: datetime(2025, 6, 1, tzinfo=UTC)),
            wake_engine=lambda: None,
            errands=scene.errands,
            at_once_every_s=0.2,
            first_pause_s=0.02,
        )
        poller = Poller(parts)
        made.append((poller, polls))
        poller.start()
        return poller, scene

    yield make
    for poller, polls in made:
        poller.end()
        poller.join(5)
        polls.close()


def test_the_polling_thread_runs_errands_out_of_turn_and_polls_where_they_ask_for_it(make_poller):
    poller, scene = make_poller()
    eventually(lambda: scene.wholes == 1)
    scene.errands.due, scene.errands.whole = True, True
    poller.rouse()
    eventually(lambda: scene.errands.runs == 1 and scene.wholes == 2)
    # Soon after, they wait their turn.
    scene.errands.due = True
    poller.rouse()
    eventually(lambda: scene.errands.runs == 2)
    assert scene.errands.at[1] - scene.errands.at[0] >= 0.19


def test_errands_that_fail_are_run_again_after_a_pause(make_poller):
    poller, scene = make_poller()
    eventually(lambda: scene.wholes == 1)
    scene.errands.fault = Transient("away")
    scene.errands.due = True
    poller.rouse()
    eventually(lambda: scene.errands.runs >= 2)
    scene.errands.fault = None
    eventually(lambda: not scene.errands.due)


def test_a_hint_that_comes_during_a_poll_makes_one_more(make_poller):
    poller, scene = make_poller()
    eventually(lambda: scene.wholes == 1)
    scene.during = poller.hint
    poller.hint()
    eventually(lambda: scene.wholes == 3)
