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
from adapter.store.answers_told import note_told
from adapter.store.owed_answers import OwedAnswers, OwedAnswersReader
from adapter.store.prunable import prunes
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

CRASHING = str(Path(__file__).with_name("crashing"))
PRUNING = ("portion-removed", "portion-pruned")
PRUNING_ANSWERS = ("answers-removed", "answers-pruned")
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
        inbox.note_irrelevant([HEADER._replace(received_at=at, control_id=name) for at, name in every])
        inbox.flush()


def left(folder):
    with closing(SqliteInboxReader(folder / "inbox.db", "inbox")) as inbox:
        names = [header.control_id for header in inbox.irrelevant(OLD + YOUNG)]
        told = sum(line.counts["headers"] for line in prunes(inbox, 99))
        return sum(name.startswith("OLD") for name in names), sum(name.startswith("YOUNG") for name in names), told


def dying(points, tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    return marks, {
        "PYTHONPATH": CRASHING,
        "CRASH_ROOM": "intake",
        "CRASH_POINTS": " ".join(points),
        "CRASH_MARKS": str(marks),
    }


def test_a_process_that_dies_while_it_prunes_goes_on_and_tells_every_row_once(start, site, loaded, tmp_path):
    prepared(tmp_path / "store")
    marks, environment = dying(PRUNING, tmp_path)
    service = start("--config", site, environment=environment)
    with Stream(service, lanes=2) as stream:
        eventually(lambda: {mark.name for mark in marks.iterdir()} == set(PRUNING), within_s=60)
        eventually(lambda: left(service.store)[0] == 0, within_s=60)
    drained(service)
    assert left(service.store) == (0, YOUNG, OLD)
    assert survived(service, stream, loaded) == ["intake"] * len(PRUNING)


PORT = "default"
APART = """\
housekeeping_s: 1
mllp:
- name: default
  ack_mode: auto
  port: 0
  application_answers:
    host: 127.0.0.1
    port: 9
"""


def owed_since_long(folder):
    """Many old answers that were told, as many that were not, and some of today."""
    writer = OwedAnswers(folder / "answers.db", on_lost=lambda: None, on_broken=lambda _: None)
    for number in range(2 * OLD + YOUNG):
        old = timedelta(days=100) if number < 2 * OLD else timedelta()
        writer.owe(PORT, b"MSH|%d" % number, HEADER.received_at - old)
    writer.close()
    note_told(folder, PORT, OLD)


def answers_left(folder):
    with closing(OwedAnswersReader(folder / "answers.db")) as reader:
        told = sum(line.counts["answers"] for line in prunes(reader, 99))
        rows = reader.after(PORT, 0, 10**9)
        assert [row.body for row in rows] == [b"MSH|%d" % (row.id - 1) for row in rows]
        return sum(row.id <= OLD for row in rows), sum(row.id > OLD for row in rows), told


def test_a_process_that_dies_while_it_prunes_answers_removes_no_untold_one_and_tells_each_once(start, loaded, tmp_path):
    prepared(tmp_path / "store")
    owed_since_long(tmp_path / "store")
    config = tmp_path / "site.yaml"
    config.write_text(APART)
    marks, environment = dying(PRUNING_ANSWERS, tmp_path)
    service = start("--config", str(config), environment=environment)
    with Stream(service, lanes=2) as stream:
        eventually(lambda: {mark.name for mark in marks.iterdir()} == set(PRUNING_ANSWERS), within_s=120)
        eventually(lambda: answers_left(service.store)[0] == 0, within_s=60)
    drained(service)
    assert answers_left(service.store) == (0, OLD + YOUNG, OLD)
    assert survived(service, stream, loaded) == ["intake"] * len(PRUNING_ANSWERS)
