"""What of an inbox file may go by its age, what is removed of it, and the lines that tell so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, exists, func, insert, inspect, literal, select, update

from adapter.store.inbox_tables import HL7_ROWS, IRRELEVANT_ROWS, answers, headers, messages, pruned_bytes, prunes
from adapter.store.retention import Line, Portion, Prune
from adapter.store.sql_database import insert_into

PAGE = 500
REFUSALS = ("AE", "AR")
HEADER_FIXED_BYTES = 150
"""Of a header beside its texts: times, digest, sizes, and its entry in the index."""
_TEXTS = (headers.c.listener, headers.c.sender, headers.c.message_type, headers.c.control_id, headers.c.sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One row that may go, if it is old and nothing speaks against it."""

    place: int
    received_at: datetime
    size: int
    digest: str = ""
    kind: str = ""
    answer: str | None = None


def headers_behind(connection: Connection, place: int) -> list[Candidate]:
    """The next headers of irrelevant messages in the order in which they came."""
    size = sum((func.length(column) for column in _TEXTS), literal(HEADER_FIXED_BYTES))
    query = select(headers.c.id.label("place"), headers.c.received_at, size.label("size"))
    rows = connection.execute(query.where(headers.c.id > place).order_by(headers.c.id).limit(PAGE)).mappings()
    return [Candidate(**row) for row in rows]


def archived_behind(connection: Connection, place: int) -> list[Candidate]:
    """The next messages that do not concern us and were archived whole, in the order in which they came."""
    return _messages(connection, place, IRRELEVANT_ROWS)


def read_behind(connection: Connection, place: int) -> list[Candidate]:
    """The next relevant messages whose bytes are still there, in the order in which they came."""
    gone = exists().where(pruned_bytes.c.seq == messages.c.seq) if _knows_prunes(connection) else None
    return _messages(connection, place, messages.c.relevance == "relevant", *([] if gone is None else [~gone]))


def _messages(connection: Connection, place: int, *conditions: Any) -> list[Candidate]:  # noqa: ANN401 (SQL conditions)
    query = (
        select(
            messages.c.seq.label("place"),
            messages.c.received_at,
            func.length(messages.c.raw).label("size"),
            messages.c.digest,
            messages.c.kind,
            answers.c.code.label("answer"),
        )
        .join(answers, answers.c.seq == messages.c.seq, isouter=True)
        .where(messages.c.seq > place, *conditions)
        .order_by(messages.c.seq)
        .limit(PAGE)
    )
    return [Candidate(**row) for row in connection.execute(query).mappings()]


def copies_between(connection: Connection) -> Iterator[Candidate]:
    """Copies of one message between its first and its newest one, through the same door.

    The first tells when its facts came, the newest whether they came again since: with both, a state built anew is the
    same as with all of them.
    """
    # Only what was refused is kept again, so of three copies two at least were.
    refused = select(answers.c.seq).where(answers.c.code.in_(REFUSALS))
    same = (messages.c.sender, messages.c.control_id, messages.c.digest)
    rows = connection.execute(select(*same).where(messages.c.seq.in_(refused), messages.c.kind != "fhir"))
    often = Counter((row[0], row[1], row[2]) for row in rows)
    for sender, control_id, digest in sorted(one for one, times in often.items() if times > 1):
        for group in _by_door(connection, sender, control_id, digest):
            yield from group[1:-1]


def _by_door(connection: Connection, sender: str, control_id: str, digest: str) -> list[list[Candidate]]:
    query = (
        select(
            messages.c.seq,
            messages.c.source,
            messages.c.listener,
            messages.c.received_at,
            func.length(messages.c.raw).label("size"),
        )
        .where(HL7_ROWS, messages.c.sender == sender, messages.c.control_id == control_id)
        .where(messages.c.digest == digest, messages.c.relevance == "relevant")
        .order_by(messages.c.seq)
    )
    groups: dict[tuple[str, str], list[Candidate]] = {}
    for row in connection.execute(query).mappings():
        one = Candidate(place=row["seq"], received_at=row["received_at"], size=row["size"], digest=digest)
        groups.setdefault((row["source"], row["listener"]), []).append(one)
    return list(groups.values())


