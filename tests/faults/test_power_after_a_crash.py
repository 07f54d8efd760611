"""First a process dies or a sync fails, then the power is cut: what was answered in between is still there."""

from __future__ import annotations

import random
import sys

import pytest
from power_cut import LOSSES, Disk, lay_down

from adapter.store.sqlite_inbox import SqliteInbox

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

STORE_BROKEN, CANNOT_OPEN = 70, 2
KEEP = """
import os, pathlib, sys
from datetime import UTC, datetime
from adapter.domain.message import Arrival
from adapter.store.faults import StoreBroken
from adapter.store.group_commit import GroupCommit
from adapter.store.sqlite_inbox import SqliteInbox

try:
    inbox = SqliteInbox(pathlib.Path(sys.argv[1]), "inbox")
except StoreBroken:
    os._exit(2)
group = GroupCommit(inbox, lambda _: os._exit(70))
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    arrival = Arrival(kind="hl7v2", source="lab", listener="mllp", raw=f"MSH|{number}".encode(), sender="S",
                      received_at=datetime(2025, 3, 10, tzinfo=UTC), control_id=str(number), digest=f"{number:064d}")
    kept = group.submit(arrival).result()
    os.write(1, f"\\rMSA|AA|{number}\\r{kept.repeat_of or ''}\\n".encode())
os._exit(0)
"""


def keep(blackbox, first, behind):
    """Numbers answered, in order, and the exit status of a process that keeps messages and is never closed in order."""
    path = blackbox.folder / "store" / "inbox.db"
    done = blackbox.run([sys.executable, "-c", KEEP, str(path), str(first), str(behind)])
    assert done.stderr == ""
    return [line.split("|")[2].split("\r")[0] for line in done.stdout.split("\n") if "MSA|AA|" in line], done.returncode


def left_after_the_cut(blackbox, tmp_path):
    """Control ids in the inbox after the power was cut now, for every kind of loss."""
    disk = Disk(blackbox.folder)
    for number, record in enumerate(blackbox.records()):
        disk.apply(number, record)
    for n, loss in enumerate((*LOSSES, *LOSSES[2:] * 5)):
        folder = tmp_path / f"image-{n}"
        lay_down(disk.image(loss, random.Random(n)), folder)  # noqa: S311 - a seed, not a secret
        inbox = SqliteInbox(folder / "store" / "inbox.db", "inbox")
        yield [row.arrival.control_id for row in inbox.after(0, 10_000)]
        inbox.close()


def test_a_message_sent_again_after_a_kill_before_its_sync_is_synced_before_it_is_answered(blackbox, tmp_path):
    answered, _ = keep(blackbox, 0, 5)
    blackbox.control.file = b"inbox.db-wal"
    blackbox.control.kill_at_sync = 3
    more, status = keep(blackbox, 5, 20)
    assert status == -9
    blackbox.control.kill_at_sync = 0
    unanswered = 5 + len(more)
    again, status = keep(blackbox, unanswered, unanswered + 1)
    assert (again, status) == ([str(unanswered)], 0)
    answered += more + again
    for left in left_after_the_cut(blackbox, tmp_path):
        assert left[: len(answered)] == answered


def test_what_a_failed_sync_should_have_carried_is_written_again_before_anything_is_answered(blackbox, tmp_path):
    answered, _ = keep(blackbox, 0, 5)
    blackbox.control.file = b"inbox.db-wal"
    blackbox.control.spared_syncs = 4
    blackbox.control.failing_syncs = 1
    more, status = keep(blackbox, 5, 20)
    assert status == STORE_BROKEN
    unanswered = 5 + len(more)
    again, status = keep(blackbox, unanswered, unanswered + 5)
    assert (again, status) == ([str(unanswered + n) for n in range(5)], 0)
    for left in left_after_the_cut(blackbox, tmp_path):
        assert left == answered + more + again


def test_while_the_log_cannot_be_written_anew_nothing_is_kept(blackbox, tmp_path):
    answered, _ = keep(blackbox, 0, 5)
    blackbox.control.file = b"inbox.db"
    blackbox.control.failing_syncs = 1
    assert keep(blackbox, 0, 1) == ([], CANNOT_OPEN)
    assert keep(blackbox, 0, 1) == (["0"], 0)
    for left in left_after_the_cut(blackbox, tmp_path):
        assert left == answered


def test_a_checkpoint_whose_sync_failed_is_written_again(blackbox, tmp_path):
    answered, _ = keep(blackbox, 0, 1)
    blackbox.control.file = b"inbox.db"
    blackbox.control.spared_syncs = 1
    blackbox.control.failing_syncs = 2
    more, status = keep(blackbox, 1, 400)
    assert (len(more), status, blackbox.control.failing_syncs) == (399, 0, 0)
    for left in left_after_the_cut(blackbox, tmp_path):
        assert left == answered + more
