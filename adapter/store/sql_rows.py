"""Statements for very many rows: inserted in bulk, and looked through by steps along an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

from sqlalchemy import Column, ColumnElement, Connection, Table, bindparam, func, select

from adapter.store.sql_prepared import cursor_of

ROWS_AT_ONCE = 256
"""Rows in one statement: with some fifteen columns well under every database's limit of parameters."""
FEW_ROWS = 16
"""Up to so many rows are one statement, whatever their number."""
LOOKUP_SIZE = 512
"""Texts per question, well under every database's limit of parameters; a power of two."""
_ASKED = "asked_"


def insert_rows(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    on_conflict: str = "",
) -> None:
    """Insert rows whose values are in the order of the columns and as the driver takes them: for very many rows.

    `on_conflict` says what is done where a row stands already (`ON CONFLICT ...`); no two of these rows may be one.
    Many rows are one statement: between two statements the interpreter's lock changes hands, and another thread waits.
    """
    start, cursor = 0, cursor_of(connection)
    while start < len(rows):
        size = _portion(len(rows) - start)
        values = tuple(chain.from_iterable(rows[start : start + size]))
        text = _insert_text(connection.dialect.paramstyle, table.name, tuple(columns), size, on_conflict)
        cursor.execute(text, values)
        start += size


def _portion(left: int) -> int:
    """How many of the rows left one statement takes: all of few, else a power of two, so that there are few texts."""
    return left if left <= FEW_ROWS else min(ROWS_AT_ONCE, 1 << (left.bit_length() - 1))


@lru_cache(maxsize=128)
def _insert_text(paramstyle: str, table: str, columns: tuple[str, ...], size: int, on_conflict: str) -> str:
    mark = "?" if paramstyle == "qmark" else "%s"
    row = f"({', '.join([mark] * len(columns))})"
    text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * size)}"  # noqa: S608 - our own names
    return f"{text} {on_conflict}" if on_conflict else text


def one_of(column: Column[str], count: int) -> ColumnElement[bool]:
    """That a column is one of so many texts, given as `asked` gives them: compiled once per count, not per question."""
    return column.in_([bindparam(f"{_ASKED}{n}") for n in range(count)])


def portions(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Texts in portions that one question may name."""
    return (texts[start : start + LOOKUP_SIZE] for start in range(0, len(texts), LOOKUP_SIZE))


def asked(texts: Sequence[str]) -> Iterator[dict[str, str]]:
    """Texts in portions for `one_of`, the last one repeated up to a power of two, so that there are few counts."""
    if len(texts) == 1:
        yield {f"{_ASKED}0": texts[0]}
        return
    for part in portions(texts):
        count = 1 << (len(part) - 1).bit_length()
        yield {f"{_ASKED}{n}": part[min(n, len(part) - 1)] for n in range(count)}


def each_once(connection: Connection, column: Column[str], *conditions: ColumnElement[bool]) -> Iterator[str]:
    """Every value of a column that leads an index, by steps through it: for few values in very many rows."""
    query = select(func.min(column)).where(*conditions)
    value = connection.execute(query).scalar_one()
    while value is not None:
        yield value
        value = connection.execute(query.where(column > value)).scalar_one()
