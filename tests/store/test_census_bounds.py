"""The census has room for so many codes: known ones go on being counted, made-up ones do not fill the disk."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapter.store import inbox_rows
from adapter.store.census import CodeSeen
from adapter.store.sqlite_inbox import SqliteInbox

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def code_seen(sender):
    return CodeSeen(sender=sender, system="L", code="K", text="", count=1, first=AT, last=AT)


@pytest.fixture
def inbox(tmp_path, monkeypatch):
    monkeypatch.setattr(inbox_rows, "CENSUS_ROWS_LIMIT", 3)
    made = SqliteInbox(tmp_path / "store" / "inbox.db", "inbox")
    yield made
    made.close()


def test_the_last_place_is_given_and_no_further_one(inbox):
    inbox.note_codes([code_seen(f"S{number}|H") for number in range(2)])
    inbox.flush()
    inbox.note_codes([code_seen(f"S{number}|H") for number in range(5)])
    inbox.flush()
    inbox.note_codes([code_seen("S4|H"), code_seen("S0|H")])
    inbox.flush()
    assert [(row.sender, row.count) for row in inbox.census()] == [("S0|H", 3), ("S1|H", 2), ("S2|H", 1)]
