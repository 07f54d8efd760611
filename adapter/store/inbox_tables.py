"""The tables of an inbox file."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    literal_column,
    text,
)

from adapter.store.migrations import Schema
from adapter.store.sql_database import Instant

metadata = MetaData()
HL7_ROWS: ColumnElement[bool] = literal_column("kind = 'hl7v2'")
"""Written out, not bound: a planner can only use the partial index for a condition it can read."""
IRRELEVANT_ROWS: ColumnElement[bool] = literal_column("relevance = 'irrelevant'")
"""Messages that do not concern us and were archived whole; written out for the same reason."""

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

# Only messages that do not concern us pay for it, and only where a site archives them whole.
Index("messages_irrelevant", messages.c.seq, sqlite_where=IRRELEVANT_ROWS, postgresql_where=IRRELEVANT_ROWS)

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

pruned_bytes = Table(
    "pruned_bytes",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("pruned_at", Instant, nullable=False),
    Column("size", BigInteger, nullable=False),
)

prunes = Table(
    "prunes",
    metadata,
    Column("at", Instant, primary_key=True),
    Column("kind", String(12), primary_key=True),
    Column("by", Text, nullable=False),
    Column("older_than", Instant, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

imports = Table(
    "imports",
    metadata,
    Column("path", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("head", String(64), nullable=False),
    Column("tail", String(64), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("kept", BigInteger, nullable=False),
    Column("known", BigInteger, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("rejected_bytes", BigInteger, nullable=False),
    Column("places_bytes", BigInteger, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
)

imported = Table(
    "imported",
    metadata,
    Column("source", Text, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
# Only what is imported pays for a random key: the messages of senders are in no such index.

_PRUNING = """
CREATE INDEX messages_irrelevant ON messages (seq) WHERE relevance = 'irrelevant';
CREATE TABLE pruned_bytes (
    seq INTEGER NOT NULL, pruned_at VARCHAR(27) NOT NULL, size BIGINT NOT NULL, PRIMARY KEY (seq)
);
CREATE TABLE prunes (
    at VARCHAR(27) NOT NULL, kind VARCHAR(12) NOT NULL, "by" TEXT NOT NULL, older_than VARCHAR(27) NOT NULL,
    count BIGINT NOT NULL, bytes BIGINT NOT NULL, PRIMARY KEY (at, kind)
)
"""
"""Written out: what a step makes does not change when the tables above do."""


def _to_pruning(connection: Connection) -> None:
    """From version 1 to 2: what was pruned, and when."""
    for statement in _PRUNING.split(";"):
        connection.execute(text(statement))


_IMPORTS = """
CREATE TABLE imports (
    path TEXT NOT NULL, source TEXT NOT NULL, size BIGINT NOT NULL, head VARCHAR(64) NOT NULL,
    tail VARCHAR(64) NOT NULL, "offset" BIGINT NOT NULL, number BIGINT NOT NULL, done BOOLEAN NOT NULL,
    kept BIGINT NOT NULL, known BIGINT NOT NULL, reasons TEXT NOT NULL, rejected_bytes BIGINT NOT NULL,
    places_bytes BIGINT NOT NULL, first_seq BIGINT NOT NULL, last_seq BIGINT NOT NULL, at VARCHAR(27) NOT NULL,
    PRIMARY KEY (path, source)
);
CREATE TABLE imported (
    source TEXT NOT NULL, digest VARCHAR(64) NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (source, digest)
) WITHOUT ROWID
"""


def _to_imports(connection: Connection) -> None:
    """From version 2 to 3: how far files were imported, and what was."""
    for statement in _IMPORTS.split(";"):
        connection.execute(text(statement))


INBOX = Schema(name="inbox", tables=metadata, steps=(_to_pruning, _to_imports))
