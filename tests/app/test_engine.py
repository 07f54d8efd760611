"""The engine takes what was kept in its order and lets no single patient stop the others."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from running_service import eventually

from adapter.app import engine as engines
from adapter.app.engine import Engine, EngineParts
from adapter.app.inboxes import message_ref, reader
from adapter.domain.message import Arrival, Work
from adapter.pipeline.process import Processed
from adapter.store.memory_inbox import MemoryInbox

tried = []
"""Every attempt at the patient the rules fail on."""
NOW = datetime(2025, 6, 1, tzinfo=UTC)


class Cursors(dict):
    def cursor(self, inbox):
        return self.get(inbox, 0)


def arrival(control_id, minute=0):
    raw, at = control_id.encode(), NOW + timedelta(minutes=minute)
    return Arrival(kind="hl7v2", source="lab", listener="lab", raw=raw, received_at=at, control_id=control_id)


@pytest.fixture
def taken(monkeypatch):
    """What the engine handed on, in order."""
    done = []
    tried.clear()

    def process(stored, message, _parts, _now, **_):
        done.append((message.inbox, stored.arrival.control_id))
        cursors[message.inbox] = message.seq
        return Processed(work=Work(at=NOW, message=message), translations=())

    def reassess(patient, _parts, _now):
        if patient == "broken":
            tried.append(patient)
            raise ZeroDivisionError
        done.append(("reassessed", patient))
        return Processed(work=Work(at=NOW), translations=())

    cursors = Cursors()
    monkeypatch.setattr(engines, "process", process)
    monkeypatch.setattr(engines, "read_ahead", lambda arrivals, _: [None for _ in arrivals])
    monkeypatch.setattr(engines, "reassess", reassess)
    inboxes = [MemoryInbox("inbox"), MemoryInbox("inbox-core")]
    engine = Engine(
        EngineParts(parts=None, cursors=cursors, inboxes=inboxes, clock=lambda: NOW, after_commit=lambda: None)
    )
    yield engine, inboxes, done
    engine.stop(5)


def test_every_inbox_is_read_in_its_order_from_where_it_was_left(taken):
    engine, (inbox, other), done = taken
    inbox.keep([arrival("A1"), arrival("A2")])
    other.keep([arrival("B1")])
    engine.start()
    eventually(lambda: len(done) == 3)
    inbox.keep([arrival("A3")])
    engine.wake()
    eventually(lambda: len(done) == 4)
    assert [what for what in done if what[0] == "inbox"] == [("inbox", "A1"), ("inbox", "A2"), ("inbox", "A3")]
    assert done.count(("inbox-core", "B1")) == 1


@pytest.mark.parametrize("batch", [1, 2, 3, 200])
def test_what_waited_at_the_start_is_read_in_the_order_in_which_it_came_to_any_inbox(taken, monkeypatch, batch):
    monkeypatch.setattr(engines, "BATCH", batch)
    engine, (inbox, other), done = taken
    minutes = {"A1": 1, "A2": 3, "A3": 4, "A4": 8, "B1": 2, "B2": 5, "B3": 6, "B4": 7, "B5": 9}
    inbox.keep([arrival(name, minute) for name, minute in minutes.items() if name < "B"])
    other.keep([arrival(name, minute) for name, minute in minutes.items() if name > "B"])
    engine.start()
    eventually(lambda: len(done) == len(minutes))
    assert [name for _, name in done] == sorted(minutes, key=minutes.__getitem__)


def test_what_comes_while_a_backlog_is_read_waits_for_no_other_inbox(taken, monkeypatch):
    monkeypatch.setattr(engines, "BATCH", 2)
    engine, (inbox, other), done = taken
    other.keep([arrival(f"B{n}", n) for n in range(1, 7)])
    process = engines.process

    def first(stored, *rest, **told):
        if not done:
            inbox.keep([arrival("A1", 30)])
        return process(stored, *rest, **told)

    monkeypatch.setattr(engines, "process", first)
    engine.start()
    eventually(lambda: len(done) == 7)
    assert done.index(("inbox", "A1")) == 2
    assert [name for where, name in done if where == "inbox-core"] == [f"B{n}" for n in range(1, 7)]


def test_a_patient_the_rules_fail_on_does_not_stop_the_others(taken):
    engine, _, done = taken
    engine.start()
    engine.reassess(["one", "broken", "two", "two"])
    eventually(lambda: ("reassessed", "two") in done)
    engine.reassess(["three"])
    eventually(lambda: ("reassessed", "three") in done)
    assert engine.alive
    assert "broken" not in [patient for _, patient in done]


def test_a_patient_the_rules_fail_on_rests_before_he_is_tried_again(taken, monkeypatch):
    engine, _, done = taken
    engine.start()
    for last in ("one", "two"):
        engine.reassess(["broken", last])
        eventually(lambda last=last: ("reassessed", last) in done)
    assert tried == ["broken"]
    monkeypatch.setattr(engines, "FAILED_REST_S", 0.0)
    engine._resting_until.clear()
    for last in ("three", "four"):
        engine.reassess(["broken", last])
        eventually(lambda last=last: ("reassessed", last) in done)
    assert tried == ["broken"] * 3


def test_the_end_waits_for_the_message_in_hand(taken):
    engine, _, _ = taken
    engine.start()
    engine.stop(5)
    assert not engine.alive


def test_a_message_is_found_again_where_it_lies():
    inbox = MemoryInbox("inbox")
    inbox.keep([arrival("A1")])
    stored = inbox.get(1)
    ref = message_ref("inbox", stored)
    assert (ref.inbox, ref.seq, ref.control_id, ref.source) == ("inbox", 1, "A1", "lab")
    assert reader([inbox])(ref) == stored


@pytest.fixture
def with_parts(monkeypatch):
    """An engine that notes by which parts each message was read."""
    done, cursors = [], Cursors()

    def process(stored, message, parts, _now, **_):
        done.append((stored.arrival.control_id, parts))
        cursors[message.inbox] = message.seq
        return Processed(work=Work(at=NOW, message=message), translations=())

    def reread(message, parts, _now, **_):
        done.append((message, parts))
        return Processed(work=Work(at=NOW), translations=())

    monkeypatch.setattr(engines, "process", process)
    monkeypatch.setattr(engines, "read_ahead", lambda arrivals, _: [None for _ in arrivals])
    monkeypatch.setattr(engines, "reread", reread)
    inboxes = [MemoryInbox("inbox"), MemoryInbox("inbox-core")]
    engine = Engine(
        EngineParts(parts="old", cursors=cursors, inboxes=inboxes, clock=lambda: NOW, after_commit=lambda: None)
    )
    engine.start()
    yield engine, inboxes, done
    engine.stop(5)


def held(engine):
    """Ask for a hold and wait until nothing is in hand."""
    told = []
    engine.boundary.hold(lambda: told.append(1))
    eventually(lambda: told)
    return told


def test_on_hold_nothing_is_begun_and_it_is_told_once(with_parts):
    engine, (inbox, _), done = with_parts
    told = held(engine)
    inbox.keep([arrival("A1")])
    engine.wake()
    time.sleep(0.2)
    assert (done, told) == ([], [1])
    engine.boundary.go_on()
    eventually(lambda: done == [("A1", "old")])


@pytest.mark.parametrize(
    ("until", "read"),
    [
        ({}, [("A1", "new"), ("A2", "new"), ("A3", "new"), ("B1", "new")]),
        ({"inbox": 1}, [("A1", "old"), ("A2", "new"), ("A3", "new"), ("B1", "new")]),
        ({"inbox": 2}, [("A1", "old"), ("A2", "old"), ("A3", "new"), ("B1", "new")]),
        ({"inbox": 3, "inbox-core": 1}, [("A1", "old"), ("A2", "old"), ("A3", "old"), ("B1", "old")]),
    ],
)
def test_what_lies_before_the_boundary_is_read_as_before_and_what_follows_anew(with_parts, until, read):
    engine, (inbox, other), done = with_parts
    held(engine)
    inbox.keep([arrival("A1"), arrival("A2"), arrival("A3")])
    other.keep([arrival("B1")])
    taken = []
    engine.boundary.take("new", until, lambda: taken.append(len(done)))
    eventually(lambda: len(done) == 4)
    assert sorted(done) == read
    assert taken == [sum(until.values())]


def test_a_replay_under_way_is_read_to_its_end_before_the_hold(with_parts):
    engine, (inbox, _), done = with_parts
    read, told = [], []
    for number in range(20):
        engine.reread(number, read.append)
    engine.boundary.hold(lambda: told.append(len(read)))
    eventually(lambda: told)
    assert told == [20]
    engine.boundary.take("new", {}, lambda: None)
    inbox.keep([arrival("A1")])
    eventually(lambda: ("A1", "new") in done)
    assert [parts for _, parts in done] == ["old"] * 20 + ["new"]


def test_it_can_be_held_again_and_again(with_parts):
    engine, (inbox, _), done = with_parts
    for number in range(1, 4):
        assert held(engine) == [1]
        engine.boundary.take(f"set {number}", {"inbox": number - 1}, lambda: None)
        inbox.keep([arrival(f"A{number}")])
        eventually(lambda number=number: len(done) == number)
    assert done == [("A1", "set 1"), ("A2", "set 2"), ("A3", "set 3")]
