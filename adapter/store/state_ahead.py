"""Of which patients, messages and resources the state file knows nothing, asked for many messages at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Column, Connection, select

from adapter.store.sql_prepared import Prepared
from adapter.store.sql_rows import asked, one_of
from adapter.store.state_tables import events, findings, merged, parked, people, records, resources

_OF_PATIENTS = (
    people.c.patient,
    merged.c.patient,
    merged.c.survivor,
    records.c.patient,
    events.c.patient,
    resources.c.patient,
)
_OF_MESSAGES = (parked.c.digest, events.c.origin)


def strangers(connection: Connection, patients: Sequence[str]) -> set[str]:
    """Those of these patients of whom nothing is known."""
    # Nearly everybody who is known has findings; his history, which may be long, is not gone through.
    return _in_none_of((findings.c.patient, *_OF_PATIENTS), connection, patients)


def unheard(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Those of these digests under which no message was understood, and none waits."""
    return _in_none_of(_OF_MESSAGES, connection, digests)


def unowned(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of these resource ids under which nothing was written."""
    return _in_none_of((resources.c.id,), connection, ids)


def _in_none_of(columns: Sequence[Column[str]], connection: Connection, texts: Sequence[str]) -> set[str]:
    left = set(texts)
    for column in columns:
        for portion in asked(sorted(left)):
            left.difference_update(_found(column, len(portion)).column(connection, portion))
    return left


@cache
def _found(column: Column[str], count: int) -> Prepared:
    return Prepared(select(column).where(one_of(column, count)))
