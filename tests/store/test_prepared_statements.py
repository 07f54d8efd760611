from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql

from adapter.store.faults import StoreBroken
from adapter.store.migrations import Schema
from adapter.store.sql_database import Database, Instant
from adapter.store.sql_prepared import Prepared, _put_into_words

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Instant),
    Column("count", Integer, nullable=False),
    Column("note", Text),
)
AT = datetime(2025, 3, 10, 11, 30, 0, 250, tzinfo=UTC)
ADD = Prepared(insert(things))
EVERY = Prepared(select(things).order_by(things.c.name))
MANY = Prepared(select(things.c.name).where(things.c.count > 3, things.c.name != bindparam("but")))


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "store" / "things.db", Schema(name="things", tables=metadata))
    yield made
    made.close()


def row(name, at=AT, count=1, note=None):
    return {"name": name, "at": at, "count": count, "note": note}


def test_what_is_written_is_what_sqlalchemy_itself_reads_and_the_other_way_round(database):
    local = AT.astimezone(timezone(timedelta(hours=2)))
    rows = [row("a", local), row("b", None, note="n"), row("c", count=7)]
    with database.write() as connection:
        ADD.run(connection, rows[:1])
        connection.execute(insert(things), rows[1:])
        told = EVERY.mappings(connection, {})
        assert told == [dict(one) for one in connection.execute(select(things).order_by(things.c.name)).mappings()]
    assert told == [row("a"), row("b", None, note="n"), row("c", count=7)]


def test_nothing_is_done_for_no_rows_and_each_row_is_done_once(database):
    with database.write() as connection:
        ADD.run(connection, [])
        ADD.run(connection, [row("a"), row("b")])
        Prepared(delete(things).where(things.c.name == bindparam("of_name"))).run(connection, [{"of_name": "a"}])
        assert EVERY.column(connection, {}) == ["b"]


def test_a_value_that_stands_in_the_statement_needs_no_parameter(database):
    with database.write() as connection:
        ADD.run(connection, [row("a", count=3), row("b", count=4), row("c", count=5)])
        assert MANY.rows(connection, {"but": "c"}) == [("b",)]
        with pytest.raises(KeyError):
            MANY.rows(connection, {})


def test_columns_that_are_not_given_keep_their_default(database):
    with database.write() as connection:
        Prepared(insert(things), columns=("name", "count")).run(connection, [{"name": "a", "count": 1}])
        assert EVERY.mappings(connection, {}) == [row("a", None)]


def test_it_is_part_of_the_transaction_of_its_connection(database):
    with pytest.raises(StoreBroken), database.write() as connection:
        ADD.run(connection, [row("a"), row("b"), row("b")])
    with database.read() as connection:
        assert EVERY.rows(connection, {}) == []


def test_a_naive_time_is_refused(database):
    with pytest.raises(ValueError, match="aware"), database.write() as connection:
        ADD.run(connection, [row("a", datetime(2025, 3, 10))])  # noqa: DTZ001 - the fault that is tested


def test_what_the_driver_refuses_is_a_fault_of_the_store_that_tells_no_value(database):
    with pytest.raises(StoreBroken) as broken, database.write() as connection:
        ADD.run(connection, [row("secret"), row("secret")])
    assert "secret" not in str(broken.value)
    with pytest.raises(StoreBroken), database.write() as connection:
        ADD.run(connection, [row("a", note=object())])


def test_on_a_database_with_named_parameters_every_value_is_named():
    worded = _put_into_words(MANY._statement, None, postgresql.dialect())
    given = worded.given({"but": "c"})
    assert sorted(map(str, given.values())) == ["3", "c"]
    assert all(f"%({name})s" in worded.text for name in given)
