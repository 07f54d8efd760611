"""What keeping costs, counted in pages of the write-ahead log: no key of chance, no checkpoint with every commit."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from adapter.domain.message import Arrival
from adapter.store import sql_database
from adapter.store.sqlite_inbox import SqliteInbox

AT = datetime(2025, 3, 10, 11, 30, tzinfo=UTC)
GROUP = 64
FRAME_BYTES = 4096 + 24
"""A page in the write-ahead log, with its head."""
FEW, MANY = 15, 350
"""Groups of messages."""


def group(number, size=GROUP, length=300):
    return [
        Arrival(
            kind="hl7v2",
            source="lab",
            listener="lab",
            raw=b"x" * length,
            received_at=AT,
            sender="LIS|HOSP",
            control_id=f"{number * GROUP + n:010d}",
            message_type="ORU^R01",
            digest=hashlib.sha256(f"{number}/{n}".encode()).hexdigest(),
        )
        for n in range(size)
    ]


def log_of(folder):
    return folder / "store" / "inbox.db-wal"


@pytest.fixture
def pages_of_a_group(tmp_path, monkeypatch):
    """The pages one more group writes when few, and when many, are kept already."""
    monkeypatch.setattr(sql_database, "CHECKPOINT_PAGES", 0)

    def measured(*extra):
        inbox = SqliteInbox(tmp_path / "store" / "inbox.db", "inbox")
        with closing(sqlite3.connect(tmp_path / "store" / "inbox.db")) as other:
            for statement in extra:
                other.execute(statement)
            other.commit()
        pages = []
        for number in range(MANY):
            before = log_of(tmp_path).stat().st_size
            inbox.keep(group(number))
            pages.append((log_of(tmp_path).stat().st_size - before) / FRAME_BYTES)
        inbox.close()
        return [sum(part) / len(part) for part in (pages[FEW - 10 : FEW], pages[-10:])]

    return measured


@pytest.mark.slow
def test_a_message_costs_as_many_pages_among_many_as_among_few(pages_of_a_group):
    few, many = pages_of_a_group()
    assert many < 1.3 * few


@pytest.mark.slow
def test_the_cost_of_an_index_that_a_digest_leads_would_be_seen(pages_of_a_group):
    few, many = pages_of_a_group("CREATE INDEX by_chance ON messages (digest)")
    assert many > 1.8 * few


def test_the_log_is_moved_into_the_file_in_pieces_of_a_set_size(tmp_path):
    """Not with every commit, which would stop the writer each time, and not so late that one move takes long."""
    inbox = SqliteInbox(tmp_path / "store" / "inbox.db", "inbox")
    whole, begun_anew, before = 0, 0, b""
    for number in range(120):
        inbox.keep(group(number, length=2000))
        with log_of(tmp_path).open("rb") as log:
            salt = log.read(32)[16:24]
        begun_anew += before not in (b"", salt)
        before = salt
        whole = max(whole, log_of(tmp_path).stat().st_size)
    inbox.close()
    overshoot = 2 * GROUP
    assert sql_database.CHECKPOINT_PAGES <= whole / FRAME_BYTES <= sql_database.CHECKPOINT_PAGES + overshoot
    assert 1 <= begun_anew <= 120 / 10
