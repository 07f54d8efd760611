"""Discarding: written down before it happens, finished after a crash, and told truly."""

from __future__ import annotations

import json

import hospital
import pytest
from kept_store import RECEIVED, KeptStore, stored

from adapter.app import asking
from adapter.app.asking import ASKED, DONE
from adapter.app.discarding import FOLDER, Discard, Discards, ask_to_discard
from adapter.store.crash_points import on_reaching
from adapter.store.faults import CannotKeep


def two_that_wait(kept):
    """Two messages that wait, and one that does not."""
    kept.hl7(hospital.oru("S1", authority="ELSEWHERE"), answer="AE")
    kept.hl7(hospital.oru("S2", filler="F2", authority="ELSEWHERE"), answer="AE")
    kept.hl7(hospital.oru("S3", filler="F3"))


@pytest.fixture
def store(tmp_path):
    kept = KeptStore(stored(tmp_path / "store", two_that_wait))
    yield kept
    kept.close()


@pytest.fixture
def waiting(store):
    return tuple(parked.message for parked in store.state.parked())


def discard_of(*messages):
    return Discard(id="d1", asked_at="2025-03-12T08:00:00Z", by="anna", because="a test", messages=messages)


def discards(store, state=None):
    return Discards(store.folder, state or store.state, lambda: RECEIVED)


def places(store):
    return [parked.message.seq for parked in store.state.parked()]


def test_what_is_asked_leaves_the_work_list_and_stays_as_an_audit_line(store, waiting):
    place = ask_to_discard(store.folder, discard_of(waiting[0]))
    discards(store).look()
    assert places(store) == [2]
    assert json.loads(place.read_text()) == {
        "schema": 1,
        "id": "d1",
        "asked_at": "2025-03-12T08:00:00Z",
        "by": "anna",
        "because": "a test",
        "done_at": "2025-03-11T13:05:00Z",
        "discarded": [["inbox", 1]],
        "not_waiting": [],
    }
    assert place.stat().st_mode & 0o077 == 0
    assert [file.name for file in (store.folder / FOLDER).iterdir()] == [f"d1{DONE}"]


def test_a_message_that_waits_no_longer_is_told_and_not_counted_as_discarded(store, waiting):
    discards_here = discards(store)
    ask_to_discard(store.folder, discard_of(*waiting))
    discards_here.look()
    ask_to_discard(store.folder, Discard(**{**_fields(discard_of(*waiting)), "id": "d2"}))
    discards_here.look()
    told = json.loads((store.folder / FOLDER / f"d2{DONE}").read_text())
    assert (told["discarded"], told["not_waiting"]) == ([], [["inbox", 1], ["inbox", 2]])


def _fields(discard):
    return {name: getattr(discard, name) for name in Discard.__dataclass_fields__}


class Failing:
    """A state whose next commit fails as on a full disk."""

    def __init__(self, state):
        self._state = state
        self.parked = state.parked
        self.together = state.together

    def commit(self, work):
        assert work.resolved
        self.commit = self._state.commit
        raise CannotKeep("no room")


def test_a_commit_that_fails_changes_nothing_and_is_done_at_the_next_look(store, waiting):
    here = discards(store, Failing(store.state))
    ask_to_discard(store.folder, discard_of(*waiting))
    with pytest.raises(CannotKeep):
        here.look()
    assert places(store) == [1, 2]
    assert not (store.folder / FOLDER / f"d1{DONE}").exists()
    here.look()
    assert places(store) == []
    assert json.loads((store.folder / FOLDER / f"d1{DONE}").read_text())["discarded"] == [["inbox", 1], ["inbox", 2]]


def test_a_process_that_ended_before_it_wrote_the_result_still_tells_what_it_did(store, waiting, monkeypatch):
    ask_to_discard(store.folder, discard_of(*waiting))
    real = asking.replace_object

    def fails_at_the_end(file, content, *, durable=False):
        if file.name.endswith(DONE):
            raise OSError(28, "No space left on device")
        real(file, content, durable=durable)

    monkeypatch.setattr(asking, "replace_object", fails_at_the_end)
    discards(store).look()
    assert places(store) == []
    assert [file.name for file in (store.folder / FOLDER).iterdir()] == [f"d1{ASKED}"]
    monkeypatch.setattr(asking, "replace_object", real)
    discards(store).look()
    assert json.loads((store.folder / FOLDER / f"d1{DONE}").read_text())["discarded"] == [["inbox", 1], ["inbox", 2]]
    assert not (store.folder / FOLDER / f"d1{ASKED}").exists()


class Died(BaseException):
    """What no part of the product catches, as it would not survive a kill."""


@pytest.mark.parametrize("point", ["state-written", "state-committed", "group-written", "group-committed"])
def test_a_process_that_dies_at_any_step_of_a_discard_leaves_it_to_the_next(store, waiting, point):
    def dies(reached):
        if reached == point:
            raise Died

    ask_to_discard(store.folder, discard_of(waiting[0]))
    on_reaching(dies)
    try:
        with pytest.raises(Died):
            discards(store).look()
    finally:
        on_reaching(None)
    assert not (store.folder / FOLDER / f"d1{DONE}").exists()
    discards(store).look()
    assert places(store) == [2]
    assert json.loads((store.folder / FOLDER / f"d1{DONE}").read_text())["discarded"] == [["inbox", 1]]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"id": "d0", "messages": [7]}'])
def test_a_request_nobody_can_read_keeps_no_other_from_being_done(store, waiting, content):
    ask_to_discard(store.folder, discard_of(waiting[1]))
    (store.folder / FOLDER / f"d0{ASKED}").write_text(content)
    discards(store).look()
    assert places(store) == [1]
