"""The tables of the state file."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, String, Table, Text, text

from adapter.store.migrations import Schema
from adapter.store.sql_database import Instant

metadata = MetaData()

events = Table(
    "events",
    metadata,
    Column("patient", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("fact_key", Text, primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("content_hash", String(64), primary_key=True),
    Column("arrival", BigInteger, nullable=False),
    Column("origin", String(64), nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,  # one patient's history lies together
)
Index("events_by_origin", events.c.origin)
Index("events_by_fact", events.c.source, events.c.fact_key)

records = Table(
    "patient_records",
    metadata,
    Column("source", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("patient", Text),
    Column("body", Text, nullable=False),
)
Index("patient_records_by_patient", records.c.patient)
Index("patient_records_by_reference", records.c.reference, records.c.patient)

known = Table(
    "known_resources",
    metadata,
    Column("source", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("body", Text, nullable=False),
)

identities = Table(
    "identity_facts",
    metadata,
    Column("source", Text, primary_key=True),
    Column("origin", Text, primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("survivor", Text, nullable=False),
    Column("absorbed", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("identity_facts_by_survivor", identities.c.survivor)
Index("identity_facts_by_absorbed", identities.c.absorbed)

merged = Table(
    "merged_patients",
    metadata,
    Column("patient", Text, primary_key=True),
    Column("survivor", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("merged_patients_by_survivor", merged.c.survivor)

people = Table(
    "people",
    metadata,
    Column("patient", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("record", Text, primary_key=True),
    Column("born", String(24), primary_key=True),
    Column("family", Text, primary_key=True),
    sqlite_with_rowid=False,
)
Index("people_by_record", people.c.source, people.c.record)

findings = Table(
    "findings",
    metadata,
    Column("patient", Text, primary_key=True),
    Column("findings", Text, nullable=False),
    Column("unlinked", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("next_check", Instant),
)
Index("findings_by_next_check", findings.c.next_check, findings.c.patient)

resources = Table(
    "resources",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("resource_type", String(40), primary_key=True),
    Column("patient", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("state", String(12), nullable=False),
    Column("grounds", Text, nullable=False),
    Column("topic", Text),
    Column("verdict", Text),
    Column("first_written", Instant, nullable=False),
    Column("last_written", Instant, nullable=False),
    Column("version", Integer, nullable=False),
    Column("last_updated", Instant, nullable=False),
)
Index("resources_by_patient", resources.c.patient)
Index("resources_by_time", resources.c.resource_type, resources.c.last_updated, resources.c.id)

tokens = Table(
    "resource_tokens",
    metadata,
    Column("resource_type", String(40), primary_key=True),
    Column("parameter", String(12), primary_key=True),
    Column("code", Text, primary_key=True),
    Column("system", Text, primary_key=True),
    Column("id", String(64), primary_key=True),
    sqlite_with_rowid=False,
)
Index("resource_tokens_by_resource", tokens.c.id, tokens.c.resource_type)

outbox = Table(
    "outbox",
    metadata,
    Column("target", String(80), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("resource_type", String(40), primary_key=True),
    Column("patient", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("retry_at", Instant),
    Column("reason", Text),
    Column("remote_version", Text),
    Column("strategy", String(24)),
    Column("remote_id", Text),
    Column("remote_hash", String(64)),
    Column("sent_hash", Text),  # of all that may stand there, separated by spaces
)
Index("outbox_by_state", outbox.c.target, outbox.c.state, outbox.c.queued_at, outbox.c.patient)
Index("outbox_by_patient", outbox.c.target, outbox.c.patient)

parked = Table(
    "parked",
    metadata,
    Column("inbox", String(40), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("control_id", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("file", Text),
    Column("reason", String(60), nullable=False),
    Column("problems", Text, nullable=False),
    Column("parked_at", Instant, nullable=False),
)
Index("parked_by_digest", parked.c.digest)

waits = Table(
    "parked_waits",
    metadata,
    Column("source", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("inbox", String(40), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, nullable=False),
    sqlite_with_rowid=False,
)
Index("parked_waits_by_message", waits.c.inbox, waits.c.seq)

cursors = Table(
    "cursors",
    metadata,
    Column("inbox", String(40), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
)

problem_counts = Table(
    "problem_counts",
    metadata,
    Column("code", String(60), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

targets_on = Table(
    "targets_on",
    metadata,
    Column("target", String(60), primary_key=True),
    Column("first_on", String(10), nullable=False),
)

strategies = Table(
    "target_strategies",
    metadata,
    Column("target", String(80), primary_key=True),
    Column("resource_type", String(40), primary_key=True),
    Column("strategy", String(24), nullable=False),
)

settings_seen = Table(
    "target_settings",
    metadata,
    Column("target", String(80), primary_key=True),
    Column("hash", String(64), nullable=False),
)


def _remember_how_it_was_written(connection: Connection) -> None:
    """Until version 1 everything was written under our own id."""
    for name, kind in (("strategy", "VARCHAR(24)"), ("remote_id", "TEXT"), ("remote_hash", "VARCHAR(64)")):
        connection.execute(text(f"ALTER TABLE outbox ADD COLUMN {name} {kind}"))
    connection.execute(text("ALTER TABLE outbox ADD COLUMN sent_hash TEXT"))
    connection.execute(
        text(
            "UPDATE outbox SET strategy = 'update-as-create', remote_id = id "
            "WHERE remote_version IS NOT NULL OR (state = 'confirmed' AND coalesce(reason, '') <> 'not-written')"
        )
    )
    strategies.create(connection)
    settings_seen.create(connection)


def _remember_who_is_who(connection: Connection) -> None:
    """Until version 2 merges were kept and changed nothing."""
    identities.create(connection)
    merged.create(connection)
    people.create(connection)


STATE = Schema(name="state", tables=metadata, steps=(_remember_how_it_was_written, _remember_who_is_who))