def newest_reception(connection: Connection) -> datetime | None:
    """When the last message or header came, in the order of coming."""
    last = [
        connection.execute(select(table.c.received_at).order_by(key.desc()).limit(1)).scalar_one_or_none()
        for table, key in ((messages, messages.c.seq), (headers, headers.c.id))
    ]
    return max((one for one in last if one is not None), default=None)


def remove(connection: Connection, portion: Portion, line: Line) -> None:
    """Remove one portion and add it to the audit line of its prune."""
    places = list(portion.places)
    match portion.kind:
        case "headers":
            connection.execute(delete(headers).where(headers.c.id.in_(places)))
        case "archived" | "copies":
            for table in (messages, answers):
                connection.execute(delete(table).where(table.c.seq.in_(places)))
        case "read":
            _empty(connection, places, line.at)
        case "torn" | "answers":
            pass  # elsewhere: whoever keeps them removes them
    tell(connection, portion, line)


def _empty(connection: Connection, places: Sequence[int], at: datetime) -> None:
    sizes = select(messages.c.seq, literal(at, pruned_bytes.c.pruned_at.type), func.length(messages.c.raw))
    connection.execute(
        insert(pruned_bytes).from_select(["seq", "pruned_at", "size"], sizes.where(messages.c.seq.in_(places)))
    )
    connection.execute(update(messages).where(messages.c.seq.in_(places)).values(raw=b""))


def tell(connection: Connection, portion: Portion, line: Line) -> None:
    """Add a portion to the audit line of its prune."""
    statement = insert_into(connection.dialect.name, prunes)
    more = {name: prunes.c[name] + statement.excluded[name] for name in ("count", "bytes")}
    row = {"at": line.at, "kind": portion.kind, "by": line.by, "older_than": line.older_than}
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(prunes.primary_key), set_=more),
        [{**row, "count": portion.count, "bytes": portion.bytes}],
    )


def read_prunes(connection: Connection, inbox: str, limit: int) -> list[Prune]:
    """The last prunes, newest first; none in a file of a version that knew none."""
    if not _knows_prunes(connection):
        return []
    last = select(prunes.c.at).distinct().order_by(prunes.c.at.desc()).limit(limit)
    rows = connection.execute(select(prunes).where(prunes.c.at.in_(last)).order_by(prunes.c.at.desc(), prunes.c.kind))
    found: dict[datetime, list[RowMapping]] = {}
    for row in rows.mappings():
        found.setdefault(row["at"], []).append(row)
    return [_read_prune(inbox, parts) for parts in found.values()]


def _read_prune(inbox: str, parts: Sequence[RowMapping]) -> Prune:
    cuts = {part["kind"]: part["older_than"] for part in parts}
    read_cut = cuts.pop("read", None)
    head = parts[0]
    return Prune(
        inbox=inbox,
        line=Line(at=head["at"], by=head["by"], older_than=max(cuts.values(), default=head["older_than"])),
        counts={part["kind"]: part["count"] for part in parts},
        bytes=sum(part["bytes"] for part in parts),
        read_older_than=read_cut,
    )


def emptied(connection: Connection, seqs: Sequence[int]) -> dict[int, tuple[datetime, int]]:
    """When the bytes of these messages were pruned, and how many they were; the others are left out."""
    if not seqs or not _knows_prunes(connection):
        return {}
    found: dict[int, tuple[datetime, int]] = {}
    for start in range(0, len(seqs), PAGE):
        part = list(seqs[start : start + PAGE])
        query = select(pruned_bytes).where(pruned_bytes.c.seq.in_(part))
        found |= {row["seq"]: (row["pruned_at"], row["size"]) for row in connection.execute(query).mappings()}
    return found


def last_emptied(connection: Connection) -> int:
    """The last place whose bytes were pruned, 0 when none were."""
    if not _knows_prunes(connection):
        return 0
    return int(connection.execute(select(func.coalesce(func.max(pruned_bytes.c.seq), 0))).scalar_one())


def _knows_prunes(connection: Connection) -> bool:
    """Commands may look at a file before the service of this version has brought it forward."""
    return inspect(connection).has_table(prunes.name)
