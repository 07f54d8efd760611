from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapter.domain.message import Arrival
from adapter.store.imports import Mark
from adapter.store.inbox_tables import INBOX
from adapter.store.retention import Line, Portion
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
MARK = Mark(path="/export/a.ndjson", source="ehr", size=10, head="h", at=AT)


def line(raw: bytes, source: str = "ehr") -> Arrival:
    return Arrival(kind="fhir", source=source, listener="import", raw=raw, received_at=AT)


@pytest.fixture
def inbox(tmp_path):
    opened = SqliteInbox(tmp_path / "inbox.db", "inbox")
    yield opened
    opened.close()


@pytest.fixture
def reader(tmp_path):
    opened = SqliteInboxReader(tmp_path / "inbox.db", "inbox")
    yield opened
    opened.close()


def kept(inbox):
    return [(stored.seq, stored.arrival.raw) for stored in inbox.after(0, 100)]


def test_lines_and_the_mark_behind_them_are_kept_together(inbox, reader):
    told = inbox.keep_imported([line(b"a"), line(b"b")], replace(MARK, offset=4, number=2))
    assert (told.kept, told.known, told.first_seq, told.last_seq) == (2, 0, 1, 2)
    assert kept(inbox) == [(1, b"a"), (2, b"b")]
    assert reader.mark_of(MARK.path, "ehr") == told
    assert Mark.from_dict(told.as_dict()) == told


def test_a_content_of_a_source_is_kept_once_and_counted_as_known_after_that(inbox):
    told = inbox.keep_imported([line(b"a"), line(b"a"), line(b"b")], MARK)
    assert (told.kept, told.known) == (2, 1)
    again = inbox.keep_imported([line(b"b"), line(b"c")], told)
    assert (again.kept, again.known, again.first_seq, again.last_seq) == (3, 2, 1, 3)
    assert kept(inbox) == [(1, b"a"), (2, b"b"), (3, b"c")]


def test_another_source_may_say_the_same(inbox):
    inbox.keep_imported([line(b"a")], MARK)
    told = inbox.keep_imported([line(b"a", "other")], replace(MARK, source="other"))
    assert (told.kept, told.known) == (1, 0)


def test_a_group_without_anything_new_moves_the_mark_only(inbox, reader):
    told = inbox.keep_imported([line(b"a")], MARK)
    moved = inbox.keep_imported([line(b"a")], replace(told, offset=9, number=3, done=True))
    assert (moved.kept, moved.known, moved.first_seq, moved.last_seq) == (1, 1, 1, 1)
    assert reader.mark_of(MARK.path, "ehr") == moved
    assert len(kept(inbox)) == 1


def test_nothing_of_a_group_that_fails_is_there(inbox, reader):
    broken = replace(line(b"b"), received_at=datetime(2026, 3, 1))  # noqa: DTZ001 - what no store takes
    with pytest.raises(ValueError, match="aware"):
        inbox.keep_imported([line(b"a"), broken], MARK)
    assert kept(inbox) == []
    assert reader.mark_of(MARK.path, "ehr") is None
    assert inbox.keep_imported([line(b"a")], MARK).kept == 1


def test_what_was_pruned_is_kept_again_when_it_comes_again(inbox, reader):
    told = inbox.keep_imported([line(b"a")], MARK)
    assert reader.imported("ehr", [inbox.get(1).arrival]).places
    pruned = inbox.get(1).arrival
    portion = Portion(kind="read", places=(1,), count=1, bytes=1)
    inbox.prune(portion, Line(at=AT, by="test", older_than=AT))
    assert not reader.imported("ehr", [pruned]).places
    assert inbox.keep_imported([line(b"a")], told).kept == 2
    assert inbox.get(2).arrival.raw == b"a"


def test_an_inbox_of_an_older_version_knows_of_no_import_and_is_brought_up_to_date(tmp_path):
    path = tmp_path / "inbox.db"
    SqliteInbox(path, "inbox").close()
    with closing(sqlite3.connect(path)) as file:
        file.executescript("DROP TABLE imports; DROP TABLE imported; UPDATE store_version SET version = 2;")
    with closing(SqliteInboxReader(path, "inbox")) as reader:
        assert reader.mark_of(MARK.path, "ehr") is None
        assert not reader.imported("ehr", [line(b"x")]).places
    with closing(SqliteInbox(path, "inbox")) as inbox:
        assert inbox.keep_imported([line(b"a")], MARK).kept == 1


def test_a_migrated_inbox_has_the_tables_of_a_new_one(tmp_path):
    shapes = []
    for name, before in (
        ("old.db", "DROP TABLE imports; DROP TABLE imported; UPDATE store_version SET version = 2;"),
        ("new.db", ""),
    ):
        SqliteInbox(tmp_path / name, "inbox").close()
        with closing(sqlite3.connect(tmp_path / name)) as file:
            file.executescript(before)
        SqliteInbox(tmp_path / name, "inbox").close()
        with closing(sqlite3.connect(tmp_path / name)) as file:
            shapes.append(
                {
                    table: [row[1:4] + row[5:] for row in file.execute(f"PRAGMA table_info({table})")]
                    for table in ("imports", "imported")
                }
            )
            assert "WITHOUT ROWID" in file.execute("SELECT sql FROM sqlite_master WHERE name='imported'").fetchone()[0]
    assert shapes[0] == shapes[1]
    assert INBOX.version == 3
