"""The ledger of deliveries in the state file: what each target should hold, and how far that got."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, case, func, or_, select, update

from adapter.domain.identities import Membership
from adapter.domain.message import OutboxRow, Outcome
from adapter.store.encoding import read_object
from adapter.store.ledger import DELIVERY_ORDER, LEFT_OUT, REMEMBERED, STATES
from adapter.store.sql_database import insert_into
from adapter.store.sql_prepared import Prepared
from adapter.store.sql_rows import asked, each_once, one_of
from adapter.store.state_outputs import Queued
from adapter.store.state_tables import outbox, resources

_AFRESH = ("patient", "state", "attempts", "retry_at", "reason")
_OWED = ("target", "id", "resource_type", "generation", "queued_at", *_AFRESH)


_OWNED = select(resources.c.id).where(resources.c.patient == bindparam("of_patient"))
_READDRESS = (
    update(outbox)
    .where(outbox.c.target == bindparam("of_target"), outbox.c.id.in_(_OWNED), outbox.c.state != "confirmed")
    .values(patient=bindparam("to"))
)


def enqueue(connection: Connection, queued: Sequence[Queued], targets: Iterable[str], at: datetime) -> None:
    """Make every target owe the present state; what was already owed keeps its place in the queue."""
    rows = [
        {
            "target": target,
            "id": row.id,
            "resource_type": row.resource_type,
            "patient": row.patient,
            "generation": row.generation,
            "state": "pending",
            "attempts": 0,
            "queued_at": at,
            "retry_at": None,
            "reason": None,
        }
        for target in targets
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
    return Prepared(query.where(outbox.c.target == bindparam("of_target"), one_of(outbox.c.id, count), ~without))


@cache
def _owing(dialect: str) -> Prepared:
    statement = insert_into(dialect, outbox)
    fresh = {name: statement.excluded[name] for name in _AFRESH}
    # What is told again unchanged is a newer state too: the answer to an attempt under way must not settle it.
    known, new = outbox.c.generation, statement.excluded.generation
    newer = case((known >= new, known + 1), else_=new)
    still_owed = case((outbox.c.state == "pending", outbox.c.queued_at), else_=statement.excluded.queued_at)
    owing = statement.on_conflict_do_update(
        index_elements=list(outbox.primary_key), set_={**fresh, "generation": newer, "queued_at": still_owed}
    )
    return Prepared(owing, columns=_OWED)


def readdress(connection: Connection, rows: Iterable[Membership]) -> None:
    """What is still owed of resources of a patient who is read under another record goes out under that one."""
    moved = [{"of_patient": row.patient, "to": row.survivor} for row in rows]
    for target in each_once(connection, outbox.c.target) if moved else ():
        for row in moved:
            connection.execute(_READDRESS, {**row, "of_target": target})


def due(connection: Connection, target: str, now: datetime, limit_patients: int) -> list[OutboxRow]:
    """All that is owed to a target about patients with something due now, the longest waiting patient first.

    What refers to a resource that waits for its next attempt must not go before it: it would have no link to it.
    """
    order = _patients_due(connection, target, now, limit_patients)
    if not order:
        return []
    query = (
        select(outbox, resources.c.body, resources.c.content_hash, resources.c.kind)
        .join(resources, (resources.c.id == outbox.c.id) & (resources.c.resource_type == outbox.c.resource_type))
        .where(*_pending(target), outbox.c.patient.in_(order))
    )
    rows = sorted(connection.execute(query).mappings(), key=lambda row: _rank(row, order))
    return [_read_row(row) for row in rows]


def _patients_due(connection: Connection, target: str, now: datetime, limit_patients: int) -> list[str]:
    query = select(outbox.c.patient).where(*_owed(target, now)).order_by(outbox.c.queued_at, outbox.c.patient)
    order: dict[str, None] = {}
    with connection.execute(query, execution_options={"stream_results": True}) as walk:
        for patient in walk.scalars():
            if patient not in order and len(order) == limit_patients:
                break
            order[patient] = None
    return list(order)


def _pending(target: str) -> tuple[Any, ...]:
    return outbox.c.target == target, outbox.c.state == "pending"


def _owed(target: str, now: datetime) -> tuple[Any, ...]:
    return *_pending(target), or_(outbox.c.retry_at.is_(None), outbox.c.retry_at <= now)


def _rank(row: RowMapping, order: list[str]) -> tuple[int, int, datetime, str]:
    return order.index(row["patient"]), DELIVERY_ORDER.index(row["kind"]), row["queued_at"], row["id"]


def _read_row(row: RowMapping) -> OutboxRow:
    return OutboxRow(
        target=row["target"],
        patient=row["patient"],
        resource_type=row["resource_type"],
        id=row["id"],
        body=read_object(row["body"]),
        content_hash=row["content_hash"],
        attempts=row["attempts"],
        generation=row["generation"],
        **{name: row[name] for name in REMEMBERED},
    )


def places(connection: Connection, target: str, ids: Sequence[str]) -> dict[str, str | None]:
    """Where a target holds resources with these ids: `Type/id` -> its reference there, None when it does not."""
    columns = (outbox.c.resource_type, outbox.c.id, outbox.c.remote_id)
    found: dict[str, str | None] = {}
    for texts in asked(ids):
        query = select(*columns).where(outbox.c.target == target, one_of(outbox.c.id, len(texts)))
        for resource_type, own, remote in connection.execute(query, texts):
            found[f"{resource_type}/{own}"] = f"{resource_type}/{remote}" if remote else None
    return found


def mark_sent(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Note that these rows are under way, so that nobody takes them a second time."""
    statement = update(outbox).where(*_same_generation()).values(state="sent")
    if rows:
        connection.execute(statement, [_place(row) for row in rows])


