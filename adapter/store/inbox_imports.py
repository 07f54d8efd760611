"""Imported lines in an inbox file: each content of a source once, together with how far its file was read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from hashlib import sha256

from sqlalchemy import Connection, exists, inspect, select

from adapter.domain.message import Arrival
from adapter.store.imports import Imported, Mark
from adapter.store.inbox_rows import add_messages, last_seq
from adapter.store.inbox_tables import imported, imports, pruned_bytes
from adapter.store.placing import place, with_digest
from adapter.store.sql_database import upsert
from adapter.store.sql_rows import portions


def keep_imported(connection: Connection, batch: Sequence[Arrival], mark: Mark) -> Mark:
    """Store those of a batch that are new, and the mark behind them; gives the mark with what came of the batch."""
    arrivals = [with_digest(arrival) for arrival in batch]
    before, last = known_of(connection, mark.source, arrivals), last_seq(connection)
    new: list[Arrival] = []
    for one in arrivals:
        if not before.knows(one):
            new.append(one)
            before.add(one, last + len(new))
    _, stored = place(new, {}, last)
    add_messages(connection, stored)
    seqs = {key: one.seq for one in stored for key in _keys(one.arrival)}
    upsert(connection, imported, [{"source": mark.source, "digest": key, "seq": seq} for key, seq in seqs.items()])
    counted = replace(mark, kept=mark.kept + len(stored), known=mark.known + len(arrivals) - len(stored))
    if stored:
        counted = replace(counted, first_seq=mark.first_seq or stored[0].seq, last_seq=stored[-1].seq)
    upsert(connection, imports, [{**asdict(counted), "reasons": json.dumps(dict(counted.reasons))}])
    return counted


def known_of(connection: Connection, source: str, arrivals: Sequence[Arrival]) -> Imported:
    """What was imported from a source before of these, and its bytes are still kept."""
    if not _knows_imports(connection):
        return Imported()
    pruned = exists().where(pruned_bytes.c.seq == imported.c.seq)
    found: dict[str, int] = {}
    for part in portions([key for one in arrivals for key in _keys(one)]):
        query = select(imported.c.digest, imported.c.seq).where(
            imported.c.source == source, imported.c.digest.in_(part), ~pruned
        )
        found.update((row.digest, row.seq) for row in connection.execute(query))
    targets = {one.target for one in arrivals if one.target}
    newest = {target: found[_key_of(target)] for target in targets if _key_of(target) in found}
    return Imported(places=found, newest=newest)


def _keys(arrival: Arrival) -> list[str]:
    return [arrival.digest, *([_key_of(arrival.target)] if arrival.target else [])]


def _key_of(reference: str) -> str:
    """Under which the newest content of a resource without a version is found, beside the digests of all contents."""
    return sha256(f"newest {reference}".encode()).hexdigest()


def mark_of(connection: Connection, path: str, source: str) -> Mark | None:
    """How far a file was imported; None when it never was."""
    if not _knows_imports(connection):
        return None
    query = select(imports).where(imports.c.path == path, imports.c.source == source)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Mark(**{**row, "reasons": json.loads(row["reasons"])})


def _knows_imports(connection: Connection) -> bool:
    """A file as an older version left it has no such tables yet, and whoever only reads makes none."""
    return inspect(connection).has_table(imports.name)
