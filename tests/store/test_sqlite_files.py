from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from adapter.domain.events import PatientRecord
from adapter.domain.message import Header, Kept, MessageRef, Parked, PatientResult, PatientState, Work
from adapter.domain.outputs import Change, Written
from adapter.store import sqlite_inbox
from adapter.store.census import seen
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.imports import Mark
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader
from adapter.store.sqlite_state import SqliteState

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)
ANNA = "urn:mrn|1"
FLAG = Written(
    kind="flag",
    resource_type="Flag",
    id="f1",
    body={"resourceType": "Flag", "id": "f1"},
    content_hash="h",
    state="open",
    grounds=(),
    topic="inactivation",
    verdict=None,
    first_written=AT,
    last_written=AT,
)
MESSAGE = MessageRef(inbox="inbox", seq=4, source="lab")
WORK = Work(
    at=AT,
    message=MESSAGE,
    patients=(PatientRecord(source="ehr", reference="Patient/p1", patient=ANNA),),
    known=(("Patient/p1", {"id": "p1"}),),
    results=(
        PatientResult(
            patient=ANNA, findings=({"n": 1},), changes=(Change(operation="create", after=FLAG),), next_check=AT
        ),
    ),
    parked=Parked(message=MESSAGE, reason="near-miss", problems=(), parked_at=AT),
    deliver_to=("hapi",),
)


def everything(state):
    return (
        state.cursor("inbox"),
        state.recall(ANNA),
        state.findings(ANNA),
        state.known("lab", "Patient/p1"),
        state.parked(),
        state.due("hapi", AT, 10),
        state.checks_due(AT, 10),
        state.resources("Flag"),
        state.counts(),
    )


def test_a_reopened_inbox_knows_its_messages_answers_headers_and_repeats(folder, oru):
    header = Header(
        received_at=AT,
        listener="mllp",
        sender="A|B",
        message_type="ORU^R01",
        control_id="H",
        sent="",
        size=1,
        digest="d",
    )
    first = SqliteInbox(folder / "inbox.db", "inbox")
    first.keep([oru(1), oru(2)])
    first.answered([(1, "AA"), (2, "AE")])
    first.note_irrelevant([header])
    first.close()
    second = SqliteInbox(folder / "inbox.db", "inbox")
    assert second.keep([oru(1), oru(2), oru(3)]) == [Kept(seq=1, repeat_of=1, answer="AA"), Kept(seq=3), Kept(seq=4)]
    assert second.irrelevant(10) == [header]
    second.close()


def test_a_reopened_state_is_the_same(folder):
    first = SqliteState(folder / "state.db")
    first.commit(WORK)
    before = everything(first)
    first.close()
    second = SqliteState(folder / "state.db")
    assert everything(second) == before
    assert second.commit(WORK) is False
    second.close()


def test_what_was_under_way_at_the_end_is_owed_again_after_a_restart(folder):
    first = SqliteState(folder / "state.db")
    first.commit(WORK)
    rows = first.due("hapi", AT, 10)
    first.mark_sent(rows)
    first.close()
    second = SqliteState(folder / "state.db")
    assert second.due("hapi", AT, 10) == rows
    second.close()


def test_a_deleted_state_file_leaves_an_empty_state_that_starts_at_the_beginning(folder):
    crashed = SqliteState(folder / "state.db")
    crashed.commit(WORK)
    (folder / "state.db").unlink()  # its write-ahead log stays behind, as after a crash
    assert (folder / "state.db-wal").stat().st_size > 0
    fresh = SqliteState(folder / "state.db")
    assert everything(fresh) == (
        0,
        PatientState(patient=ANNA, recorded=(), records=(), written=()),
        ([], []),
        None,
        [],
        [],
        [],
        {},
        {"parked": 0, "findings": 0, "resources": 0, "pending": 0},
    )
    assert fresh.commit(WORK) is True
    fresh.close()
    crashed.close()


