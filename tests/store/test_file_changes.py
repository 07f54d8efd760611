"""A poll of an inbox that nothing was written to asks nothing, and no commit is ever overlooked."""

from __future__ import annotations

import threading
from time import monotonic, sleep

import pytest

from adapter.store.file_changes import FileChanges
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader


@pytest.fixture
def reader(folder):
    made = SqliteInboxReader(folder / "inbox.db", "inbox")
    yield made
    made.close()


def test_what_found_nothing_is_not_asked_again_before_something_is_committed(inbox, folder, oru):
    changes, asked = FileChanges(folder / "inbox.db"), []

    def nothing():
        asked.append(1)
        return []

    assert [changes.rows_behind(0, nothing) for _ in range(3)] == [[]] * 3
    assert len(asked) == 1
    inbox.keep([oru(1)])
    changes.rows_behind(0, nothing)
    changes.rows_behind(1, nothing)
    assert len(asked) == 3
    changes.close()


def test_what_is_committed_while_the_file_is_read_is_found_by_the_next_look(inbox, folder, oru):
    changes = FileChanges(folder / "inbox.db")

    def overtaken():
        inbox.keep([oru(1)])
        return []

    changes.rows_behind(0, overtaken)
    assert changes.rows_behind(0, lambda: ["found"]) == ["found"]
    changes.close()


def test_a_file_that_cannot_be_looked_at_is_read_each_time(folder):
    changes, asked = FileChanges(folder / "inbox.db"), []
    for _ in range(2):
        changes.rows_behind(0, lambda: asked.append(1) or [])
    assert len(asked) == 2


def test_what_was_found_while_the_file_could_not_be_looked_at_is_found_again_until_it_is_passed(inbox, reader, oru):
    inbox.keep([oru(1)])
    assert reader.after(1, 10) == []
    inbox.keep([oru(2)])
    reader._changes._connection.close()  # whatever fails: the look is made over another connection then
    assert [[one.seq for one in reader.after(1, 10)] for _ in range(3)] == [[2]] * 3


def test_an_inbox_made_later_is_seen(folder, reader, oru):
    assert reader.after(0, 10) == []
    inbox = SqliteInbox(folder / "inbox.db", "inbox")
    assert reader.after(0, 10) == []
    inbox.keep([oru(1)])
    assert [one.seq for one in reader.after(0, 10)] == [1]
    inbox.close()


@pytest.mark.parametrize("kind", ["reader", "writer"])
def test_every_message_is_found_while_another_thread_writes_and_checkpoints(inbox, reader, oru, kind):
    looking, seen = (reader if kind == "reader" else inbox), []

    def write():
        for n in range(150):
            inbox.keep([oru(n)])
            if n % 40 == 0:
                inbox.compact()

    writing = threading.Thread(target=write)
    writing.start()
    deadline = monotonic() + 60
    while len(seen) < 150 and monotonic() < deadline:
        found = looking.after(seen[-1] if seen else 0, 20)
        seen += [one.seq for one in found]
        if not found:
            sleep(0.0005)
    writing.join()
    assert seen == list(range(1, 151))
