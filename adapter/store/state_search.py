"""Reading the written resources for the facade."""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, exists, false, func, or_, select

from adapter.store.encoding import read_object
from adapter.store.search import Comparison, Entry, Place, Query, Token
from adapter.store.state_tables import resources, tokens

_COMPARE: dict[Comparison, Any] = {"eq": eq, "ne": ne, "ge": ge, "gt": gt, "le": le, "lt": lt}
_ENTRY = (resources.c.body, resources.c.version, resources.c.last_updated)


def read_resource(connection: Connection, resource_type: str, resource_id: str) -> Entry | None:
    """One resource as last rendered, with its version and time."""
    query = select(*_ENTRY).where(resources.c.id == resource_id, resources.c.resource_type == resource_type)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _entry(row)


def read_resources(connection: Connection, resource_types: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`Type/id` and body of every resource of these types, in order."""
    query = (
        select(resources.c.resource_type, resources.c.id, resources.c.body)
        .where(resources.c.resource_type.in_(resource_types))
        .order_by(resources.c.resource_type, resources.c.id)
    )
    rows = connection.execute(query).mappings()
    return {f"{row['resource_type']}/{row['id']}": read_object(row["body"]) for row in rows}


def search(connection: Connection, query: Query, count: int, after: Place | None) -> tuple[int, list[Entry]]:
    """How many resources match, and the page behind `after`, by last update and id."""
    conditions = _conditions(query)
    total = connection.execute(select(func.count()).select_from(resources).where(*conditions)).scalar_one()
    if after is not None:
        at, last = after
        conditions.append(
            or_(
                resources.c.last_updated > at,
                and_(resources.c.last_updated == at, resources.c.id > last),
            )
        )
    page = select(*_ENTRY).where(*conditions).order_by(resources.c.last_updated, resources.c.id).limit(count)
    return int(total), [_entry(row) for row in connection.execute(page).mappings()] if count else []


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    conditions = [resources.c.resource_type == query.resource_type]
    if query.patients is not None:
        conditions.append(resources.c.patient.in_(query.patients))
    if query.ids is not None:
        conditions.append(resources.c.id.in_(query.ids))
    conditions.extend(_COMPARE[comparison](resources.c.last_updated, at) for comparison, at in query.last_updated)
    conditions.extend(_has_token(parameter, alternatives) for parameter, alternatives in query.tokens)
    return conditions


def _has_token(parameter: str, alternatives: Sequence[Token]) -> ColumnElement[bool]:
    return exists().where(
        tokens.c.id == resources.c.id,
        tokens.c.resource_type == resources.c.resource_type,
        tokens.c.parameter == parameter,
        or_(false(), *(_token(system, code) for system, code in alternatives)),
    )


def _token(system: str | None, code: str | None) -> ColumnElement[bool]:
    given = [
        column == value for column, value in ((tokens.c.system, system), (tokens.c.code, code)) if value is not None
    ]
    return and_(tokens.c.id.is_not(None), *given)


def _entry(row: RowMapping) -> Entry:
    return read_object(row["body"]), row["version"], row["last_updated"]
