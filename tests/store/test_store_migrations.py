from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, text

from adapter.domain.message import PatientResult, Stored
from adapter.domain.outputs import Change, Written
from adapter.store.faults import StoreBroken, StoreTooNew
from adapter.store.inbox_rows import add_messages
from adapter.store.inbox_tables import INBOX
from adapter.store.journey import FactRead, Received
from adapter.store.migrations import Schema
from adapter.store.prunable import emptied, last_emptied, prunes
from adapter.store.retention import Line, Portion
from adapter.store.sql_database import Database
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader
from adapter.store.sqlite_state import SqliteState
from adapter.store.state_outputs import put_resources
from adapter.store.state_reader import SqliteStateReader
from adapter.store.state_tables import STATE


def things(*columns):
    tables = MetaData()
    Table("things", tables, Column("id", Integer, primary_key=True), *(Column(name, Integer) for name in columns))
    return tables


def add_size(connection):
    connection.execute(text("ALTER TABLE things ADD COLUMN size INTEGER"))


def add_weight(connection):
    connection.execute(text("ALTER TABLE things ADD COLUMN weight INTEGER"))


def fail(connection):
    add_weight(connection)
    connection.execute(text("ALTER TABLE nothing ADD COLUMN weight INTEGER"))


FIRST = Schema(name="things", tables=things())
SECOND = Schema(name="things", tables=things("size"), steps=(add_size,))
THIRD = Schema(name="things", tables=things("size", "weight"), steps=(add_size, add_weight))


def columns_of(path, schema):
    database = Database(path, schema)
    with database.read() as connection:
        names = [row[1] for row in connection.execute(text("PRAGMA table_info(things)"))]
        kept = [row[0] for row in connection.execute(text("SELECT id FROM things"))]
    database.close()
    return names, kept


def put_thing(path, schema):
    database = Database(path, schema)
    with database.write() as connection:
        connection.execute(text("INSERT INTO things (id) VALUES (7)"))
    database.close()


@pytest.mark.parametrize("newer", [SECOND, THIRD])
def test_an_older_store_goes_through_every_step_and_keeps_its_rows(tmp_path, newer):
    put_thing(tmp_path / "old.db", FIRST)
    migrated, fresh = columns_of(tmp_path / "old.db", newer), columns_of(tmp_path / "new.db", newer)
    assert migrated == (fresh[0], [7])


def test_a_migrated_store_is_not_migrated_twice(tmp_path):
    put_thing(tmp_path / "a.db", SECOND)
    columns_of(tmp_path / "a.db", THIRD)
    assert columns_of(tmp_path / "a.db", THIRD) == (["id", "size", "weight"], [7])


def test_a_newer_store_is_refused_in_one_sentence(tmp_path):
    put_thing(tmp_path / "a.db", THIRD)
    with pytest.raises(StoreTooNew) as refusal:
        Database(tmp_path / "a.db", SECOND)
    assert str(refusal.value) == (
        "a.db was written by a newer version of this program (schema 3, known here: 2); "
        "install that version again or use another store folder."
    )
    assert columns_of(tmp_path / "a.db", THIRD) == (["id", "size", "weight"], [7])


def test_a_state_of_a_newer_version_is_refused(folder):
    newer = replace(STATE, steps=(*STATE.steps, lambda _: None))
    Database(folder / "state.db", newer).close()
    with pytest.raises(StoreTooNew, match="state\\.db was written by a newer version"):
        SqliteState(folder / "state.db")


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path):
    put_thing(tmp_path / "a.db", SECOND)
    with pytest.raises(StoreBroken):
        Database(tmp_path / "a.db", replace(SECOND, steps=(add_size, fail)))
    assert columns_of(tmp_path / "a.db", SECOND) == (["id", "size"], [7])


FIRST_INBOX = MetaData()
for _table in INBOX.tables.sorted_tables:
    if _table.name not in ("prunes", "pruned_bytes", "imports", "imported"):
        _table.to_metadata(FIRST_INBOX)
FIRST_INBOX.tables["messages"].indexes = {
    index for index in FIRST_INBOX.tables["messages"].indexes if index.name != "messages_irrelevant"
}
INBOX_1 = Schema(name="inbox", tables=FIRST_INBOX)
"""An inbox as it was before anything was pruned."""


