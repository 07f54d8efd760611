"""Resources a target would not take, in the state file: looked at by a person, and owed again when he says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, false, func, or_, select, update

from adapter.store.sql_rows import each_once
from adapter.store.state_tables import outbox, resources

FOREIGN_EDIT, DELETED_THERE = "foreign-edit", "deleted-on-target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """How far one resource got at one target."""

    target: str
    resource_type: str
    id: str
    kind: str
    patient: str
    state: str
    reason: str | None
    """What the target, or we, said last."""
    attempts: int
    queued_at: datetime
    retry_at: datetime | None
    strategy: str | None
    remote_id: str | None
    """The id under which the target holds it."""
    remote_version: str | None

    @property
    def key(self) -> str:
        """`Flag/<id>`"""
        return f"{self.resource_type}/{self.id}"

    @property
    def of_a_person(self) -> bool:
        """Whether somebody edited or deleted it there: then it stays as he left it."""
        reason = self.reason or ""
        return self.state == "parked" and (reason == FOREIGN_EDIT or reason.endswith(DELETED_THERE))


def of_a_person() -> ColumnElement[bool]:
    """What somebody edited or deleted on a target is his."""
    said = or_(outbox.c.reason == FOREIGN_EDIT, outbox.c.reason.like(f"%{DELETED_THERE}"))
    return func.coalesce(said, false())


def parked_deliveries(connection: Connection, target: str | None = None) -> list[Delivered]:
    """Everything targets, or one target, would not take, the longest owed first."""
    return _read(connection, [target] if target else _targets(connection), outbox.c.state == "parked")


def deliveries_of(connection: Connection, resource_id: str) -> list[Delivered]:
    """One resource at every target."""
    return _read(connection, _targets(connection), outbox.c.id == resource_id)


def _targets(connection: Connection) -> list[str]:
    return list(each_once(connection, outbox.c.target))


def _read(connection: Connection, targets: Iterable[str], condition: ColumnElement[bool]) -> list[Delivered]:
    """Target by target: every index of the ledger begins with one."""
    query = select(outbox, resources.c.kind).join(
        resources, (resources.c.id == outbox.c.id) & (resources.c.resource_type == outbox.c.resource_type)
    )
    found = [
        _delivered(row)
        for target in targets
        for row in connection.execute(query.where(outbox.c.target == target, condition)).mappings()
    ]
    return sorted(found, key=lambda one: (one.queued_at, one.target, one.key))


def _delivered(row: RowMapping) -> Delivered:
    return Delivered(
        target=row["target"],
        resource_type=row["resource_type"],
        id=row["id"],
        kind=row["kind"],
        patient=row["patient"],
        state=row["state"],
        reason=row["reason"],
        attempts=row["attempts"],
        queued_at=row["queued_at"],
        retry_at=row["retry_at"],
        strategy=row["strategy"],
        remote_id=row["remote_id"],
        remote_version=row["remote_version"],
    )


def owe_again(connection: Connection, places: Sequence[tuple[str, str, str]]) -> int:
    """Owe these resources (target, type, id) again, without what a person edited or deleted; gives how many."""
    count = 0
    for target, resource_type, resource_id in places:
        of_it = (outbox.c.target == target, outbox.c.id == resource_id, outbox.c.resource_type == resource_type)
        statement = update(outbox).where(*of_it, outbox.c.state == "parked", ~of_a_person())
        count += connection.execute(statement.values(state="pending", attempts=0, retry_at=None)).rowcount
    return count