def remember_sent(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Note what a target may hold from now on, also when a newer state is owed meanwhile."""
    statement = update(outbox).where(*_same_generation()[:-1]).values(sent_hash=bindparam("new_sent"))
    if rows:
        connection.execute(statement, [_held_at(row) | {"new_sent": row.sent_hash} for row in rows])


def settle(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Note how attempts ended; the outcome of an older generation tells only what the target holds since."""
    ended = (
        update(outbox)
        .where(*_same_generation())
        .values(
            state=bindparam("new_state"),
            attempts=outbox.c.attempts + 1,
            reason=bindparam("new_reason"),
            retry_at=bindparam("new_retry_at", type_=outbox.c.retry_at.type),
        )
    )
    held = (
        update(outbox)
        .where(*_same_generation()[:-1])
        .values({name: func.coalesce(bindparam(f"new_{name}"), outbox.c[name]) for name in REMEMBERED})
    )
    if outcomes:
        connection.execute(ended, [_ending(outcome) for outcome in outcomes])
        connection.execute(held, [_memory(outcome) for outcome in outcomes])


def _ending(outcome: Outcome) -> dict[str, Any]:
    return _place(outcome.row) | {
        "new_state": outcome.state,
        "new_reason": outcome.reason,
        "new_retry_at": outcome.retry_at,
    }


def _memory(outcome: Outcome) -> dict[str, Any]:
    return _held_at(outcome.row) | {f"new_{name}": getattr(outcome, name) for name in REMEMBERED}


def _same_generation() -> tuple[Any, ...]:
    return (
        outbox.c.target == bindparam("of_target"),
        outbox.c.id == bindparam("of_id"),
        outbox.c.resource_type == bindparam("of_type"),
        outbox.c.generation == bindparam("of_generation"),
    )


def _place(row: OutboxRow) -> dict[str, Any]:
    return {
        "of_target": row.target,
        "of_id": row.id,
        "of_type": row.resource_type,
        "of_generation": row.generation,
    }


def _held_at(row: OutboxRow) -> dict[str, Any]:
    """The place of a row whatever its generation."""
    place = _place(row)
    del place["of_generation"]
    return place


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
