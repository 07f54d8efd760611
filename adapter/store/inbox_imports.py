"""Imported lines in an inbox file: each content of a source once, together with how far its file was read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import Connection, exists, inspect, select

from adapter.domain.message import Arrival
from adapter.store.imports import Mark
from adapter.store.inbox_rows import add_messages, last_seq
from adapter.store.inbox_tables import imported, imports, pruned_bytes
from adapter.store.placing import place, with_digest
from adapter.store.sql_database import upsert
from adapter.store.sql_rows import portions


def keep_imported(connection: Connection, batch: Sequence[Arrival], mark: Mark) -> Mark:
    """Store those of a batch that are new, and the mark behind them; gives the mark with what came of the batch."""
    arrivals = [with_digest(arrival) for arrival in batch]
    before = known_of(connection, mark.source, [arrival.digest for arrival in arrivals])
    new = {one.digest: one for one in arrivals if one.digest not in before}
    _, stored = place(list(new.values()), {}, last_seq(connection))
    add_messages(connection, stored)
    rows = [{"source": mark.source, "digest": one.arrival.digest, "seq": one.seq} for one in stored]
    upsert(connection, imported, rows)
    counted = replace(mark, kept=mark.kept + len(stored), known=mark.known + len(arrivals) - len(stored))
    if stored:
        counted = replace(counted, first_seq=mark.first_seq or stored[0].seq, last_seq=stored[-1].seq)
    upsert(connection, imports, [{**asdict(counted), "reasons": json.dumps(dict(counted.reasons))}])
    return counted


def known_of(connection: Connection, source: str, digests: Sequence[str]) -> set[str]:
    """Those of these contents that were imported from a source before and whose bytes are still kept."""
    if not _knows_imports(connection):
        return set()
    pruned = exists().where(pruned_bytes.c.seq == imported.c.seq)
    found: set[str] = set()
    for part in portions(digests):
        query = select(imported.c.digest).where(imported.c.source == source, imported.c.digest.in_(part), ~pruned)
        found.update(connection.execute(query).scalars())
    return found


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
