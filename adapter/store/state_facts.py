"""What is known of patients, in the state file: events, patient records, supporting resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, literal, select

from adapter.domain.events import Event, PatientRecord, Recorded
from adapter.store.encoding import (
    event_text,
    fact_key,
    json_text,
    kind_of,
    read_event,
    read_object,
    read_record,
    record_text,
    replaces,
    resource_version,
    text_hash,
    travels,
    unversioned,
)
from adapter.store.sql_database import insert_into, upsert
from adapter.store.sql_prepared import Prepared
from adapter.store.sql_rows import asked, one_of
from adapter.store.state_tables import events, known, records

SAMPLES = "ActivityMeasured"
_OWN = Prepared(select(events).where(events.c.patient == bindparam("of_patient")))
_RECORD = Prepared(
    select(records.c.body).where(
        records.c.source == bindparam("of_source"), records.c.reference == bindparam("of_reference")
    )
)
_RECORDS = Prepared(
    select(records.c.body)
    .where(records.c.patient == bindparam("of_patient"))
    .order_by(records.c.source, records.c.reference)
)
_KNOWN = Prepared(
    select(known.c.body).where(known.c.source == bindparam("of_source"), known.c.reference == bindparam("of_reference"))
)


def add_events(connection: Connection, rows: Iterable[Recorded]) -> None:
    """Add events; one received again is known already, and without a version it counts as the newest again."""
    every = list(rows)
    for raises in (False, True):
        part = [_event_row(row) for row in every if unversioned(row.event) is raises]
        if part:
            _adding(connection.dialect.name, raises=raises).run(connection, part)


@cache
def _adding(dialect: str, *, raises: bool) -> Prepared:
    statement = insert_into(dialect, events)
    if not raises:
        return Prepared(statement.on_conflict_do_nothing())
    newer = statement.excluded.arrival > events.c.arrival
    later = case((newer, statement.excluded.arrival), else_=events.c.arrival)
    raising = statement.on_conflict_do_update(index_elements=list(events.primary_key), set_={"arrival": later})
    return Prepared(raising)


def _event_row(recorded: Recorded) -> dict[str, Any]:
    event, text = recorded.event, event_text(recorded.event)
    return {
        "patient": event.patient,
        "source": event.source,
        "fact_key": fact_key(event),
        "kind": kind_of(event),
        "content_hash": text_hash(text),
        "arrival": recorded.arrival,
        "origin": recorded.origin,
        "body": text,
    }


def history(connection: Connection, patient: str, facts: Sequence[Event]) -> tuple[Recorded, ...]:
    """The patient's own events, and every version of the facts he holds (or of `facts`) wherever they are held."""
    own = _OWN.mappings(connection, {"of_patient": patient})
    keys = {(row["source"], row["fact_key"]) for row in own if row["kind"] != SAMPLES}
    keys |= {(event.source, fact_key(event)) for event in facts if travels(event)}
    others = [row for row in _versions(connection, keys) if row["patient"] != patient]
    rows = sorted((*own, *others), key=lambda row: (row["arrival"], row["fact_key"], row["content_hash"]))
    return tuple(_read_recorded(row) for row in rows)


def _read_recorded(row: Mapping[str, Any]) -> Recorded:
    return Recorded(arrival=row["arrival"], event=read_event(row["kind"], row["body"]), origin=row["origin"])


def read_from(connection: Connection, digests: Sequence[str]) -> tuple[Recorded, ...]:
    """The events that were read from messages with these digests, in order of arrival."""
    rows = [row for texts in asked(digests) for row in _of_origins(len(texts)).mappings(connection, texts)]
    return tuple(_read_recorded(row) for row in sorted(rows, key=lambda row: (row["arrival"], row["content_hash"])))


@cache
def _of_origins(count: int) -> Prepared:
    return Prepared(select(events).where(one_of(events.c.origin, count)))


def remove_events(connection: Connection, rows: Iterable[Recorded]) -> None:
    """Remove what a newer reading of the same message no longer says."""
    for row in map(_event_row, rows):
        place = [events.c[name] == row[name] for name in ("patient", "source", "fact_key", "kind", "content_hash")]
        connection.execute(delete(events).where(*place))


def holders(connection: Connection, new: Sequence[Event]) -> tuple[str, ...]:
    """The patients of these events, and those who hold another version of the same facts."""
    found = {event.patient for event in new}
    found.update(row["patient"] for row in _versions(connection, {(e.source, fact_key(e)) for e in new if travels(e)}))
    return tuple(sorted(found))


def _versions(connection: Connection, keys: set[tuple[str, str]]) -> list[dict[str, Any]]:
    by_source: dict[str, list[str]] = {}
    for source, key in sorted(keys):
        by_source.setdefault(source, []).append(key)
    return [
        row
        for source, of_source in by_source.items()
        for texts in asked(of_source)
        for row in _of_facts(len(texts)).mappings(connection, {"of_source": source, **texts})
    ]


@cache
def _of_facts(count: int) -> Prepared:
    return Prepared(
        select(events).where(
            events.c.source == bindparam("of_source"),
            one_of(events.c.fact_key, count),
            events.c.kind != literal(SAMPLES),
        )
    )


def add_records(connection: Connection, rows: Iterable[PatientRecord]) -> None:
    """Take over what Patient resources tell; an older version than the stored one changes nothing."""
    for record in rows:
        before = _body(connection, _RECORD, record.source, record.reference)
        if before is None or replaces(record.version, read_record(before).version):
            row = {
                "source": record.source,
                "reference": record.reference,
                "patient": record.patient,
                "body": record_text(record),
            }
            upsert(connection, records, [row])


def records_of(connection: Connection, patient: str) -> tuple[PatientRecord, ...]:
    """The newest records that name this patient, by source and reference."""
    return tuple(read_record(text) for text in _RECORDS.column(connection, {"of_patient": patient}))


def named_by(connection: Connection, reference: str) -> tuple[str, ...]:
    """The patients whom `Patient/<id>` names, whatever its source, in order."""
    query = select(records.c.patient).where(records.c.reference == reference, records.c.patient.is_not(None)).distinct()
    return tuple(sorted(connection.execute(query).scalars()))


def add_known(connection: Connection, source: str, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Take over supporting resources; an older version than the stored one changes nothing."""
    for reference, resource in rows:
        before = read_known(connection, source, reference)
        if before is None or replaces(resource_version(resource), resource_version(before)):
            upsert(connection, known, [{"source": source, "reference": reference, "body": json_text(resource)}])


def read_known(connection: Connection, source: str, reference: str) -> dict[str, Any] | None:
    """A supporting resource of a source, None when it was never received."""
    text = _body(connection, _KNOWN, source, reference)
    return None if text is None else read_object(text)


def _body(connection: Connection, query: Prepared, source: str, reference: str) -> str | None:
    return next(iter(query.column(connection, {"of_source": source, "of_reference": reference})), None)
