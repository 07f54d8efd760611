"""The census in an inbox file: counted up where it stands, so that nothing has to be looked for first."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, select

from adapter.store.census import CodeSeen
from adapter.store.inbox_tables import census
from adapter.store.sql_database import instant_column
from adapter.store.sql_prepared import Prepared
from adapter.store.sql_rows import insert_rows

CENSUS_ROWS_LIMIT = 100_000
"""Codes of senders in the census; further ones are not counted, for a sender could make up names without end."""
_COLUMNS = ("sender", "system", "code", "text", "count", "first", "last")
_COUNTING_UP = (
    "ON CONFLICT (sender, system, code) DO UPDATE SET count = census.count + excluded.count, "
    "text = CASE WHEN excluded.last >= census.last THEN excluded.text ELSE census.text END, "
    "first = CASE WHEN excluded.first < census.first THEN excluded.first ELSE census.first END, "
    "last = CASE WHEN excluded.last > census.last THEN excluded.last ELSE census.last END"
)
"""As `census.add_up` has it; times are texts whose order is that of time."""
_ROWS = Prepared(select(func.count()).select_from(census))
_ROW = Prepared(
    select(census.c.code).where(
        census.c.sender == bindparam("of"), census.c.system == bindparam("within"), census.c.code == bindparam("named")
    )
)


def count_codes(connection: Connection, rows: Sequence[CodeSeen]) -> None:
    """Add codes to the census, new ones as long as there is room; no two rows may be of the same code of a sender."""
    if not rows:
        return
    (counted,) = _ROWS.column(connection, {})
    room = CENSUS_ROWS_LIMIT - int(counted)
    values = [_values(row) for row in (rows if len(rows) <= room else _with_room(connection, rows, room))]
    insert_rows(connection, census, _COLUMNS, values, on_conflict=_COUNTING_UP)


def _with_room(connection: Connection, rows: Sequence[CodeSeen], room: int) -> list[CodeSeen]:
    """The rows that are counted already, and as many others as there is room for."""
    counted: list[CodeSeen] = []
    for row in rows:
        if _ROW.rows(connection, {"of": row.sender, "within": row.system, "named": row.code}):
            counted.append(row)
        elif room > 0:
            counted.append(row)
            room -= 1
    return counted


def _values(row: CodeSeen) -> tuple[object, ...]:
    first, last = instant_column(row.first), instant_column(row.last)
    return (row.sender, row.system, row.code, row.text, row.count, first, last)