def made_of(path):
    """Columns, keys and indexes of every table, and the version."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {name: connection.execute(f"PRAGMA table_info({name})").fetchall() for name in names}
        indexes = {
            name: (unique, connection.execute(f"PRAGMA index_info({name})").fetchall())
            for table in names
            for _, name, unique, *_ in connection.execute(f"PRAGMA index_list({table})")
        }
        version = connection.execute("SELECT max(version) FROM store_version").fetchone()
        return tables, indexes, version


def old_inbox(path, arrivals):
    """An inbox of the first version with these messages."""
    database = Database(path, INBOX_1)
    with database.write() as connection:
        add_messages(connection, [Stored(seq=n, arrival=arrival) for n, arrival in enumerate(arrivals, start=1)])
    database.close()


def test_an_inbox_of_the_first_version_is_brought_forward_with_its_messages(folder, oru):
    old_inbox(folder / "inbox.db", [oru(1), oru(2)])
    assert made_of(folder / "inbox.db")[2] == (1,)
    inbox = SqliteInbox(folder / "inbox.db", "inbox")
    assert [row.arrival for row in inbox.after(0, 9)] == [oru(1), oru(2)]
    line = Line(at=oru().received_at, by="test", older_than=oru().received_at)
    inbox.prune(Portion(kind="read", places=(1,), count=1, bytes=7), line)
    assert [row.arrival.raw for row in inbox.after(0, 9)] == [b"", b"MSH|one"]
    inbox.close()
    SqliteInbox(folder / "new.db", "inbox").close()
    assert made_of(folder / "inbox.db") == made_of(folder / "new.db")


def test_a_reader_takes_an_inbox_that_is_not_brought_forward_yet(folder, oru):
    old_inbox(folder / "inbox.db", [oru(1)])
    with closing(SqliteInboxReader(folder / "inbox.db", "inbox")) as reader:
        assert reader.get(1).arrival == oru(1)
        assert [one.pruned_at for one in reader.with_control_id("M000001")[0]] == [None]
        assert (prunes(reader, 1), last_emptied(reader), emptied(reader, [1])) == ([], 0, set())
    assert made_of(folder / "inbox.db")[2] == (1,)


FIRST_STATE = MetaData()
for _table in STATE.tables.sorted_tables:
    if _table.name not in ("target_strategies", "target_settings", "identity_facts", "merged_patients", "people"):
        _table.to_metadata(FIRST_STATE)
_outbox = FIRST_STATE.tables["outbox"]
for _name in ("strategy", "remote_id", "remote_hash", "sent_hash"):
    _outbox._columns.remove(_outbox.c[_name])  # SQLAlchemy has no public way to take a column out
STATE_1 = Schema(name="state", tables=FIRST_STATE)
"""A state as it was while everything was written under our own ids."""
OWED = (
    "INSERT INTO outbox (target, id, resource_type, patient, generation, state, attempts, queued_at, reason, "
    "remote_version) VALUES (:target, :id, 'Flag', 'urn:mrn|1', 1, :state, 0, '2025-03-10T11:30:00.000000Z', :reason, "
    ":version)"
)


def test_a_state_of_the_first_version_remembers_what_it_wrote_under_our_ids(folder):
    rows = [
        {"target": "hapi", "id": "written", "state": "confirmed", "reason": None, "version": "3"},
        {"target": "hapi", "id": "changed-since", "state": "pending", "reason": None, "version": "4"},
        {"target": "hapi", "id": "without-version", "state": "confirmed", "reason": None, "version": None},
        {"target": "hapi", "id": "left-out", "state": "confirmed", "reason": "not-written", "version": None},
        {"target": "hapi", "id": "owed", "state": "pending", "reason": None, "version": None},
    ]
    database = Database(folder / "state.db", STATE_1)
    with database.write() as connection:
        connection.execute(text(OWED), rows)
    database.close()
    assert made_of(folder / "state.db")[2] == (1,)
    state = SqliteState(folder / "state.db")
    assert state.places("hapi", [row["id"] for row in rows]) == {
        "Flag/written": "Flag/written",
        "Flag/changed-since": "Flag/changed-since",
        "Flag/without-version": "Flag/without-version",
        "Flag/left-out": None,
        "Flag/owed": None,
    }
    state.close()
    SqliteState(folder / "new.db").close()
    assert made_of(folder / "state.db") == made_of(folder / "new.db")


AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)
FLAG = Written(
    kind="flag",
    resource_type="Flag",
    id="f1",
    body={"resourceType": "Flag", "id": "f1"},
    content_hash="h",
    state="open",
    grounds=("lab|s1",),
    topic="inactivation",
    verdict=None,
    first_written=AT,
    last_written=AT,
)
RESULT = PatientResult(patient="urn:mrn|1", findings=(), changes=(Change(operation="create", after=FLAG),))
RECEIVED = Received(
    inbox="inbox",
    seq=1,
    kind="hl7v2",
    source="lab",
    listener="mllp",
    sender="LIS|HOSP",
    control_id="A1",
    message_type="ORU^R01",
    received_at=AT,
    size=9,
    digest="ab",
    relevance="relevant",
    file=None,
    answer="AA",
)


def test_a_reader_takes_a_state_that_is_not_brought_forward_yet(folder):
    database = Database(folder / "state.db", STATE_1)
    owed = {"target": "hapi", "id": "f1", "state": "pending", "reason": "busy", "version": None}
    with database.write() as connection:
        connection.execute(text(OWED), [owed])
        put_resources(connection, [RESULT], AT)
    database.close()
    fact = FactRead(origin="", patient="urn:mrn|1", kind="ActivityMeasured", name="lab|s1")
    with closing(SqliteStateReader(folder / "state.db")) as reader:
        assert (reader.targets(), reader.undelivered("hapi")["pending"]) == (["hapi"], 1)
        assert (reader.group("urn:mrn|1"), reader.findings(), reader.facts_of(patient="urn:mrn|1", filler=None)) == (
            ("urn:mrn|1",),
            ([], []),
            [],
        )
        (resource,) = reader.journey(RECEIVED, [fact]).resources
        assert [(one.target, one.reason) for one in resource.deliveries] == [("hapi", "busy")]
        assert [(one.id, one.past) for one in reader.shadowed("hapi", lambda _: False)] == [("f1", None)]
    assert made_of(folder / "state.db")[2] == (1,)
