"""Reading and writing the rows of an inbox file inside somebody's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, select

from adapter.domain.message import Arrival, Header, Stored
from adapter.store.census import CodeSeen, add_up
from adapter.store.inbox_tables import HL7_ROWS, answers, census, headers, messages
from adapter.store.notes import Notes
from adapter.store.placing import Earlier, Place
from adapter.store.sql_database import instant_column, upsert
from adapter.store.sql_prepared import Prepared
from adapter.store.sql_rows import asked, insert_rows, one_of

CENSUS_ROWS_LIMIT = 100_000
"""Codes of senders in the census; further ones are not counted, for a sender could make up names without end."""
_ARRIVAL = tuple(f.name for f in fields(Arrival))
_HEADER = Header._fields
_arrival_values = attrgetter(*_ARRIVAL)
_NEWEST = Prepared(select(func.max(messages.c.seq)))
_CENSUS_ROW = Prepared(
    select(census).where(
        census.c.sender == bindparam("of"), census.c.system == bindparam("within"), census.c.code == bindparam("named")
    )
)


def last_seq(connection: Connection) -> int:
    """The newest place of the inbox, 0 when it is empty."""
    (newest,) = _NEWEST.column(connection, {})
    return int(newest or 0)


def earlier(connection: Connection, batch: Sequence[Arrival]) -> dict[Place, list[Earlier]]:
    """What is already kept under the senders and control ids of these messages, oldest first."""
    wanted: dict[str, set[str]] = {}
    for arrival in batch:
        if arrival.kind == "hl7v2":
            wanted.setdefault(arrival.sender, set()).add(arrival.control_id)
    found: dict[Place, list[Earlier]] = {}
    for sender, control_ids in wanted.items():
        for texts in asked(sorted(control_ids)):
            rows = _sent_as(len(texts)).rows(connection, {"of_sender": sender, **texts})
            for seq, control_id, digest, relevance, code in rows:
                before = Earlier(seq=seq, digest=digest, answer=code, relevance=relevance)
                found.setdefault((sender, control_id), []).append(before)
    return found


@cache
def _sent_as(count: int) -> Prepared:
    return Prepared(
        select(messages.c.seq, messages.c.control_id, messages.c.digest, messages.c.relevance, answers.c.code)
        .join(answers, answers.c.seq == messages.c.seq, isouter=True)
        .where(HL7_ROWS, messages.c.sender == bindparam("of_sender"), one_of(messages.c.control_id, count))
        .order_by(messages.c.seq)
    )


def add_messages(connection: Connection, rows: Sequence[Stored]) -> None:
    """Insert messages at the places given to them."""
    insert_rows(
        connection, messages, ("seq", *_ARRIVAL), [(row.seq, *_columns(_arrival_values(row.arrival))) for row in rows]
    )


def _columns(values: Iterable[object]) -> list[object]:
    """Values as the driver takes them."""
    return [instant_column(value) if isinstance(value, datetime) else value for value in values]


def add_notes(connection: Connection, notes: Notes) -> None:
    """Write the notes that ride along."""
    insert_rows(connection, answers, ("seq", "code"), list(notes.answers.items()), replacing="seq")
    insert_rows(connection, headers, _HEADER, [(instant_column(row[0]), *row[1:]) for row in notes.headers])
    _count_codes(connection, notes.codes.values())


def _count_codes(connection: Connection, rows: Iterable[CodeSeen]) -> None:
    room: int | None = None
    counted: list[dict[str, Any]] = []
    for row in rows:
        known = _known(connection, row)
        if not known:
            room = _room(connection) if room is None else room
            if room <= 0:
                continue
            room -= 1
        add_up([row], known)
        counted.append(asdict(known[row.place]))
    upsert(connection, census, counted)


def _known(connection: Connection, row: CodeSeen) -> dict[tuple[str, str, str], CodeSeen]:
    found = _CENSUS_ROW.mappings(connection, {"of": row.sender, "within": row.system, "named": row.code})
    return {before.place: before for before in (CodeSeen(**values) for values in found)}


def _room(connection: Connection) -> int:
    return CENSUS_ROWS_LIMIT - int(connection.execute(select(func.count()).select_from(census)).scalar_one())


def read_message(row: RowMapping) -> Stored:
    """One row of `messages` as the message it holds."""
    values = dict(row)
    return Stored(seq=values.pop("seq"), arrival=Arrival(**values))


def read_census(connection: Connection) -> list[CodeSeen]:
    """The census, most frequent first."""
    order = (census.c.count.desc(), census.c.sender, census.c.system, census.c.code)
    return [CodeSeen(**row) for row in connection.execute(select(census).order_by(*order)).mappings()]


def read_headers(connection: Connection, limit: int) -> list[Header]:
    """The newest headers of irrelevant messages, newest first."""
    rows = connection.execute(select(*(headers.c[name] for name in _HEADER)).order_by(headers.c.id.desc()).limit(limit))
    return [Header(**row) for row in rows.mappings()]
