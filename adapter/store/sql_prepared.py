"""Statements that every message needs, put into words once per database and run by the driver itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

Row = tuple[Any, ...]
_Convert = Callable[[Any], Any]


class Prepared:
    """One statement with named parameters; what it costs is what the database does.

    To look a statement up among those compiled before, and to wrap its result, costs SQLAlchemy ten times what SQLite
    needs to answer a short question.
    """

    def __init__(self, statement: ClauseElement, columns: Collection[str] | None = None) -> None:
        """`columns`: those of an INSERT that are given; None: all of them."""
        self._statement = statement
        self._columns = None if columns is None else list(columns)
        self._by_dialect: dict[str, _Worded] = {}

    def rows(self, connection: Connection, values: Mapping[str, object]) -> list[Row]:
        """What a question finds."""
        worded = self._by_dialect.get(connection.dialect.name) or self._worded(connection.dialect)
        cursor = cursor_of(connection)
        cursor.execute(worded.text, worded.given(values))
        found: list[Row] = cursor.fetchall()
        return [worded.read(row) for row in found] if worded.reads else found

    def walk(self, connection: Connection, values: Mapping[str, object]) -> Generator[Row]:
        """What a question finds, row by row: for whoever may stop before the last; to be closed."""
        worded = self._by_dialect.get(connection.dialect.name) or self._worded(connection.dialect)
        with closing(cursor_of(connection)) as cursor:
            cursor.execute(worded.text, worded.given(values))
            for row in cursor:
                yield worded.read(row)

    def mappings(self, connection: Connection, values: Mapping[str, object]) -> list[dict[str, Any]]:
        """What a question finds, by the names of the columns."""
        names = (self._by_dialect.get(connection.dialect.name) or self._worded(connection.dialect)).names
        return [dict(zip(names, row, strict=True)) for row in self.rows(connection, values)]

    def column(self, connection: Connection, values: Mapping[str, object]) -> list[Any]:
        """The first column of what a question finds."""
        return [row[0] for row in self.rows(connection, values)]

    def run(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Do it once for each of these parameters."""
        worded = self._by_dialect.get(connection.dialect.name) or self._worded(connection.dialect)
        cursor = cursor_of(connection)
        if len(rows) == 1:
            cursor.execute(worded.text, worded.given(rows[0]))
        elif rows:
            cursor.executemany(worded.text, [worded.given(row) for row in rows])

    def add(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Do it once for each of these rows of plain values, in the order of the columns."""
        if rows:
            worded = self._by_dialect.get(connection.dialect.name) or self._worded(connection.dialect)
            cursor_of(connection).executemany(worded.text, rows)

    def _worded(self, dialect: Dialect) -> _Worded:
        worded = self._by_dialect[dialect.name] = _put_into_words(self._statement, self._columns, dialect)
        return worded


def cursor_of(connection: Connection) -> Any:  # noqa: ANN401 - a cursor of whichever driver
    """A cursor of the driver, inside the transaction of a connection."""
    return connection.connection.dbapi_connection.cursor()  # type: ignore[union-attr]  # inside a block it is open


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worded:
    """A statement as one database takes it."""

    text: str
    positional: bool
    parameters: tuple[str, ...]
    taken: Callable[[Mapping[str, object]], Row]
    """The values of the parameters, in their order."""
    converts: tuple[tuple[int, _Convert], ...]
    """The parameters that are no plain value of the driver."""
    constants: Mapping[str, object]
    """Parameters whose values stand in the statement itself."""
    names: tuple[str, ...]
    reads: tuple[tuple[int, _Convert], ...]
    """The columns that are no plain value of the driver."""

    def given(self, values: Mapping[str, object]) -> object:
        """The parameters as the driver takes them."""
        if self.constants:
            values = {**self.constants, **values}
        if not self.converts and self.positional:
            return self.taken(values)
        told = list(self.taken(values))
        for place, convert in self.converts:
            told[place] = convert(told[place])
        return told if self.positional else dict(zip(self.parameters, told, strict=True))

    def read(self, row: Row) -> Row:
        """A row with the values its columns stand for."""
        values = list(row)
        for place, convert in self.reads:
            values[place] = convert(values[place])
        return tuple(values)


def _put_into_words(statement: ClauseElement, columns: list[str] | None, dialect: Dialect) -> _Worded:
    compiled = cast("SQLCompiler", statement.compile(dialect=dialect, column_keys=columns))
    binds = {name: bind for bind, name in compiled.bind_names.items()}
    parameters = tuple(compiled.positiontup or binds)
    writers = [binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in parameters]
    selected = list(statement.selected_columns) if isinstance(statement, Select) else []
    readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in selected]
    return _Worded(
        text=str(compiled),
        positional=compiled.positional,
        parameters=parameters,
        taken=_taking(parameters),
        converts=tuple((place, convert) for place, convert in enumerate(writers) if convert),
        constants={name: bind.value for name, bind in binds.items() if not bind.required},
        names=tuple(column.name for column in selected),
        reads=tuple((place, convert) for place, convert in enumerate(readers) if convert),
    )


def _taking(names: tuple[str, ...]) -> Callable[[Mapping[str, object]], Row]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)
