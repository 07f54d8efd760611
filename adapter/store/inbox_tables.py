"""The tables of an inbox file."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
)

from adapter.store.migrations import Schema
from adapter.store.sql_database import Instant

metadata = MetaData()
HL7_ROWS: ColumnElement[bool] = literal_column("kind = 'hl7v2'")
"""Written out, not bound: a planner can only use the partial index for a condition it can read."""

messages = Table(
    "messages",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("kind", String(8), nullable=False),
    Column("source", Text, nullable=False),
    Column("listener", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("control_id", Text, nullable=False),
    Column("message_type", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("relevance", String(12), nullable=False),
    Column("method", String(8), nullable=False),
    Column("target", Text),
    Column("file", Text),
    Column("received_at", Instant, nullable=False),
    Column("raw", LargeBinary, nullable=False),
)
# The control id, nearly increasing, stands before the digest: a random leading key costs five times the writes.
Index(
    "messages_by_control_id",
    messages.c.sender,
    messages.c.control_id,
    messages.c.digest,
    sqlite_where=HL7_ROWS,
    postgresql_where=HL7_ROWS,
)

answers = Table(
    "answers",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("code", String(2), nullable=False),
)

headers = Table(
    "irrelevant",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("received_at", Instant, nullable=False),
    Column("listener", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("message_type", Text, nullable=False),
    Column("control_id", Text, nullable=False),
    Column("sent", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)
Index("irrelevant_by_control_id", headers.c.control_id)

census = Table(
    "census",
    metadata,
    Column("sender", Text, primary_key=True),
    Column("system", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first", Instant, nullable=False),
    Column("last", Instant, nullable=False),
)

INBOX = Schema(name="inbox", tables=metadata)
