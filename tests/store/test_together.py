"""Commits of one thread made one: one sync, all or nothing, and nobody else sees the half of it."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from adapter.domain.message import MessageRef, Work
from adapter.store import sqlite_state
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
