"""Answers that go to another address: on disk in their order, by port, over a full disk and a restart."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from running_service import eventually

from adapter.store import owed_answers
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.owed_answers import OwedAnswers, OwedAnswersReader

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)


class File:
    """The file, its writer and its reader."""

    def __init__(self, folder) -> None:
        self.path = folder / "store" / "answers.db"
        self.lost, self.broken = [], []
        self.reader = OwedAnswersReader(self.path)

    def opened(self, **more):
        return OwedAnswers(self.path, on_lost=lambda: self.lost.append(1), on_broken=self.broken.append, **more)


@pytest.fixture
def file(tmp_path):
    made = File(tmp_path)
    yield made
    made.reader.close()


def test_a_file_not_made_yet_owes_nothing(file):
    assert (file.reader.after("lab", 0, 10), file.reader.waiting("lab", 0), file.reader.last_id()) == ([], 0, 0)


def test_each_port_has_its_answers_in_their_order_also_after_a_restart(file):
    for number in range(3):
        writer = file.opened()
        writer.owe("lab", b"MSH|%d" % number, AT + timedelta(seconds=number))
        writer.owe("other", b"MSH|other", AT)
        writer.close()
    rows = file.reader.after("lab", 0, 10)
    assert [(row.body, row.made_at) for row in rows] == [
        (b"MSH|%d" % number, AT + timedelta(seconds=number)) for number in range(3)
    ]
    assert file.reader.after("lab", rows[0].id, 1) == [rows[1]]
    assert [file.reader.waiting("lab", row.id) for row in rows] == [2, 1, 0]
    assert file.reader.last_id() == 6
    assert (file.lost, file.broken) == ([], [])


def test_many_are_written_together_and_none_is_left_out(file):
    writer = file.opened()
    for number in range(1200):
        writer.owe("lab", b"%d" % number, AT)
    writer.close()
    assert [row.body for row in file.reader.after("lab", 0, 2000)] == [b"%d" % number for number in range(1200)]


def test_while_nothing_can_be_written_so_many_wait_and_the_others_are_told_as_lost(file, monkeypatch):
    monkeypatch.setattr(owed_answers, "RETRY_S", 0.01)
    full = threading.Event()
    full.set()
    writer = file.opened(limit=3)
    write = writer._database.write

    def writing():
        if full.is_set():
            raise CannotKeep("full")
        return write()

    writer._database.write = writing
    for number in range(5):
        writer.owe("lab", b"%d" % number, AT)
    assert file.lost == [1, 1]
    full.clear()
    eventually(lambda: file.reader.waiting("lab", 0) == 3)
    writer.owe("lab", b"5", AT)
    writer.close()
    assert [row.body for row in file.reader.after("lab", 0, 10)] == [b"0", b"1", b"2", b"5"]


def test_the_end_does_not_wait_for_room(file):
    writer = file.opened()

    def writing():
        raise CannotKeep("full")

    writer._database.write = writing
    writer.owe("lab", b"1", AT)
    writer.close()
    assert file.reader.after("lab", 0, 10) == []


def test_a_file_that_cannot_be_trusted_ends_the_writing(file):
    writer = file.opened()

    def writing():
        raise StoreBroken("torn")

    writer._database.write = writing
    writer.owe("lab", b"1", AT)
    eventually(lambda: file.broken)
    writer.close()


def test_the_reader_finds_the_next_answers_by_the_index_of_their_port(file):
    file.opened().close()
    with closing(sqlite3.connect(file.path)) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT id, made_at, body FROM owed_answers "
            "WHERE listener = 'lab' AND id > 5 ORDER BY id LIMIT 10"
        ).fetchall()
    assert ["owed_answers_by_listener" in row[-1] for row in plan] == [True]
