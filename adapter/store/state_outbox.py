"""The ledger of deliveries in the state file: what each target should hold, and how far that got."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    bindparam,
    case,
    func,
    literal,
    null,
    select,
    update,
)

from adapter.domain.identities import Membership
from adapter.domain.message import OutboxRow, Outcome
from adapter.store.ledger import LEFT_OUT, OVERTAKES, REMEMBERED, STATES
from adapter.store.sql_database import insert_into
from adapter.store.sql_prepared import Prepared
from adapter.store.sql_rows import asked, each_once, one_of
from adapter.store.state_outputs import Queued
from adapter.store.state_tables import outbox, resources

_AFRESH = ("patient", "state", "attempts", "retry_at", "reason")
_OWED = ("target", "id", "resource_type", "generation", "queued_at", *_AFRESH)
OF_TARGET = outbox.c.target == bindparam("of_target")
_OWNED = select(resources.c.id).where(resources.c.patient == bindparam("of_patient"))
_READDRESS = (
    update(outbox)
    .where(OF_TARGET, outbox.c.id.in_(_OWNED), outbox.c.state != "confirmed")
    .values(patient=bindparam("to"))
)


def enqueue(connection: Connection, queued: Sequence[Queued], target: str) -> None:
    """Make a target owe the present state; what was already owed keeps its place in the queue."""
    rows = [
        {
            "target": target,
            "id": row.id,
            "resource_type": row.resource_type,
            "patient": row.patient,
            "generation": row.generation,
            "state": "pending",
            "attempts": 0,
            "queued_at": row.at,
            "retry_at": None,
            "reason": None,
        }
        for row in queued
    ]
    if rows:
        _owing(connection.dialect.name).run(connection, rows)


def owed_there(
    connection: Connection, target: str, queued: Sequence[Queued], withheld: Container[tuple[str, str]]
) -> list[Queued]:
    """What a target has to be told: of what is withheld from it, only what it may hold already.

    A resource that stands there is followed to its end, whoever it turns out to be about.
    """
    doubtful = sorted({row.id for row in queued if (target, row.id) in withheld})
    held = {
        place
        for texts in asked(doubtful)
        for place in _may_hold(len(texts)).rows(connection, texts | {"of_target": target})
    }
    return [row for row in queued if (target, row.id) not in withheld or (row.resource_type, row.id) in held]


@cache
def _may_hold(count: int) -> Prepared:
    """Everything a target was ever owed, but for what it was left without."""
    without = (outbox.c.state == "confirmed") & (func.coalesce(outbox.c.strategy, "") == LEFT_OUT)
    query = select(outbox.c.resource_type, outbox.c.id)
    return Prepared(query.where(OF_TARGET, one_of(outbox.c.id, count), ~without))


_UNANSWERED = (
    (outbox.c.state == "pending")
    & outbox.c.retry_at.is_not(None)
    & outbox.c.sent_hash.is_not(None)
    & (outbox.c.remote_hash.is_(None) | outbox.c.sent_hash.not_like(literal("%") + outbox.c.remote_hash))
)
"""What was sent may not have arrived yet, for all that is known."""


@cache
def _owing(dialect: str) -> Prepared:
    statement = insert_into(dialect, outbox)
    fresh = {name: statement.excluded[name] for name in _AFRESH}
    # What is told again unchanged is a newer state too: the answer to an attempt under way must not settle it.
    known, new = outbox.c.generation, statement.excluded.generation
    newer = case((known >= new, known + 1), else_=new)
    still_owed = case((outbox.c.state == "pending", outbox.c.queued_at), else_=statement.excluded.queued_at)
    waits = {
        "retry_at": case((_UNANSWERED, outbox.c.retry_at), else_=statement.excluded.retry_at),
        "reason": case((_UNANSWERED, OVERTAKES), else_=statement.excluded.reason),
    }
    owing = statement.on_conflict_do_update(
        index_elements=list(outbox.primary_key), set_={**fresh, **waits, "generation": newer, "queued_at": still_owed}
    )
    return Prepared(owing, columns=_OWED)


def readdress(connection: Connection, rows: Iterable[Membership]) -> None:
    """What is still owed of resources of a patient who is read under another record goes out under that one."""
    moved = [{"of_patient": row.patient, "to": row.survivor} for row in rows]
    for target in each_once(connection, outbox.c.target) if moved else ():
        for row in moved:
            connection.execute(_READDRESS, {**row, "of_target": target})


def places(connection: Connection, target: str, ids: Sequence[str]) -> dict[str, str | None]:
    """Where a target holds resources with these ids: `Type/id` -> its reference there, None when it does not."""
    found: dict[str, str | None] = {}
    for texts in asked(ids):
        for resource_type, own, remote in _places(len(texts)).rows(connection, texts | {"of_target": target}):
            found[f"{resource_type}/{own}"] = f"{resource_type}/{remote}" if remote else None
    return found


@cache
def _places(count: int) -> Prepared:
    query = select(outbox.c.resource_type, outbox.c.id, outbox.c.remote_id)
    return Prepared(query.where(OF_TARGET, one_of(outbox.c.id, count)))


def mark_sent(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Note that these rows are under way, so that nobody takes them a second time."""
    _UNDER_WAY.run(connection, [_place(row) for row in rows])


