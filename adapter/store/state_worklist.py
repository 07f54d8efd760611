"""How far the inboxes were read, what waits in the work list, and how often each problem occurred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, delete, func, insert, select

from adapter.domain.message import MessageRef, Parked
from adapter.store.encoding import problems_text, read_problems
from adapter.store.sql_database import insert_into, upsert
from adapter.store.sql_prepared import Prepared
from adapter.store.state_tables import cursors, parked, problem_counts, waits

_MESSAGE = ("inbox", "seq", "source", "sender", "control_id", "digest", "file")
_CURSOR = Prepared(select(cursors.c.seq).where(cursors.c.inbox == bindparam("of_inbox")))
_TWINS = Prepared(
    select(*(parked.c[name] for name in _MESSAGE)).where(
        parked.c.digest == bindparam("of_digest"), parked.c.source == bindparam("of_source")
    )
)


def cursor(connection: Connection, inbox: str) -> int:
    """The last place of an inbox whose effects are committed, 0 at the start."""
    return next(iter(_CURSOR.column(connection, {"of_inbox": inbox})), 0)


def move_cursor(connection: Connection, inbox: str, seq: int, messages: int = 1) -> None:
    """Note that everything up to a place of an inbox is committed, which took so many messages more."""
    _moving(connection.dialect.name).run(connection, [{"inbox": inbox, "seq": seq, "messages": messages}])


@cache
def _moving(dialect: str) -> Prepared:
    statement = insert_into(dialect, cursors)
    moved = {"seq": statement.excluded.seq, "messages": cursors.c.messages + statement.excluded.messages}
    return Prepared(statement.on_conflict_do_update(index_elements=[cursors.c.inbox], set_=moved))


def messages_by_inbox(connection: Connection) -> dict[str, int]:
    """How many messages of each inbox were committed."""
    return {row["inbox"]: row["messages"] for row in connection.execute(select(cursors)).mappings()}


def change(connection: Connection, resolved: Iterable[MessageRef], waiting: Parked | None) -> None:
    """Take messages out of the work list and put one in; one that was there already has waited since it came there."""
    since = _waiting_since(connection, waiting.message) if waiting else None
    _resolve(connection, resolved)
    if waiting:
        _resolve(connection, [waiting.message])
        _park(connection, replace(waiting, parked_at=since) if since else waiting)


def _waiting_since(connection: Connection, message: MessageRef) -> datetime | None:
    query = select(parked.c.parked_at).where(parked.c.inbox == message.inbox, parked.c.seq == message.seq)
    since: datetime | None = connection.execute(query).scalar_one_or_none()
    return since


def reason(connection: Connection, message: MessageRef) -> str | None:
    """Why a message waits; None when it does not."""
    query = select(parked.c.reason).where(parked.c.inbox == message.inbox, parked.c.seq == message.seq)
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def _park(connection: Connection, waiting: Parked) -> None:
    values = asdict(waiting.message) | {
        "reason": waiting.reason,
        "problems": problems_text(waiting.problems),
        "parked_at": waiting.parked_at,
    }
    upsert(connection, parked, [values])
    message = waiting.message
    rows = [
        {"source": message.source, "reference": r, "inbox": message.inbox, "seq": message.seq, "place": place}
        for place, r in enumerate(dict.fromkeys(waiting.waits_for))
    ]
    if rows:
        connection.execute(insert(waits), rows)


def _resolve(connection: Connection, messages: Iterable[MessageRef]) -> None:
    for message in messages:
        for table in (parked, waits):
            connection.execute(delete(table).where(table.c.inbox == message.inbox, table.c.seq == message.seq))


def twins(connection: Connection, message: MessageRef) -> list[MessageRef]:
    """Parked messages with the very bytes of this one, itself left out."""
    asked = {"of_digest": message.digest, "of_source": message.source}
    found = (MessageRef(**row) for row in _TWINS.mappings(connection, asked))
    return [twin for twin in found if twin != message]


def waiting_for(connection: Connection, source: str, references: Sequence[str]) -> list[MessageRef]:
    """Messages of a source that wait for one of these references, the longest waiting first."""
    query = (
        select(*(parked.c[name] for name in _MESSAGE))
        .join(waits, (waits.c.inbox == parked.c.inbox) & (waits.c.seq == parked.c.seq))
        .where(waits.c.source == source, waits.c.reference.in_(references))
        .order_by(parked.c.parked_at, parked.c.inbox, parked.c.seq)
    )
    found = (MessageRef(**row) for row in connection.execute(query).mappings())
    return list(dict.fromkeys(found))


def awaited(connection: Connection, source: str, limit: int) -> list[str]:
    """References of a source that messages of the work list wait for, in order."""
    query = select(waits.c.reference).where(waits.c.source == source).distinct().order_by(waits.c.reference)
    return list(connection.execute(query.limit(limit)).scalars())


def read_parked(connection: Connection, reason: str | None) -> list[Parked]:
    """The work list, or its part with one reason, the longest waiting first."""
    return select_parked(connection, *([] if reason is None else [parked.c.reason == reason]))


def select_parked(connection: Connection, *conditions: ColumnElement[bool]) -> list[Parked]:
    """The part of the work list under some conditions, the longest waiting first."""
    query = select(parked).where(*conditions).order_by(parked.c.parked_at, parked.c.inbox, parked.c.seq)
    return [_read_parked(connection, row) for row in connection.execute(query).mappings().all()]


def _read_parked(connection: Connection, row: RowMapping) -> Parked:
    here = (waits.c.inbox == row["inbox"], waits.c.seq == row["seq"])
    references = connection.execute(select(waits.c.reference).where(*here).order_by(waits.c.place)).scalars()
    message: dict[str, Any] = {name: row[name] for name in _MESSAGE}
    return Parked(
        message=MessageRef(**message),
        reason=row["reason"],
        problems=read_problems(row["problems"]),
        waits_for=tuple(references),
        parked_at=row["parked_at"],
    )


def count_parked(connection: Connection) -> int:
    """How many messages wait."""
    return int(connection.execute(select(func.count()).select_from(parked)).scalar_one())


def count_by_reason(connection: Connection) -> dict[str, int]:
    """How many messages wait, by reason, the most frequent first."""
    count = func.count()
    query = select(parked.c.reason, count).group_by(parked.c.reason).order_by(count.desc(), parked.c.reason)
    return {reason: int(number) for reason, number in connection.execute(query)}


def count_problems(connection: Connection, counts: Mapping[str, int]) -> None:
    """Add problems to their counts."""
    rows = [{"code": code, "count": count} for code, count in counts.items()]
    if rows:
        _counting(connection.dialect.name).run(connection, rows)


@cache
def _counting(dialect: str) -> Prepared:
    statement = insert_into(dialect, problem_counts)
    total = problem_counts.c.count + statement.excluded.count
    return Prepared(statement.on_conflict_do_update(index_elements=[problem_counts.c.code], set_={"count": total}))


def read_problem_counts(connection: Connection) -> dict[str, int]:
    """How often each problem occurred, by code."""
    rows = connection.execute(select(problem_counts).order_by(problem_counts.c.code)).mappings()
    return {row["code"]: row["count"] for row in rows}
