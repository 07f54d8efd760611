"""Answers to another address go once they were told and are old: never an untold one, never the newest row."""

from __future__ import annotations

import tempfile
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from at_length import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from running_service import eventually
from sqlalchemy import MetaData

from adapter.store.answers_told import note_told, told_to
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.migrations import Schema
from adapter.store.owed_answers import OwedAnswers, OwedAnswersReader, owed
from adapter.store.prunable import BYTES, ROWS, prunes
from adapter.store.retention import Horizon, Line, Portion
from adapter.store.sql_database import Database
from adapter.store.told_answers import ToldAnswers

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OLD_FROM = NOW - 90 * DAY
HORIZON = Horizon(now=NOW, archive=OLD_FROM, read=None)
LINE = Line(at=NOW, by="test", older_than=OLD_FROM)
JUST = timedelta(microseconds=1)
LONG_AGO = NOW - 400 * DAY
EVERYTHING = 10**9
PORTS = ("lab", "other/ward")


class File:
    """The file, its writer and what may go of it."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.broken = []
        self.writer = OwedAnswers(folder / "answers.db", on_lost=lambda: None, on_broken=self.broken.append)
        self.reader = OwedAnswersReader(folder / "answers.db")

    def owe(self, *rows):
        """(port, made at) in order; returns when they are on disk."""
        last = self.reader.last_id() + len(rows)
        for port, at in rows:
            self.writer.owe(port, b"MSH|", at)
        eventually(lambda: self.reader.last_id() == last)

    def portions(self):
        with closing(ToldAnswers(self.folder)) as told:
            return list(told.portions(HORIZON))

    def prune(self):
        for portion in self.portions():
            self.writer.prune(portion, LINE)

    def ids(self):
        return sorted(row.id for port in PORTS for row in self.reader.after(port, 0, EVERYTHING))

    def lines(self):
        return [(line.inbox, dict(line.counts), line.bytes) for line in prunes(self.reader, 9)]

    def close(self):
        self.writer.close()
        self.reader.close()


@pytest.fixture
def file(folder):
    made = File(folder)
    yield made
    made.close()


@pytest.mark.parametrize(("at", "gone"), [(OLD_FROM - JUST, True), (OLD_FROM, False), (OLD_FROM + JUST, False)])
def test_a_told_answer_goes_once_it_is_older(file, at, gone):
    file.owe(("lab", at), ("lab", NOW))
    note_told(file.folder, "lab", 2)
    file.prune()
    assert file.ids() == ([2] if gone else [1, 2])
    assert file.lines() == ([("answers", {"answers": 1}, 4)] if gone else [])


@pytest.mark.parametrize(("told", "left"), [(0, [1, 2, 3]), (1, [2, 3]), (2, [3])])
def test_an_answer_that_was_not_told_stays_however_old_it_is(file, told, left):
    file.owe(("lab", LONG_AGO), ("lab", LONG_AGO), ("lab", LONG_AGO))
    note_told(file.folder, "lab", told)
    file.prune()
    assert file.ids() == left


def test_the_newest_row_stays_so_that_no_id_comes_twice(file):
    file.owe(("lab", LONG_AGO), ("other/ward", LONG_AGO))
    for port in PORTS:
        note_told(file.folder, port, 2)
    file.prune()
    assert file.ids() == [2]
    file.owe(("lab", NOW))
    assert file.ids() == [2, 3]


def test_of_a_port_that_is_not_there_any_more_what_was_told_goes_and_what_was_not_stays(file):
    file.owe(("other/ward", LONG_AGO), ("other/ward", LONG_AGO), ("lab", NOW))
    note_told(file.folder, "other/ward", 1)
    file.prune()
    assert file.ids() == [2, 3]


@pytest.mark.parametrize(("told", "left"), [(3, [3]), (4, [1, 2, 3])])
def test_a_note_beyond_the_newest_row_is_of_another_file_and_tells_nothing(file, told, left):
    file.owe(("lab", LONG_AGO), ("lab", LONG_AGO), ("lab", LONG_AGO))
    note_told(file.folder, "lab", told)
    file.prune()
    assert file.ids() == left


@pytest.mark.parametrize("left", ["", "[]", "{}", '{"told": "2"}', "{"])
def test_a_note_that_cannot_be_read_tells_nothing(file, left):
    file.owe(("lab", LONG_AGO), ("lab", NOW))
    (file.folder / "answers-told-lab.json").write_text(left)
    assert told_to(file.folder, "lab") == 0
    assert file.portions() == []


def test_a_portion_is_what_one_short_transaction_takes(file):
    file.owe(*[("lab", LONG_AGO)] * (ROWS + 1), ("lab", NOW))
    note_told(file.folder, "lab", ROWS + 1)
    assert [(one.kind, one.count) for one in file.portions()] == [("answers", ROWS), ("answers", 1)]
    file.prune()
    assert file.lines() == [("answers", {"answers": ROWS + 1}, 4 * (ROWS + 1))]


def test_large_answers_are_portions_of_their_own(file):
    for _ in range(2):
        file.writer.owe("lab", b"M" * BYTES, LONG_AGO)
    file.writer.owe("lab", b"MSH|", NOW)
    eventually(lambda: file.reader.last_id() == 3)
    note_told(file.folder, "lab", 2)
    assert [one.places for one in file.portions()] == [(1,), (2,)]


def test_without_a_file_nothing_goes(folder):
    with closing(ToldAnswers(folder)) as told:
        assert (list(told.portions(HORIZON)), told.newest()) == ([], None)


row = st.tuples(st.sampled_from(PORTS), st.sampled_from([LONG_AGO, OLD_FROM - JUST, OLD_FROM, NOW, NOW + DAY]))


@settings(max_examples=examples(60), deadline=None)
@given(rows=st.lists(row, max_size=12), notes=st.lists(st.integers(0, 13), min_size=2, max_size=2))
def test_whatever_was_told_and_however_old_no_untold_and_no_young_answer_ever_goes(rows, notes):
    with tempfile.TemporaryDirectory() as place:
        file = File(Path(place))
        if rows:
            file.owe(*rows)
        told = dict(zip(PORTS, notes, strict=True))
        for port in PORTS:
            note_told(file.folder, port, told[port])
        file.prune()
        left, port_of = set(file.ids()), {number: port for number, (port, _) in enumerate(rows, 1)}
        for number, (port, at) in enumerate(rows, 1):
            if told[port] < number or told[port] > len(rows) or OLD_FROM <= at <= NOW or number == len(rows):
                assert number in left
            elif at < OLD_FROM and not _young_before(rows, port, number):
                assert number not in left
        assert sum(counts["answers"] for _, counts, _ in file.lines()) == len(port_of) - len(left)
        assert file.portions() == []
        file.close()


def _young_before(rows, port, number):
    """Rows come in order, so the search ends at the first young one."""
    return any(one == port and OLD_FROM <= at <= NOW for one, at in rows[: number - 1])


PORTION = Portion(kind="answers", places=(1,), count=1, bytes=4)


@pytest.mark.parametrize("fault", [CannotKeep("full"), StoreBroken("torn"), ValueError("ours")])
def test_whoever_prunes_is_told_when_it_cannot_be_done_and_nothing_is_gone(file, fault):
    file.owe(("lab", LONG_AGO), ("lab", NOW))
    write = file.writer._database.write

    def writing():
        raise fault

    file.writer._database.write = writing
    with pytest.raises(type(fault)):
        file.writer.prune(PORTION, LINE)
    assert (file.ids(), file.lines()) == ([1, 2], [])
    file.writer._database.write = write
    if isinstance(fault, StoreBroken):
        eventually(lambda: file.writer._ended)
        assert file.broken == [fault]
        with pytest.raises(CannotKeep):
            file.writer.prune(PORTION, LINE)
    else:
        file.writer.prune(PORTION, LINE)
        file.owe(("lab", NOW))
        assert (file.ids(), file.broken) == ([2, 3], [])


def test_answers_are_written_while_portions_go_and_a_portion_does_not_wait_for_silence(file):
    file.owe(*[("lab", LONG_AGO)] * 20, ("lab", NOW))
    stop = threading.Event()

    def owing():
        while not stop.is_set():
            file.writer.owe("other/ward", b"MSH|", NOW)

    busy = threading.Thread(target=owing)
    busy.start()
    for place in range(1, 21):
        file.writer.prune(Portion(kind="answers", places=(place,), count=1, bytes=4), LINE)
    stop.set()
    busy.join()
    file.writer.close()
    assert [one.id for one in file.reader.after("lab", 0, EVERYTHING)] == [21]
    assert file.lines() == [("answers", {"answers": 20}, 80)]
    with pytest.raises(CannotKeep):
        file.writer.prune(PORTION, LINE)


def test_a_portion_that_waits_when_the_file_closes_is_done_before(file):
    file.owe(("lab", LONG_AGO), ("lab", NOW))
    entered, held = threading.Event(), threading.Event()
    write = file.writer._database.write

    def writing():
        entered.set()
        held.wait(10)
        return write()

    file.writer._database.write = writing
    file.writer.owe("lab", b"MSH|", NOW)
    assert entered.wait(10)
    pruning = threading.Thread(target=file.writer.prune, args=(PORTION, LINE))
    pruning.start()
    eventually(lambda: file.writer._spare)
    closing_it = threading.Thread(target=file.writer.close)
    closing_it.start()
    held.set()
    pruning.join(10)
    closing_it.join(10)
    assert file.ids() == [2, 3]


def test_a_file_of_the_first_version_is_brought_forward_and_read_before_that(folder):
    tables = MetaData()
    owed.to_metadata(tables)
    Database(folder / "answers.db", Schema(name="answers", tables=tables)).close()
    with closing(OwedAnswersReader(folder / "answers.db")) as reader:
        assert (prunes(reader, 9), reader.listeners()) == ([], [])
    made = File(folder)
    made.owe(("lab", LONG_AGO), ("lab", NOW))
    made.writer.prune(PORTION, LINE)
    assert made.lines() == [("answers", {"answers": 1}, 4)]
    made.close()
