"""What became of messages, in the state file: the facts read from them, the work list, and what was delivered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, or_, select

from adapter.domain.identities import Group
from adapter.domain.message import Parked
from adapter.domain.outputs import Written
from adapter.store import state_outputs, state_worklist
from adapter.store.encoding import read_identity
from adapter.store.journey import Delivery, FactRead, Resource
from adapter.store.sql_rows import each_once, portions
from adapter.store.state_identities import brought_forward
from adapter.store.state_tables import events, identities, outbox, parked

_SAID = {"merged": ("PatientsMerged", "into"), "unlinked": ("PatientsUnlinked", "from")}
ESCAPE = "\\"


def facts_from(connection: Connection, digests: Sequence[str]) -> list[FactRead]:
    """The facts read from messages with these contents."""
    found: list[FactRead] = []
    for part in portions(digests):
        found += _facts(connection, events.c.origin.in_(part))
        found += _told(connection, identities.c.origin.in_(part))
    return found


def facts_of_patients(connection: Connection, patients: Sequence[str]) -> list[FactRead]:
    """Every fact of these patients (`<system>|<value>`)."""
    found: list[FactRead] = []
    for part in portions(patients):
        found += _facts(connection, events.c.patient.in_(part))
        found += _told(connection, or_(identities.c.survivor.in_(part), identities.c.absorbed.in_(part)))
    return found


def facts_of_filler(connection: Connection, filler: str) -> list[FactRead]:
    """The results of one filler order (OBR-3 or its first component), whoever sent them: it is a part of their key."""
    literal = filler.replace(ESCAPE, ESCAPE * 2).replace("%", f"{ESCAPE}%").replace("_", f"{ESCAPE}_")
    named = or_(*(events.c.fact_key.like(f"%/{literal}{end}%", escape=ESCAPE) for end in ("/", "^")))
    return _facts(connection, events.c.kind == "ActivityMeasured", named)


def _facts(connection: Connection, *conditions: ColumnElement[bool]) -> list[FactRead]:
    order = (events.c.arrival, events.c.source, events.c.fact_key, events.c.content_hash)
    query = select(events.c.origin, events.c.patient, events.c.kind, events.c.source, events.c.fact_key)
    return [
        FactRead(
            origin=row["origin"],
            patient=row["patient"],
            kind=row["kind"],
            name=f"{row['source']}|{row['fact_key']}",
        )
        for row in connection.execute(query.where(*conditions).order_by(*order)).mappings()
    ]


def _told(connection: Connection, condition: ColumnElement[bool]) -> list[FactRead]:
    """What messages told of patient records: merges and unlinks."""
    if not brought_forward(connection):
        return []
    query = select(identities).where(condition).order_by(identities.c.source, identities.c.origin, identities.c.place)
    return [
        FactRead(
            origin=row["origin"], patient=row["survivor"], kind=kind, name=f"{row['absorbed']} {link} {row['survivor']}"
        )
        for row in connection.execute(query).mappings()
        for kind, link in (_SAID[read_identity(row["body"]).status],)
    ]


def parked_at(connection: Connection, inbox: str, seq: int) -> Parked | None:
    """A message of the work list; None when it does not wait there."""
    found = state_worklist.select_parked(connection, parked.c.inbox == inbox, parked.c.seq == seq)
    return found[0] if found else None


def resources_on(connection: Connection, facts: Sequence[FactRead], group_of: Callable[[str], Group]) -> list[Resource]:
    """Every resource that rests on one of these facts, with what each target holds of it."""
    found: list[Resource] = []
    for group in dict.fromkeys(group_of(fact.patient) for fact in facts):
        names = {fact.name for fact in facts if fact.patient in group}
        resting = [w for one in group for w in state_outputs.written_of(connection, one) if _rests_on(w, names)]
        deliveries = _deliveries(connection, [written.id for written in resting])
        found += [_resource(written, deliveries) for written in resting]
    return found


def _rests_on(written: Written, names: set[str]) -> bool:
    """Rows of an allergy record are named `<record>/<row>`, and a resource rests on rows."""
    return any(ground in names or ground.rpartition("/")[0] in names for ground in written.grounds)


def _resource(written: Written, deliveries: Sequence[Delivery]) -> Resource:
    reference = f"{written.resource_type}/{written.id}"
    return Resource(
        reference=reference,
        kind=written.kind,
        topic=written.topic,
        state=written.state,
        deliveries=tuple(delivery for delivery in deliveries if delivery.resource == reference),
    )


def _deliveries(connection: Connection, ids: Sequence[str]) -> list[Delivery]:
    return [
        found for target in targets(connection) for part in portions(ids) for found in _to(connection, target, part)
    ]


def targets(connection: Connection) -> Iterator[str]:
    """Every target anything was ever owed to, in order."""
    return each_once(connection, outbox.c.target)


def _to(connection: Connection, target: str, ids: Sequence[str]) -> list[Delivery]:
    # By name: a file that no service has brought forward yet lacks the newer columns.
    names = ("target", "id", "resource_type", "state", "attempts", "queued_at", "retry_at", "reason")
    columns = (outbox.c[name] for name in names)
    query = select(*columns).where(outbox.c.target == target, outbox.c.id.in_(ids)).order_by(outbox.c.id)
    return [
        Delivery(
            target=row["target"],
            resource=f"{row['resource_type']}/{row['id']}",
            state=row["state"],
            attempts=row["attempts"],
            queued_at=row["queued_at"],
            retry_at=row["retry_at"],
            reason=row["reason"],
        )
        for row in connection.execute(query).mappings()
    ]
