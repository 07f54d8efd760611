"""Schema versions of a store file: forward only, and a newer file is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, func, insert, inspect, select

from adapter.store.faults import StoreTooNew

VERSION_TABLE = "store_version"

_version = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version", Integer, primary_key=True),
    Column("schema", String(20), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The newest tables of one kind of file, and the steps that lead there from its first version."""

    name: str
    tables: MetaData
    steps: tuple[Callable[[Connection], None], ...] = ()
    """`steps[0]` leads from version 1 to version 2, and so on; never changed once released."""

    @property
    def version(self) -> int:
        """The version this program writes."""
        return 1 + len(self.steps)


def migrate(connection: Connection, schema: Schema, file: str) -> None:
    """Bring a file to the newest version, inside the caller's transaction; raises StoreTooNew."""
    found = stored_version(connection)
    if found == 0:
        _version.create(connection)
        schema.tables.create_all(connection)
    if found > schema.version:
        raise StoreTooNew(
            f"{file} was written by a newer version of this program (schema {found}, known here: {schema.version}); "
            "install that version again or use another store folder."
        )
    if found < schema.version:
        for step in schema.steps[found - 1 :] if found else ():
            step(connection)
        connection.execute(insert(_version).values(version=schema.version, schema=schema.name))


def stored_version(connection: Connection) -> int:
    """The schema version of a file; 0 when it holds no store yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return 0
    return int(connection.execute(select(func.coalesce(func.max(_version.c.version), 0))).scalar_one())
