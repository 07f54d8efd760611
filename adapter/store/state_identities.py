"""Which patients are one person, in the state file: what was told of it, and whose history each is read under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, inspect, or_, select

from adapter.domain.identities import Group, IdentityTold, Membership, Statements
from adapter.domain.people import Person
from adapter.store.encoding import identity_text, read_identity
from adapter.store.sql_database import insert_into, upsert
from adapter.store.sql_prepared import Prepared
from adapter.store.sql_rows import asked, one_of
from adapter.store.state_tables import events, findings, identities, merged, people

_GROUP = Prepared(
    select(merged).where(or_(merged.c.patient == bindparam("of_patient"), merged.c.survivor == bindparam("of_patient")))
)
_OTHERS = Prepared(select(merged.c.patient).where(merged.c.survivor == bindparam("of_survivor")))
_SAID = Prepared(
    select(identities.c.body)
    .where(identities.c.source == bindparam("of_source"), identities.c.origin == bindparam("of_origin"))
    .order_by(identities.c.place)
)
_FORGET = Prepared(
    delete(identities).where(
        identities.c.source == bindparam("of_source"), identities.c.origin == bindparam("of_origin")
    )
)
_STATE = Prepared(insert(identities))
_PEOPLE = Prepared(select(people).where(people.c.patient == bindparam("of_patient")).order_by(*people.primary_key))
_NO_LONGER = Prepared(
    delete(people).where(people.c.source == bindparam("of_source"), people.c.record == bindparam("of_record"))
)


def put_statements(connection: Connection, rows: Iterable[Statements]) -> None:
    """Write what origins say of identities now, in place of what they said before."""
    for row in rows:
        _FORGET.run(connection, [{"of_source": row.source, "of_origin": row.origin}])
        told = [
            {
                "source": row.source,
                "origin": row.origin,
                "place": place,
                "survivor": one.survivor,
                "absorbed": one.absorbed,
                "body": identity_text(one),
            }
            for place, one in enumerate(row.told)
        ]
        _STATE.run(connection, told)


def said_by(connection: Connection, source: str, origin: str) -> tuple[IdentityTold, ...]:
    """What one origin says of identities."""
    found = _SAID.column(connection, {"of_source": source, "of_origin": origin})
    return tuple(read_identity(text) for text in found)


def told_about(connection: Connection, patients: Sequence[str]) -> tuple[Statements, ...]:
    """What origins say of these patients, by source and origin."""
    rows: dict[tuple[str, str, int], IdentityTold] = {}
    for texts in asked(patients):
        for row in connection.execute(_naming(len(texts)), texts).mappings():
            rows[row["source"], row["origin"], row["place"]] = read_identity(row["body"])
    found: dict[tuple[str, str], list[IdentityTold]] = {}
    for source, origin, place in sorted(rows):
        found.setdefault((source, origin), []).append(rows[source, origin, place])
    return tuple(Statements(source=s, origin=o, told=tuple(told)) for (s, o), told in found.items())


@cache
def _naming(count: int) -> Select[Any]:
    return select(identities).where(or_(one_of(identities.c.survivor, count), one_of(identities.c.absorbed, count)))


def add_people(connection: Connection, rows: Iterable[Person]) -> None:
    """Take over whom numbers stand for; a Patient resource says it in its newest version only."""
    naming = _naming_people(connection.dialect.name)
    told: list[tuple[str, str, str, str, str]] = []
    for row in rows:
        if row.record:
            naming.add(connection, told)
            told = []
            _NO_LONGER.run(connection, [{"of_source": row.source, "of_record": row.record}])
        told.append((row.patient, row.source, row.record, row.born, " ".join(row.family)))
    naming.add(connection, told)


@cache
def _naming_people(dialect: str) -> Prepared:
    return Prepared(insert_into(dialect, people).on_conflict_do_nothing())


def people_of(connection: Connection, patient: str) -> tuple[Person, ...]:
    """Whom a number was said to stand for."""
    rows = _PEOPLE.mappings(connection, {"of_patient": patient})
    return tuple(Person(**{**row, "family": tuple(row["family"].split())}) for row in rows)


def move(connection: Connection, rows: Iterable[Membership]) -> None:
    """Note under whom patients are read; the findings of one who is read under another are told there."""
    moved = list(rows)
    for row in moved:
        connection.execute(delete(merged).where(merged.c.patient == row.patient))
    away = [{"patient": row.patient, "survivor": row.survivor} for row in moved if row.survivor != row.patient]
    upsert(connection, merged, away)
    for one in away:
        connection.execute(delete(findings).where(findings.c.patient == one["patient"]))


def group_of(connection: Connection, patient: str) -> Group:
    """Everybody who is the same person as a patient, the surviving record first; himself when he was never merged."""
    rows = _GROUP.rows(connection, {"of_patient": patient})
    ended = next((survivor for one, survivor in rows if one == patient), None)
    if ended is None:
        return (patient, *sorted(one for one, _ in rows))
    return (ended, *sorted(_OTHERS.column(connection, {"of_survivor": ended})))


def groups_of(connection: Connection, patients: Iterable[str]) -> list[str]:
    """These patients and all who are the same persons, each once."""
    return list(dict.fromkeys(one for patient in patients for one in group_of(connection, patient)))


def all_patients(connection: Connection) -> list[str]:
    """Every patient with an event or a finding, merged ones as the surviving record; nobody's retractions left out."""
    every = select(events.c.patient).union(select(findings.c.patient)).subquery()
    if not brought_forward(connection):
        names = select(every.c.patient)
    else:
        joined = every.outerjoin(merged, merged.c.patient == every.c.patient)
        names = select(func.coalesce(merged.c.survivor, every.c.patient)).select_from(joined).distinct()
    return sorted(name for name in connection.execute(names).scalars() if name)


def brought_forward(connection: Connection) -> bool:
    """Whether the file has these tables: one that no service has opened since they were new lacks them."""
    return inspect(connection).has_table(merged.name)
