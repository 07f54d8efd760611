"""What was made of it, in the state file: findings, and the resources as they were last rendered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from adapter.domain.message import OwedAgain, PatientResult
from adapter.domain.outputs import Written
from adapter.store.encoding import json_text, read_object, read_objects, read_texts, text_hash
from adapter.store.search import tokens_of
from adapter.store.sql_database import upsert
from adapter.store.sql_prepared import Prepared
from adapter.store.sql_rows import asked, one_of
from adapter.store.state_tables import findings, resources, tokens

PROVENANCE = "provenance"
_FIRST_OWNER = ("patient", "first_written")
WRITTEN = (
    "kind",
    "resource_type",
    "id",
    "body",
    "content_hash",
    "state",
    "grounds",
    "topic",
    "verdict",
    "first_written",
    "last_written",
)
_WRITTEN_OF = Prepared(
    select(*(resources.c[name] for name in WRITTEN))
    .where(resources.c.patient == bindparam("of_patient"), resources.c.kind != PROVENANCE)
    .order_by(resources.c.resource_type, resources.c.id)
)
_ADD_TOKENS = Prepared(insert(tokens))
_FORGET_TOKENS = Prepared(
    delete(tokens).where(tokens.c.id == bindparam("of_id"), tokens.c.resource_type == bindparam("of_type"))
)


class Queued(NamedTuple):
    """One resource that now stands in a new state, for the outbox."""

    patient: str
    """Whom it is about: the surviving record of merged ones."""
    resource_type: str
    id: str
    generation: int
    at: datetime


def put_findings(connection: Connection, results: Iterable[PatientResult]) -> None:
    """Replace the findings of each patient."""
    rows = [
        {
            "patient": result.patient,
            "findings": json_text(result.findings),
            "unlinked": json_text(result.unlinked),
            "count": len(result.findings) + len(result.unlinked),
            "next_check": result.next_check,
        }
        for result in results
    ]
    upsert(connection, findings, rows)


def put_resources(connection: Connection, results: Sequence[PatientResult], at: datetime) -> list[Queued]:
    """Write every changed resource and every new Provenance; versions count up from 1."""
    return put_all(connection, [(result, at) for result in results])


def put_all(connection: Connection, results: Sequence[tuple[PatientResult, datetime]]) -> list[Queued]:
    """The same for what was worked out at several times, in this order."""
    rows = [(result.patient, row, body, at) for result, at in results for row, body in _rows_of(result, at)]
    versions = _versions(connection, [row["id"] for _, row, _, _ in rows])
    known = frozenset(versions)
    queued, changed, bodies = [], [], {}
    for patient, row, body, at in rows:
        place = (row["resource_type"], row["id"])
        if row["kind"] == PROVENANCE and place in versions:
            continue
        versions[place] = versions.get(place, 0) + 1
        changed.append(row | {"version": versions[place], "last_updated": at})
        bodies[place] = body
        queued.append(Queued(patient=patient, resource_type=place[0], id=place[1], generation=versions[place], at=at))
    upsert(connection, resources, changed, keeping=_FIRST_OWNER)
    _put_tokens(connection, bodies, known)
    return queued


def as_they_stand(connection: Connection, again: Sequence[OwedAgain], at: datetime) -> list[Queued]:
    """Unchanged resources for the outbox, in their present versions."""
    if not again:
        return []
    versions = _versions(connection, [one.id for one in again])
    return [
        Queued(
            patient=one.patient,
            resource_type=one.resource_type,
            id=one.id,
            generation=versions[one.resource_type, one.id],
            at=at,
        )
        for one in again
    ]


def _rows_of(result: PatientResult, at: datetime) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every row with the resource it holds."""
    owners = dict(result.owners)
    for change in result.changes:
        yield _written_row(owners.get(change.after.id, result.patient), change.after), change.after.body
    for body in result.provenance:
        yield _provenance_row(result.patient, body, at), body


