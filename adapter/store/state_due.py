"""What is due to a target now, in the state file: whole patients, the longest waiting first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from functools import cache
from itertools import islice

from sqlalchemy import Connection, String, bindparam, or_, select, type_coerce

from adapter.domain.message import OutboxRow
from adapter.store.encoding import read_object
from adapter.store.ledger import DELIVERY_ORDER, OVERTAKES, REMEMBERED
from adapter.store.sql_prepared import Prepared, Row
from adapter.store.sql_rows import asked, one_of
from adapter.store.state_outbox import OF_TARGET
from adapter.store.state_tables import outbox, resources


def due(connection: Connection, target: str, now: datetime, limit_patients: int) -> list[OutboxRow]:
    """All that is owed to a target about patients with something due now, the longest waiting patient first.

    What refers to a resource that waits for its next attempt must not go before it: it would have no link to it. While
    an older state may still arrive there, and would then stand for the newer one, the whole patient waits, and takes
    nobody's turn.
    """
    rows: list[Row] = []
    left = limit_patients
    with closing(_WAITING.walk(connection, {"of_target": target, "now": now})) as walk:
        in_turn = _each_once(patient for (patient,) in walk)
        while portion := list(islice(in_turn, left)):
            owed = _owed_to(connection, target, portion)
            held = {row[0] for row in owed if _is_held_back(row, now)}
            rows += [row for row in owed if row[0] not in held]
            left -= len(portion) - len(held)
    return [_read_row(target, row) for row in rows]


def _is_held_back(row: Row, now: datetime) -> bool:
    _, _, _, _, reason, retry_at, *_ = row
    return reason == OVERTAKES and retry_at is not None and retry_at > now


def _each_once(patients: Iterable[str]) -> Iterator[str]:
    met: set[str] = set()
    for patient in patients:
        if patient not in met:
            met.add(patient)
            yield patient


def _owed_to(connection: Connection, target: str, patients: Sequence[str]) -> list[Row]:
    """All that is owed about these patients, in their order."""
    turns = {patient: turn for turn, patient in enumerate(patients)}
    owed = [
        row
        for portion in asked(patients)
        for row in _owed_about(len(portion)).rows(connection, portion | {"of_target": target})
    ]
    return sorted(owed, key=lambda row: (turns[row[0]], DELIVERY_ORDER.index(row[1]), *row[2:4]))


_PENDING = (OF_TARGET, outbox.c.state == "pending")
_NOW = bindparam("now", type_=outbox.c.retry_at.type)
_WAITING = Prepared(
    select(outbox.c.patient)
    .where(*_PENDING, or_(outbox.c.retry_at.is_(None), outbox.c.retry_at <= _NOW))
    .order_by(outbox.c.queued_at, outbox.c.patient)
)


@cache
def _owed_about(count: int) -> Prepared:
    of_it = (resources.c.id == outbox.c.id) & (resources.c.resource_type == outbox.c.resource_type)
    since = type_coerce(outbox.c.queued_at, String).label("since")  # the order of the texts is that of the times
    turn = (outbox.c.patient, resources.c.kind, since, outbox.c.id, outbox.c.reason, outbox.c.retry_at)
    resource = (outbox.c.resource_type, resources.c.body, resources.c.content_hash)
    remembered = (outbox.c[name] for name in REMEMBERED)
    query = select(*turn, *resource, outbox.c.attempts, outbox.c.generation, *remembered).join(resources, of_it)
    return Prepared(query.where(*_PENDING, one_of(outbox.c.patient, count)))


def _read_row(target: str, row: Row) -> OutboxRow:
    patient, _, _, own, _, _, resource_type, body, content_hash, attempts, generation, *remembered = row
    return OutboxRow(
        target=target,
        patient=patient,
        resource_type=resource_type,
        id=own,
        body=read_object(body),
        content_hash=content_hash,
        attempts=attempts,
        generation=generation,
        **dict(zip(REMEMBERED, remembered, strict=True)),
    )
