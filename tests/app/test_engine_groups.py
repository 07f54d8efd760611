"""Waiting messages are committed together; one that cannot be written costs the others nothing but time."""

from __future__ import annotations

from datetime import UTC, datetime

import hospital
import pytest
from kept_store import KeptStore
from running_service import eventually

from adapter.app.engine import Engine, EngineParts
from adapter.store import sqlite_state, tally

NOW = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture
def waiting(tmp_path):
    """A store with twelve results of twelve patients nobody has looked at yet."""
    store = KeptStore(tmp_path / "store", "hospital")
    for number in range(12):
        store.hl7(hospital.oru(f"W{number}", mrn=f"9300{number:02d}", filler=f"W{number}"), understood=False)
    yield store
    store.close()


def groups_of(store):
    """How many messages each transaction held."""
    sizes = []
    together = store.state.together

    def counted():
        sizes.append(store.state.cursor("inbox"))
        return together()

    engine = Engine(
        EngineParts(
            parts=store.parts,
            cursors=store.state,
            inboxes=[store.inboxes["inbox"]],
            clock=lambda: NOW,
            after_commit=lambda: None,
            together=counted,
        )
    )
    engine.start()
    try:
        eventually(lambda: store.state.cursor("inbox") == 12)
    finally:
        engine.stop(10)
    return sizes


def facts(store):
    return sum(len(store.state.recall(f"{hospital.MRN}|9300{n:02d}").recorded) for n in range(12))


def test_messages_that_wait_are_written_together(waiting, monkeypatch):
    monkeypatch.setattr("adapter.app.engine.GROUP_S", 60.0)
    assert groups_of(waiting) == [0]
    assert facts(waiting) == 12
    assert waiting.state.parked() == []


def test_a_group_ends_after_a_short_time(waiting, monkeypatch):
    monkeypatch.setattr("adapter.app.engine.GROUP_S", 0.0)
    begun_at = groups_of(waiting)
    assert begun_at == list(range(11))  # the last one is alone and needs no group
    assert facts(waiting) == 12


def test_one_message_that_cannot_be_written_waits_in_the_work_list_and_spoils_no_other(waiting, monkeypatch):
    monkeypatch.setattr("adapter.app.engine.GROUP_S", 60.0)
    monkeypatch.setattr(sqlite_state, "may_wait", lambda _: False)
    write = sqlite_state._write
    tried = []

    def half_written(connection, work):
        write(connection, work)
        if work.message.seq == 6 and work.events:
            tried.append(work.message.seq)
            raise ValueError("a fault of ours")

    monkeypatch.setattr(sqlite_state, "_write", half_written)
    groups = groups_of(waiting)
    assert [(one.message.seq, one.reason) for one in waiting.state.parked()] == [(6, "internal-error")]
    assert facts(waiting) == 11
    assert tried == [6, 6]
    assert groups == [0, 6]


def test_the_same_is_true_of_one_that_is_written_with_others(waiting, monkeypatch):
    monkeypatch.setattr("adapter.app.engine.GROUP_S", 60.0)
    write_all, write = tally._write_all, sqlite_state._write
    tried = []

    def half_written(connection, steps):
        write_all(connection, steps)
        if any(work.message.seq == 6 for work in steps):
            tried.append([work.message.seq for work in steps])
            raise ValueError("a fault of ours")

    def alone(connection, work):
        write(connection, work)
        if work.message.seq == 6 and work.events:
            tried.append(6)
            raise ValueError("a fault of ours")

    monkeypatch.setattr(tally, "_write_all", half_written)
    monkeypatch.setattr(sqlite_state, "_write", alone)
    groups = groups_of(waiting)
    assert [(one.message.seq, one.reason) for one in waiting.state.parked()] == [(6, "internal-error")]
    assert facts(waiting) == 11
    assert tried == [list(range(1, 13)), 6]
    assert groups == [0]