def _versions(connection: Connection, ids: list[str]) -> dict[tuple[str, str], int]:
    return {(resource_type, one): version for resource_type, one, version, _ in _of_ids(connection, ids)}


def _of_ids(connection: Connection, ids: Sequence[str]) -> Iterator[tuple[str, str, int, str]]:
    """Type, id, version and first owner."""
    for texts in asked(ids):
        yield from _named(len(texts)).rows(connection, texts)


@cache
def _named(count: int) -> Prepared:
    columns = (resources.c.resource_type, resources.c.id, resources.c.version, resources.c.patient)
    return Prepared(select(*columns).where(one_of(resources.c.id, count)))


def _put_tokens(
    connection: Connection, bodies: dict[tuple[str, str], dict[str, Any]], known: frozenset[tuple[str, str]]
) -> None:
    """Under what each resource is found from now on, in place of what its earlier version was found under."""
    earlier = [place for place in bodies if place in known]
    _FORGET_TOKENS.run(connection, [{"of_type": place[0], "of_id": place[1]} for place in earlier])
    found = [
        (resource_type, parameter, code, system, one)
        for (resource_type, one), body in bodies.items()
        for parameter, system, code in tokens_of(body)
    ]
    _ADD_TOKENS.add(connection, found)


def _written_row(patient: str, written: Written) -> dict[str, Any]:
    return {
        "patient": patient,
        "kind": written.kind,
        "resource_type": written.resource_type,
        "id": written.id,
        "body": json_text(written.body),
        "content_hash": written.content_hash,
        "state": written.state,
        "grounds": json_text(written.grounds),
        "topic": written.topic,
        "verdict": None if written.verdict is None else json_text(written.verdict),
        "first_written": written.first_written,
        "last_written": written.last_written,
    }


def _provenance_row(patient: str, body: dict[str, Any], at: datetime) -> dict[str, Any]:
    text = json_text(body)
    return {
        "patient": patient,
        "kind": PROVENANCE,
        "resource_type": "Provenance",
        "id": body["id"],
        "body": text,
        "content_hash": text_hash(text),
        "state": "open",
        "grounds": "[]",
        "topic": None,
        "verdict": None,
        "first_written": at,
        "last_written": at,
    }


def written_of(connection: Connection, patient: str) -> tuple[Written, ...]:
    """Every resource last rendered for a patient, closed and retracted ones included, by type and id."""
    return tuple(read_written(row) for row in _WRITTEN_OF.mappings(connection, {"of_patient": patient}))


def read_written(row: Mapping[str, Any]) -> Written:
    """A resource as it was last rendered, from the columns `WRITTEN`."""
    values = dict(row)
    values["body"] = read_object(row["body"])
    values["grounds"] = read_texts(row["grounds"])
    values["verdict"] = None if row["verdict"] is None else read_object(row["verdict"])
    return Written(**values)


def owners(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """The patient each of these resource ids was first written for; unknown ids are left out."""
    return {one: patient for _, one, _, patient in _of_ids(connection, ids)}


def read_findings(connection: Connection, patient: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Dose findings and unlinked samples of a patient; both empty when he was never interpreted."""
    query = select(findings.c.findings, findings.c.unlinked).where(findings.c.patient == patient)
    row = connection.execute(query).mappings().one_or_none()
    return ([], []) if row is None else (read_objects(row["findings"]), read_objects(row["unlinked"]))


def checks_due(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Patients whose findings can change by the clock alone, the longest due first."""
    query = (
        select(findings.c.patient)
        .where(findings.c.next_check <= now)
        .order_by(findings.c.next_check, findings.c.patient)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def count_findings(connection: Connection) -> int:
    """All findings of all patients."""
    return int(connection.execute(select(func.coalesce(func.sum(findings.c.count), 0))).scalar_one())


def count_resources(connection: Connection) -> int:
    """All Observations and Flags, whatever their state."""
    query = select(func.count()).select_from(resources).where(resources.c.kind != PROVENANCE)
    return int(connection.execute(query).scalar_one())
