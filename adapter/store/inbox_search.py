"""Looking for messages in an inbox file: by control id, or by digest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from adapter.domain.message import Header, Stored
from adapter.store.inbox_pruning import emptied
from adapter.store.inbox_rows import read_message
from adapter.store.inbox_tables import HL7_ROWS, answers, headers, messages
from adapter.store.journey import Received
from adapter.store.sql_rows import each_once, portions

_OF_MESSAGE = (
    "seq",
    "kind",
    "source",
    "listener",
    "sender",
    "control_id",
    "message_type",
    "received_at",
    "digest",
    "relevance",
    "file",
)
_HEADER = Header._fields


def with_control_id(connection: Connection, inbox: str, control_id: str) -> list[Received]:
    """Every HL7 message with this MSH-10, whoever sent it, in the order in which they were kept."""
    # The index begins with the sender, so each sender is asked for: they are few, messages may be millions.
    found = [
        received
        for sender in each_once(connection, messages.c.sender, HL7_ROWS)
        for received in _received(
            connection, inbox, HL7_ROWS, messages.c.sender == sender, messages.c.control_id == control_id
        )
    ]
    return sorted(found, key=lambda received: received.seq)


def with_digests(connection: Connection, inbox: str, digests: Sequence[str]) -> list[Received]:
    """Every message with one of these contents, in the order in which they were kept."""
    found: list[Received] = []
    for part in portions(digests):
        found += _received(connection, inbox, messages.c.digest.in_(part))
    return sorted(found, key=lambda received: received.seq)


def with_contents(connection: Connection, source: str, digests: Sequence[str]) -> list[Stored]:
    """The FHIR messages of a source with these digests whose bytes are kept, each content once, in order."""
    found: list[int] = []
    for part in portions(digests):
        ours = (messages.c.kind == "fhir", messages.c.source == source, messages.c.digest.in_(part))
        found += connection.execute(select(func.min(messages.c.seq)).where(*ours).group_by(messages.c.digest)).scalars()
    rows = [connection.execute(select(messages).where(messages.c.seq == seq)).mappings().one() for seq in sorted(found)]
    return [read_message(row) for row in rows if row["raw"]]


def headers_with_control_id(connection: Connection, control_id: str) -> list[Header]:
    """What is kept of irrelevant messages with this MSH-10, oldest first."""
    query = (
        select(*(headers.c[name] for name in _HEADER)).where(headers.c.control_id == control_id).order_by(headers.c.id)
    )
    return [Header(**row) for row in connection.execute(query).mappings()]


def headers_by_sender(
    connection: Connection, *, control_id: str | None, since: datetime | None, until: datetime | None
) -> dict[str, int]:
    """How many headers of irrelevant messages are kept of each sender, under these conditions."""
    conditions: list[ColumnElement[bool]] = []
    if control_id is not None:
        conditions.append(headers.c.control_id == control_id)
    if since is not None:
        conditions.append(headers.c.received_at >= since)
    if until is not None:
        conditions.append(headers.c.received_at < until)
    query = select(headers.c.sender, func.count()).where(*conditions).group_by(headers.c.sender)
    return {sender: int(number) for sender, number in connection.execute(query)}


def _received(connection: Connection, inbox: str, *conditions: ColumnElement[bool]) -> list[Received]:
    query = (
        select(
            *(messages.c[name] for name in _OF_MESSAGE),
            func.length(messages.c.raw).label("size"),
            answers.c.code.label("answer"),
        )
        .join(answers, answers.c.seq == messages.c.seq, isouter=True)
        .where(*conditions)
    )
    found = [Received(inbox=inbox, **row) for row in connection.execute(query).mappings()]
    pruned = emptied(connection, [one.seq for one in found if not one.size])
    return [_with_pruned_bytes(one, *pruned[one.seq]) if one.seq in pruned else one for one in found]


def _with_pruned_bytes(received: Received, pruned_at: datetime, size: int) -> Received:
    return replace(received, pruned_at=pruned_at, size=size)