def test_the_writer_syncs_every_commit_into_a_write_ahead_log(inbox):
    with inbox._database.write() as connection:
        settings = [connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]


def test_what_was_promised_to_nobody_is_not_synced_alone_and_what_follows_is(inbox):
    with inbox._database.write_unsynced() as connection:
        unsynced = connection.execute(text("PRAGMA synchronous")).scalar_one()
    with inbox._database.write() as connection:
        assert (unsynced, connection.execute(text("PRAGMA synchronous")).scalar_one()) == (1, 2)
    with pytest.raises(ZeroDivisionError), inbox._database.write_unsynced():
        _ = 1 / 0
    with inbox._database.write() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2


def test_a_reader_can_neither_write_nor_checkpoint(inbox):
    with inbox._database.read() as connection:
        assert connection.execute(text("PRAGMA wal_autocheckpoint")).scalar_one() == 0
    with pytest.raises(StoreBroken, match="SQLITE_READONLY"), inbox._database.read() as connection:
        connection.execute(text("DELETE FROM messages"))


def test_a_reader_in_another_process_sees_an_inbox_appear_and_grow(folder, oru):
    reader = SqliteInboxReader(folder / "inbox.db", "inbox")
    assert (reader.after(0, 10), reader.last_seq(), reader.census(), reader.irrelevant(1)) == ([], 0, [], [])
    with pytest.raises(KeyError):
        reader.get(1)
    assert not folder.exists()
    inbox = SqliteInbox(folder / "inbox.db", "inbox")
    assert (reader.after(0, 10), reader.last_seq()) == ([], 0)
    inbox.keep([oru(1), oru(2)])
    assert (reader.after(1, 10), reader.get(1), reader.last_seq()) == (inbox.after(1, 10), inbox.get(1), 2)
    inbox.close()
    assert reader.last_seq() == 2
    reader.close()
    assert reader.last_seq() == 2
    reader.close()


def test_a_file_not_filled_yet_is_an_empty_inbox_to_a_reader(folder):
    folder.mkdir()
    (folder / "inbox.db").touch()
    reader = SqliteInboxReader(folder / "inbox.db", "inbox")
    assert reader.last_seq() == 0
    SqliteInbox(folder / "inbox.db", "inbox").close()
    assert reader.after(0, 1) == []
    reader.close()


def test_a_file_name_with_signs_of_an_address_is_a_file_name(tmp_path, oru):
    inbox = SqliteInbox(tmp_path / "50% a?b#c" / "inbox.db", "inbox")
    inbox.keep([oru()])
    assert inbox.last_seq() == 1
    inbox.close()


def fill(inbox):
    with inbox._database.write() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))


def make_room(inbox):
    with inbox._database.write() as connection:
        connection.execute(text("PRAGMA max_page_count = 1000000"))


def test_on_a_full_disk_nothing_of_the_batch_is_kept_and_all_of_it_later(inbox, oru):
    inbox.keep([oru(1)])
    inbox.answered([(1, "AE")])
    fill(inbox)
    with pytest.raises(CannotKeep, match=r"The store cannot be written now \(SQLITE_FULL\)\."):
        inbox.keep([oru(2), oru(3, b"x" * 100_000)])
    assert inbox.last_seq() == 1
    make_room(inbox)
    assert inbox.keep([oru(2), oru(1)]) == [Kept(seq=2), Kept(seq=3)]


def test_notes_that_could_not_be_written_are_written_later(inbox):
    header = Header(
        received_at=AT,
        listener="mllp",
        sender="A|B",
        message_type="x" * 50_000,
        control_id="H",
        sent="",
        size=1,
        digest="d",
    )
    inbox.note_irrelevant([header])
    fill(inbox)
    with pytest.raises(CannotKeep):
        inbox.flush()
    make_room(inbox)
    inbox.flush()
    assert inbox.irrelevant(10) == [header]


