"""The engine takes what was kept in its order and lets no single patient stop the others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from running_service import eventually

from adapter.app import engine as engines
from adapter.app.engine import Engine, EngineParts, message_ref, reader
from adapter.domain.message import Arrival, Work
from adapter.pipeline.process import Processed
from adapter.store.memory_inbox import MemoryInbox

tried = []
"""Every attempt at the patient the rules fail on."""
NOW = datetime(2025, 6, 1, tzinfo=UTC)


class Cursors(dict):
    def cursor(self, inbox):
        return self.get(inbox, 0)


def arrival(control_id):
    raw = control_id.encode()
    return Arrival(kind="hl7v2", source="lab", listener="lab", raw=raw, received_at=NOW, control_id=control_id)


@pytest.fixture
def taken(monkeypatch):
    """What the engine handed on, in order."""
    done = []
    tried.clear()

    def process(stored, message, _parts, _now):
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
