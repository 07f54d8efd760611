"""Commits of one thread made one: one sync, all or nothing, and nobody else sees the half of it."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapter.domain.activity import Reported
from adapter.domain.events import ActivityMeasured, PatientRecord, Recorded, Version
from adapter.domain.identities import Membership
from adapter.domain.message import MessageRef, Parked, PatientResult, Work
from adapter.domain.outputs import Change, Written
from adapter.domain.people import Person
from adapter.domain.problems import problem
from adapter.store import sqlite_state, tally
from adapter.store.faults import CannotKeep, GroupUndone
from adapter.store.sqlite_state import SqliteState

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)


@pytest.fixture
def state(tmp_path):
    one = SqliteState(tmp_path / "state.db")
    yield one
    one.close()


def step(seq):
    return Work(at=AT, message=MessageRef(inbox="inbox", seq=seq, source="lab"))


def in_another_thread(what):
    found = []
    thread = threading.Thread(target=lambda: found.append(what()))
    thread.start()
    thread.join(10)
    assert found, "it waits for ever"
    return found[0]


def test_what_is_written_together_is_seen_inside_at_once_and_outside_at_the_end(state):
    with state.together():
        assert state.commit(step(1))
        assert state.commit(step(2))
        assert state.cursor("inbox") == 2
        assert in_another_thread(lambda: state.cursor("inbox")) == 0
    assert in_another_thread(lambda: state.cursor("inbox")) == 2


def test_another_thread_writes_when_the_group_is_done(state):
    begun, done = threading.Event(), []

    def write():
        begun.set()
        state.first_on("hospital", AT.date())
        done.append("other")

    other = threading.Thread(target=write)
    with state.together():
        state.commit(step(1))
        other.start()
        assert begun.wait(10)
        other.join(0.2)
        done.append("group")
    other.join(10)
    assert done == ["group", "other"]


def commit_together(state, *seqs, past=None):
    """Commit one after the other in one group; a commit may fail with `past` and the others go on."""
    with state.together():
        for seq in seqs:
            with suppress(past or ()):
                state.commit(step(seq))


def test_a_fault_outside_any_commit_undoes_all_of_it(state):
    def broken():
        with state.together():
            state.commit(step(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert state.cursor("inbox") == 0
    assert state.commit(step(1))


def failing_at(monkeypatch, seq, fault):
    write = sqlite_state._write

    def half_written(connection, work):
        write(connection, work)
        if work.message.seq == seq:
            raise fault

    monkeypatch.setattr(sqlite_state, "_write", half_written)


def test_after_a_commit_that_failed_half_way_nothing_of_the_group_is_written(state, monkeypatch):
    failing_at(monkeypatch, 2, ValueError("a fault of ours"))
    with pytest.raises(GroupUndone):
        commit_together(state, 1, 2, 3, past=ValueError)
    assert state.cursor("inbox") == 0


def test_a_failed_commit_that_nobody_follows_undoes_the_group_too(state, monkeypatch):
    failing_at(monkeypatch, 2, ValueError("a fault of ours"))
    with pytest.raises(GroupUndone):
        commit_together(state, 1, 2, past=ValueError)
    assert state.cursor("inbox") == 0


def test_no_room_in_the_middle_is_told_as_no_room(state, monkeypatch):
    failing_at(monkeypatch, 2, CannotKeep("no space"))
    with pytest.raises(CannotKeep, match="no space"):
        commit_together(state, 1, 2)
    monkeypatch.undo()
    assert state.cursor("inbox") == 0
    with state.together():
        assert state.commit(step(1))
    assert state.cursor("inbox") == 1


def test_alone_every_commit_stands_by_itself(state, monkeypatch):
    failing_at(monkeypatch, 2, ValueError("a fault of ours"))
    state.commit(step(1))
    with pytest.raises(ValueError, match="a fault of ours"):
        state.commit(step(2))
    assert state.cursor("inbox") == 1


def result(seq, patient):
    """A step as nearly all are: one result of a patient, and the Observation that was made of it."""
    body = {"resourceType": "Observation", "id": f"o{seq}", "status": "final"}
    made = Written(
        kind="activity",
        resource_type="Observation",
        id=f"o{seq}",
        body=body,
        content_hash=f"hash {seq}",
        state="open",
        grounds=(),
        topic=None,
        verdict=None,
        first_written=AT,
        last_written=AT,
    )
    measured = ActivityMeasured(
        patient=patient,
        source="lab",
        key=f"s{seq}",
        status="final",
        letter="F",
        version=Version(number=seq),
        activity=None,
        reported=Reported(value="0.3", unit="IU/mL", text="0.3"),
    )
    return Work(
        at=AT,
        message=MessageRef(inbox="inbox", seq=seq, source="lab"),
        events=(Recorded(arrival=1, event=measured, origin=f"digest {seq}"),),
        people=(Person(patient=patient, source="lab", record="", born="2015-03-01", family=("fern",)),),
        results=(
            PatientResult(
                patient=patient,
                findings=({"n": seq},),
                unlinked=(),
                changes=(Change(operation="create", after=made),),
            ),
        ),
        problems=(problem("zone-missing"),),
        deliver_to=("hospital",),
    )


LOOKED_FOR = {
    "the history of the patient": (lambda state: len(state.recall("mrn|1").recorded), 1),
    "what was written about him": (lambda state: [one.id for one in state.recall("mrn|1").written], ["o1"]),
    "whom the number stands for": (lambda state: [one.family for one in state.people("mrn|1")], [("fern",)]),
    "what the message said": (lambda state: [row.event.key for row in state.read_from(["digest 1"])], ["s1"]),
    "whose a resource is": (lambda state: state.owners(["o1"]), {"o1": "mrn|1"}),
    "the findings": (lambda state: state.findings("mrn|1")[0], [{"n": 1}]),
    "what is owed": (lambda state: state.outbox_counts("hospital")["pending"], 1),
    "how far the inbox was read": (lambda state: state.cursor("inbox"), 1),
    "the problems": (lambda state: state.problem_counts(), {"zone-missing": 1}),
    "the counts": (lambda state: state.counts()["messages:inbox"], 1),
    "a search": (lambda state: state.search("Observation", status=[[(None, "final")]])[0], 1),
}


@pytest.mark.parametrize(("look", "found"), LOOKED_FOR.values(), ids=LOOKED_FOR)
def test_a_result_that_waits_to_be_written_is_found_by_whoever_looks_for_it(state, look, found):
    with state.together():
        state.commit(result(1, "mrn|1"))
        assert state.people("mrn|2") == ()
        assert look(state) == found
    assert look(state) == found


def told(state):
    return (
        [[(row, state.recall(patient).written) for row in state.recall(patient).recorded] for patient in patients()],
        [state.findings(patient) for patient in patients()],
        state.problem_counts(),
        state.counts(),
        state.due("hospital", AT, 100),
        state.search("Observation", status=[[(None, "final")]]),
        state.cursor("inbox"),
    )


def patients():
    return [f"mrn|{number}" for number in range(1, 25)]


def test_what_is_written_late_is_what_would_have_been_written_at_once(tmp_path, state):
    other = SqliteState(tmp_path / "other.db")
    steps = [result(seq, f"mrn|{1 + seq % 40}") for seq in range(1, 101)]
    with state.together():
        for work in steps:
            assert state.commit(work)
            assert not state.commit(work)
    for work in steps:
        other.commit(work)
    assert told(state) == told(other)
    other.close()


def test_a_message_for_other_targets_does_not_wait_with_the_others(state):
    with state.together():
        state.commit(result(1, "mrn|1"))
        state.commit(replace(result(2, "mrn|2"), deliver_to=("clinic",)))
    assert [state.outbox_counts(target)["pending"] for target in ("hospital", "clinic")] == [1, 1]


def test_a_fault_while_the_last_of_a_group_are_written_undoes_it(state, monkeypatch):
    monkeypatch.setattr(tally, "_write_all", lambda *_: 1 / 0)

    def written():
        with state.together():
            state.commit(result(1, "mrn|1"))

    with pytest.raises(GroupUndone):
        written()
    assert state.cursor("inbox") == 0
    monkeypatch.undo()
    written()
    assert state.cursor("inbox") == 1


def test_no_room_for_the_last_of_a_group_is_told_as_no_room(state, monkeypatch):
    def full(*_):
        raise CannotKeep("no space")

    monkeypatch.setattr(tally, "_write_all", full)
    with pytest.raises(CannotKeep, match="no space"), state.together():
        state.commit(result(1, "mrn|1"))
    assert state.cursor("inbox") == 0


@pytest.mark.parametrize("known", ["findings", "a person", "a merge", "a Patient"])
def test_looking_ahead_changes_nothing_of_what_is_found(state, known):
    """Somebody of whom anything at all is known is asked for as ever."""
    steps = {
        "findings": replace(result(1, "mrn|1"), events=(), people=()),
        "a person": replace(result(1, "mrn|1"), events=(), results=()),
        "a merge": Work(
            at=AT,
            message=MessageRef(inbox="inbox", seq=1, source="lab"),
            memberships=(Membership(patient="mrn|9", survivor="mrn|1"),),
        ),
        "a Patient": Work(
            at=AT,
            message=MessageRef(inbox="inbox", seq=1, source="lab"),
            patients=(PatientRecord(source="lab", reference="Patient/1", patient="mrn|1"),),
        ),
    }
    state.commit(steps[known])

    def found():
        return (
            state.recall("mrn|1"),
            state.people("mrn|1"),
            state.group("mrn|1"),
            state.read_from(["digest 1"]),
            state.owners(["o1"]),
        )

    before = found()
    with state.together():
        state.look_ahead(["mrn|1", "mrn|2"], ["digest 1", "digest 2"], ["o1", "o2"])
        assert found() == before
        assert state.group("mrn|2") == ("mrn|2",)


def test_what_a_group_says_of_somebody_looked_for_ahead_is_found_in_it(state):
    parked = Parked(
        message=MessageRef(inbox="inbox", seq=3, source="lab", digest="digest 3"),
        reason="internal-error",
        problems=(),
        waits_for=(),
        parked_at=AT,
    )
    with state.together():
        state.look_ahead(["mrn|1", "mrn|2"], ["digest 1", "digest 2", "digest 3"], ["o1", "o2"])
        assert state.owners(["o1", "o2"]) == {}
        assert (state.recall("mrn|1").recorded, state.people("mrn|1"), state.read_from(["digest 1"])) == ((), (), ())
        state.commit(result(1, "mrn|1"))
        assert len(state.recall("mrn|1").recorded) == len(state.people("mrn|1")) == 1
        assert len(state.read_from(["digest 1", "digest 2"])) == 1
        assert state.owners(["o1", "o2"]) == {"o1": "mrn|1"}
        state.commit(Work(at=AT, message=parked.message, parked=parked))
        assert state.twins(MessageRef(inbox="inbox", seq=4, source="lab", digest="digest 3")) == [parked.message]
        state.commit(
            Work(
                at=AT,
                message=MessageRef(inbox="inbox", seq=5, source="lab"),
                memberships=(Membership(patient="mrn|2", survivor="mrn|1"),),
            )
        )
        assert state.group("mrn|2") == ("mrn|1", "mrn|2")
