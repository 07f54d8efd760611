"""A process that dies while it prunes loses nothing that stays, and what was old goes all the same."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from feeding import Stream, drained
from running_service import eventually
from surviving import survived

from adapter.domain.message import Header
from adapter.store.prunable import prunes
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

CRASHING = str(Path(__file__).with_name("crashing"))
PRUNING = ("portion-removed", "portion-pruned")
OLD, YOUNG = 4000, 300
HEADER = Header(
    received_at=datetime.now(UTC),
    listener="mllp",
    sender="LAB|HOSP",
    message_type="ORU^R01",
    control_id="K",
    sent="",
    size=9,
    digest="d",
)


@pytest.fixture
def site(tmp_path):
    config = tmp_path / "site.yaml"
    config.write_text("housekeeping_s: 1\n")
    return str(config)


def prepared(folder):
    """An inbox with many old headers, and some of today."""
    with closing(SqliteInbox(folder / "inbox.db", "inbox")) as inbox:
        old = HEADER.received_at - timedelta(days=100)
        every = [(old, f"OLD{n}") for n in range(OLD)] + [(HEADER.received_at, f"YOUNG{n}") for n in range(YOUNG)]
        fields = {name: getattr(HEADER, name) for name in HEADER.__slots__}
        inbox.note_irrelevant([Header(**{**fields, "received_at": at, "control_id": name}) for at, name in every])
        inbox.flush()


def left(folder):
    with closing(SqliteInboxReader(folder / "inbox.db", "inbox")) as inbox:
        names = [header.control_id for header in inbox.irrelevant(OLD + YOUNG)]
        told = sum(line.counts["headers"] for line in prunes(inbox, 99))
        return sum(name.startswith("OLD") for name in names), sum(name.startswith("YOUNG") for name in names), told


def test_a_process_that_dies_while_it_prunes_goes_on_and_tells_every_row_once(start, site, loaded, tmp_path):
    prepared(tmp_path / "store")
    marks = tmp_path / "marks"
    marks.mkdir()
    dying = {
        "PYTHONPATH": CRASHING,
        "CRASH_ROOM": "intake",
        "CRASH_POINTS": " ".join(PRUNING),
        "CRASH_MARKS": str(marks),
    }
    service = start("--config", site, environment=dying)
    with Stream(service, lanes=2) as stream:
        eventually(lambda: {mark.name for mark in marks.iterdir()} == set(PRUNING), within_s=60)
        eventually(lambda: left(service.store)[0] == 0, within_s=60)
    drained(service)
    assert left(service.store) == (0, YOUNG, OLD)
    assert survived(service, stream, loaded) == ["intake"] * len(PRUNING)