def test_an_inbox_without_room_for_its_notes_still_closes(folder, oru):
    inbox = SqliteInbox(folder / "inbox.db", "inbox")
    inbox.keep([oru()])
    inbox.note_codes(seen("x" * 50_000, [("L", "ASN", "Asparagine")], first=AT, last=AT))
    fill(inbox)
    inbox.close()
    reopened = SqliteInbox(folder / "inbox.db", "inbox")
    assert (reopened.last_seq(), reopened.census()) == (1, [])
    reopened.close()


def test_on_a_full_disk_a_commit_leaves_no_trace(state):
    fill(state)
    with pytest.raises(CannotKeep):
        state.commit(Work(at=AT, message=MESSAGE, known=(("Patient/p1", {"text": "x" * 100_000}),)))
    assert (state.cursor("inbox"), state.known("lab", "Patient/p1")) == (0, None)


def test_a_file_held_by_another_writer_cannot_be_written_now(folder, inbox, oru):
    with inbox._database.write() as connection:
        connection.execute(text("PRAGMA busy_timeout = 0"))
    other = sqlite3.connect(folder / "inbox.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CannotKeep, match="SQLITE_BUSY"):
        inbox.keep([oru()])
    other.rollback()
    other.close()
    assert inbox.keep([oru()]) == [Kept(seq=1)]


def test_a_file_that_is_no_store_is_broken_and_left_alone(folder):
    folder.mkdir()
    (folder / "inbox.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreBroken, match=r"The store cannot be trusted any more \(SQLITE_NOTADB\)\."):
        SqliteInbox(folder / "inbox.db", "inbox")
    assert (folder / "inbox.db").read_bytes() == b"not a database" * 100


def test_a_naive_time_is_refused(state):
    with pytest.raises(Exception, match="aware datetimes only"):
        state.checks_due(datetime(2025, 3, 10), 1)  # noqa: DTZ001 (that is the point)


def test_a_batch_carries_no_headers_and_a_flush_one_portion_of_them_the_census_with_the_last(folder, oru, monkeypatch):
    monkeypatch.setattr(sqlite_inbox, "HEADERS_AT_ONCE", 2)
    inbox = SqliteInbox(folder / "inbox.db", "inbox")
    inbox.note_irrelevant([noted(n) for n in range(5)])
    inbox.note_panel("A|B", (("L", "ASN", "Asparagine"),), AT)
    inbox.keep([oru()])
    assert (inbox.irrelevant(10), inbox.census()) == ([], [])
    assert inbox.flush()
    assert ([one.size for one in inbox.irrelevant(10)], inbox.census()) == ([1, 0], [])
    inbox.note_panel("A|B", (("L", "ASN", "Asparagine"),), AT)
    assert inbox.flush()
    assert not inbox.flush()
    assert [row.count for row in inbox.census()] == [2]
    inbox.note_irrelevant([noted(n) for n in range(5, 8)])
    inbox.close()
    reopened = SqliteInbox(folder / "inbox.db", "inbox")
    assert [one.size for one in reopened.irrelevant(10)] == [7, 6, 5, 4, 3, 2, 1, 0]
    reopened.close()


def noted(number):
    return Header(AT, "mllp", "A|B", "ORU^R01", f"H{number}", "", number, "d")


def test_a_place_is_never_given_twice_whatever_failed_or_was_written_otherwise_between(inbox, oru):
    assert inbox.keep([oru(1)])[0].seq == 1
    fill(inbox)
    with pytest.raises(CannotKeep):
        inbox.keep([oru(2, b"MSH|" + b"x" * 100_000)])
    make_room(inbox)
    assert [kept.seq for kept in inbox.keep([oru(3), oru(1), oru(4)])] == [2, 1, 3]
    mark = Mark(path="/a.ndjson", source="lab", size=1, head="h", at=AT)
    imported = replace(oru(5), kind="fhir")
    inbox.keep_imported([imported], mark)
    assert [kept.seq for kept in inbox.keep([oru(6)])] == [5]
    assert [stored.seq for stored in inbox.after(0, 10)] == [1, 2, 3, 4, 5]
