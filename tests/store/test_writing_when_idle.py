"""Other work of the writing thread has its turn when no message waits, and harms none."""

from __future__ import annotations

from threading import Event
from time import monotonic, sleep

import pytest

from adapter.store import group_commit
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.group_commit import GroupCommit
from adapter.store.memory import MemoryInbox

PATIENCE_S = 20


class Inbox(MemoryInbox):
    """Notes in which order it is written to; the first batch waits until it is let through."""

    def __init__(self):
        super().__init__("inbox")
        self.entered, self.open, self.flushed = Event(), Event(), Event()
        self.done = []

    def keep(self, batch):
        self.entered.set()
        assert self.open.wait(PATIENCE_S)
        self.done += [arrival.control_id for arrival in batch]
        return super().keep(batch)

    def flush(self):
        self.flushed.set()
        super().flush()


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def broken():
    return []


@pytest.fixture
def group(inbox, broken):
    made = GroupCommit(inbox, broken.append)
    yield made
    inbox.open.set()
    made.close()


def test_messages_that_wait_go_first_and_only_one_piece_of_work_is_done_between_two_looks(inbox, group, oru):
    first = group.submit(oru(1))
    assert inbox.entered.wait(PATIENCE_S)
    works = [group.when_idle(lambda n=n: inbox.done.append(n)) for n in range(2)]
    second = group.submit(oru(2))
    inbox.open.set()
    for future in (first, second, *works):
        future.result(PATIENCE_S)
    assert inbox.done == ["M000001", "M000002", 0, 1]


def test_a_message_that_comes_during_a_piece_of_work_goes_before_the_next(inbox, group, oru):
    inbox.open.set()
    begun, go_on = Event(), Event()

    def work():
        begun.set()
        assert go_on.wait(PATIENCE_S)
        inbox.done.append("work")

    works = [group.when_idle(work), group.when_idle(lambda: inbox.done.append("later"))]
    assert begun.wait(PATIENCE_S)
    message = group.submit(oru(1))
    go_on.set()
    for future in (message, *works):
        future.result(PATIENCE_S)
    assert inbox.done == ["work", "M000001", "later"]


@pytest.mark.parametrize("fault", [CannotKeep("full"), KeyError("ours")])
def test_work_that_fails_is_told_to_whoever_asked_and_messages_go_on(inbox, group, broken, oru, fault):
    inbox.open.set()

    def fail():
        raise fault

    assert group.when_idle(fail).exception(PATIENCE_S) is fault
    assert group.submit(oru(1)).result(PATIENCE_S).seq == 1
    assert broken == []


def test_a_store_that_breaks_during_such_work_acknowledges_nothing_more(inbox, group, broken, oru):
    inbox.open.set()
    fault = StoreBroken("a sync failed")

    def fail():
        raise fault

    works = [group.when_idle(fail), group.when_idle(lambda: inbox.done.append("never"))]
    assert [future.exception(PATIENCE_S) for future in works] == [fault, fault]
    assert group.submit(oru(1)).exception(PATIENCE_S) is fault
    assert group.when_idle(lambda: None).exception(PATIENCE_S) is fault
    assert broken == [fault]
    assert inbox.done == []


def test_notes_are_written_on_time_however_much_such_work_there_is(inbox, group, monkeypatch):
    monkeypatch.setattr(group_commit, "IDLE_FLUSH_S", 0.05)
    inbox.open.set()
    until = monotonic() + PATIENCE_S
    while not inbox.flushed.is_set() and monotonic() < until:
        # Never idle: the next piece of work is there before this one is done.
        assert len([group.when_idle(lambda: sleep(0.005)) for _ in range(40)]) == 40
        sleep(0.1)
    assert inbox.flushed.is_set()


def test_work_left_when_the_inbox_closes_is_told_and_keeps_nobody_waiting(inbox, oru):
    group = GroupCommit(inbox)
    first = group.submit(oru(1))
    assert inbox.entered.wait(PATIENCE_S)
    works = [group.when_idle(lambda: inbox.done.append("work")) for _ in range(3)]
    inbox.open.set()
    group.close()
    assert first.result(PATIENCE_S).seq == 1
    assert [type(future.exception(PATIENCE_S)) for future in works].count(CannotKeep) + inbox.done.count("work") == 3
    assert type(group.when_idle(lambda: None).exception(PATIENCE_S)) is CannotKeep
