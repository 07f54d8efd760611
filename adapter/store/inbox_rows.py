"""Reading and writing the rows of an inbox file inside somebody's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from functools import cache
from operator import attrgetter

from sqlalchemy import Connection, RowMapping, bindparam, func, select

from adapter.domain.message import Arrival, Header, Stored
from adapter.store.census import CodeSeen
from adapter.store.census_rows import count_codes
from adapter.store.inbox_tables import HL7_ROWS, answers, census, headers, messages
from adapter.store.notes import Notes
from adapter.store.placing import Earlier, Place
from adapter.store.sql_database import instant_column
from adapter.store.sql_prepared import Prepared
from adapter.store.sql_rows import asked, insert_rows, one_of

_ARRIVAL = tuple(f.name for f in fields(Arrival))
_HEADER = Header._fields
_arrival_values = attrgetter(*_ARRIVAL)
_LAST_ANSWER = "ON CONFLICT (seq) DO UPDATE SET code = excluded.code"
_NEWEST = Prepared(select(func.max(messages.c.seq)))


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
    insert_rows(connection, answers, ("seq", "code"), list(notes.answers.items()), on_conflict=_LAST_ANSWER)
    insert_rows(connection, headers, _HEADER, [(instant_column(row[0]), *row[1:]) for row in notes.headers])
    count_codes(connection, list(notes.codes.values()))


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
