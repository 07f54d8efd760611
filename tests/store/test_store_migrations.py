from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, text

from adapter.store.faults import StoreBroken, StoreTooNew
from adapter.store.migrations import Schema
from adapter.store.sql_database import Database
from adapter.store.sqlite_state import SqliteState
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
