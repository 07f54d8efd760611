"""What the state still needs of kept messages: those that wait, those facts came from, those whose results are owed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from adapter.store.sql_rows import portions
from adapter.store.state_tables import events, outbox, parked


def waiting_places(connection: Connection, inbox: str) -> frozenset[int]:
    """The places of an inbox's messages in the work list."""
    return frozenset(connection.execute(select(parked.c.seq).where(parked.c.inbox == inbox)).scalars())


def patients_by_digest(connection: Connection, digests: Sequence[str]) -> dict[str, set[str]]:
    """For messages that gave facts, by digest, the patients of these facts."""
    found: dict[str, set[str]] = {}
    for part in portions(digests):
        query = select(events.c.origin, events.c.patient).where(events.c.origin.in_(part)).distinct()
        for origin, patient in connection.execute(query):
            found.setdefault(origin, set()).add(patient)
    return found


def owed_patients(connection: Connection, targets: Collection[str] | None) -> frozenset[str]:
    """Patients with a result that one of these targets (None: any) has not confirmed."""
    query = select(outbox.c.patient).where(outbox.c.state != "confirmed").distinct()
    if targets is not None:
        query = query.where(outbox.c.target.in_(sorted(targets)))
    return frozenset(connection.execute(query).scalars())