def remember_sent(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Note what a target may hold from now on, also when a newer state is owed meanwhile."""
    _MAY_HOLD_NOW.run(connection, [_place(row) | {"new_sent": row.sent_hash} for row in rows])


def settle(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Note how attempts ended; the outcome of an older generation tells only what the target holds since."""
    _ENDED.run(connection, [_ending(outcome) for outcome in outcomes])


def _ending(outcome: Outcome) -> dict[str, Any]:
    return _place(outcome.row) | {
        "new_state": outcome.state,
        "new_reason": outcome.reason,
        "new_retry_at": outcome.retry_at,
        "new_strategy": outcome.strategy,
        "new_remote_id": outcome.remote_id,
        "new_remote_version": outcome.remote_version,
        "new_remote_hash": outcome.remote_hash,
        "new_sent_hash": outcome.sent_hash,
    }


def _place(row: OutboxRow) -> dict[str, Any]:
    return {
        "of_target": row.target,
        "of_id": row.id,
        "of_type": row.resource_type,
        "of_generation": row.generation,
    }


def _given(name: str) -> BindParameter[Any]:
    return bindparam(f"new_{name}", type_=outbox.c[name].type)


def _where_owed(name: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A value for the generation that was sent; a newer one keeps its own."""
    return case((_SAME_GENERATION, value), else_=outbox.c[name])


_NEW_STATE, _NEW_SENT = _given("state"), _given("sent_hash")
_OVERTOOK = (outbox.c.state == "pending") & (_NEW_STATE == "pending") & _NEW_SENT.is_not(None)
"""An attempt with an older state had no answer, while a newer one came to be owed."""
_NEED_NOT_WAIT = (outbox.c.reason == OVERTAKES) & (_NEW_STATE == "confirmed")
"""The older state stands there, so nothing of it is on its way any more."""
_SAME_PLACE = (OF_TARGET, outbox.c.id == bindparam("of_id"), outbox.c.resource_type == bindparam("of_type"))
_SAME_GENERATION = outbox.c.generation == bindparam("of_generation")
_UNDER_WAY = Prepared(update(outbox).where(*_SAME_PLACE, _SAME_GENERATION).values(state="sent"))
_MAY_HOLD_NOW = Prepared(update(outbox).where(*_SAME_PLACE).values(sent_hash=bindparam("new_sent")))
_ENDED = Prepared(
    update(outbox)
    .where(*_SAME_PLACE)
    .values(
        {name: func.coalesce(_given(name), outbox.c[name]) for name in REMEMBERED}
        | {"state": _where_owed("state", _NEW_STATE), "sent_hash": func.coalesce(_NEW_SENT, outbox.c.sent_hash)}
        | {
            "retry_at": case(
                (_SAME_GENERATION, _given("retry_at")),
                (_OVERTOOK, _given("retry_at")),
                (_NEED_NOT_WAIT, null()),
                else_=outbox.c.retry_at,
            ),
            "reason": case(
                (_SAME_GENERATION, _given("reason")),
                (_OVERTOOK, OVERTAKES),
                (_NEED_NOT_WAIT, null()),
                else_=outbox.c.reason,
            ),
        }
        | {"attempts": _where_owed("attempts", outbox.c.attempts + 1)}
    )
)


def recover_sent(connection: Connection) -> None:
    """After a restart nobody knows how deliveries under way ended: they are owed again."""
    connection.execute(update(outbox).where(outbox.c.state == "sent").values(state="pending"))


def outbox_counts(connection: Connection, target: str) -> dict[str, int]:
    """How many resources of a target are in each state; every state is named."""
    query = select(outbox.c.state, func.count()).where(outbox.c.target == target).group_by(outbox.c.state)
    return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in connection.execute(query)}


def oldest_pending(connection: Connection, target: str) -> datetime | None:
    """Since when the longest waiting resource of a target waits."""
    query = select(func.min(outbox.c.queued_at, type_=outbox.c.queued_at.type))
    found: datetime | None = connection.execute(
        query.where(outbox.c.target == target, outbox.c.state == "pending")
    ).scalar_one()
    return found


def count_pending(connection: Connection) -> int:
    """What is owed to all targets together."""
    return int(
        connection.execute(select(func.count()).select_from(outbox).where(outbox.c.state == "pending")).scalar_one()
    )
