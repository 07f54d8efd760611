"""Looking at one file of a store without changing it: its version, and whether its pages are sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from adapter.store.inbox_tables import INBOX
from adapter.store.migrations import Schema, stored_version
from adapter.store.owed_answers import ANSWERS
from adapter.store.owed_answers import FILE as ANSWERS_FILE
from adapter.store.polls import FILE as POLLS_FILE
from adapter.store.polls import POLLS
from adapter.store.sql_database import reader_engine
from adapter.store.sql_group import sorted_faults
from adapter.store.state_tables import STATE

FILES: dict[str, Schema] = {
    "inbox.db": INBOX,
    "inbox-core.db": INBOX,
    "state.db": STATE,
    ANSWERS_FILE: ANSWERS,
    POLLS_FILE: POLLS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What one file is."""

    version: int
    """Its schema version; 0 when it holds no store yet."""
    known: int
    """The version this program writes."""
    damaged: bool


def examined(path: Path, *, thorough: bool) -> Examined:
    """Version of a file of the store; `thorough` reads every page. Raises CannotKeep or StoreBroken."""
    engine = reader_engine(path)
    try:
        with sorted_faults(), engine.begin() as connection:
            version = stored_version(connection)
            told = connection.execute(text("PRAGMA quick_check(1)")).scalar_one() if thorough else "ok"
    finally:
        engine.dispose()
    return Examined(version=version, known=FILES[path.name].version, damaged=told != "ok")
