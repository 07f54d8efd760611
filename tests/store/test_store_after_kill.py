from __future__ import annotations

import random
import subprocess
import sys
from threading import Timer

import pytest
from sqlalchemy import text

from adapter.store.sqlite_inbox import SqliteInbox
from adapter.store.sqlite_state import SqliteState

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
CYCLES = 15
KEEP_FOR_EVER = """
import hashlib, pathlib, sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from adapter.domain.message import Arrival
from adapter.store.group_commit import GroupCommit
from adapter.store.sqlite_inbox import SqliteInbox

cycle = sys.argv[2]
inbox = SqliteInbox(pathlib.Path(sys.argv[1]), "inbox")
group = GroupCommit(inbox)

def arrival(sender, number):
    raw = b"x" * 2100 + f"{cycle}-{sender}-{number}".encode()
    return Arrival(kind="hl7v2", source="lab", listener="mllp", raw=raw, received_at=datetime.now(UTC),
                   sender=f"S{sender}", control_id=f"{cycle}-{number}", digest=hashlib.sha256(raw).hexdigest())

def send(sender):
    for number in range(10**9):
        sent = arrival(sender, number)
        kept = group.submit(sent).result()
        inbox.answered([(kept.seq, "AA")])
        sys.stdout.write(f"{kept.seq} {sent.digest}\\n")
        sys.stdout.flush()

with ThreadPoolExecutor(8) as senders:
    list(senders.map(send, range(8)))
"""
COMMIT_FOR_EVER = """
import pathlib, sys
from datetime import UTC, datetime
from adapter.domain.events import PatientRecord
from adapter.domain.message import MessageRef, Work
from adapter.store.sqlite_state import SqliteState

state = SqliteState(pathlib.Path(sys.argv[1]))
seq = state.cursor("inbox")
while True:
    seq += 1
    record = PatientRecord(source="ehr", reference=f"Patient/{seq}", patient="all")
    state.commit(Work(at=datetime.now(UTC), message=MessageRef(inbox="inbox", seq=seq, source="ehr"),
                      patients=(record,), known=((f"Patient/{seq}", {"id": str(seq)}),)))
    print(seq, flush=True)
"""


def killed_in_the_middle(program, *arguments, after_s):
    """Whole lines a program wrote before it was killed with SIGKILL, some time after its first one."""
    child = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True)
    with child:
        first = child.stdout.readline()
        timer = Timer(after_s, child.kill)
        timer.start()
        rest = child.stdout.read()
        timer.join()
    return [line for line in (first + rest).split("\n")[:-1] if line]


def test_what_was_answered_before_a_kill_is_in_the_inbox(tmp_path):
    path, chance = tmp_path / "store" / "inbox.db", random.Random(20250310)  # noqa: S311 (a seed, not a secret)
    answered = {}
    for cycle in range(CYCLES):
        for line in killed_in_the_middle(KEEP_FOR_EVER, str(path), str(cycle), after_s=chance.uniform(0, 0.3)):
            seq, digest = line.split()
            answered[int(seq)] = digest
    inbox = SqliteInbox(path, "inbox")
    stored = {row.seq: row.arrival.digest for row in inbox.after(0, 10**9)}
    assert len(answered) > CYCLES
    assert {seq: stored.get(seq) for seq in answered} == answered
    assert list(stored) == list(range(1, len(stored) + 1))
    with inbox._database.write() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    inbox.close()


def test_a_commit_is_in_the_state_wholly_or_not_at_all_after_a_kill(tmp_path):
    path, chance = tmp_path / "store" / "state.db", random.Random(20250311)  # noqa: S311 (a seed, not a secret)
    committed = 0
    for _ in range(CYCLES):
        lines = killed_in_the_middle(COMMIT_FOR_EVER, str(path), after_s=chance.uniform(0, 0.2))
        committed = int(lines[-1])
        state = SqliteState(path)
        cursor = state.cursor("inbox")
        assert cursor in (committed, committed + 1)
        assert len(state.recall("all").records) == cursor
        assert state.known("ehr", f"Patient/{cursor}") == {"id": str(cursor)}
        assert state.known("ehr", f"Patient/{cursor + 1}") is None
        state.close()
    assert committed > CYCLES


FAIL_IN_A_WRITE = """
import pathlib, resource, signal, sys
from datetime import UTC, datetime
from adapter.domain.message import Arrival
from adapter.store.faults import StoreBroken
from adapter.store.group_commit import GroupCommit
from adapter.store.sqlite_inbox import SqliteInbox

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
group = GroupCommit(SqliteInbox(pathlib.Path(sys.argv[1]), "inbox"))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))

def arrival(number):
    return Arrival(kind="hl7v2", source="lab", listener="mllp", raw=b"x" * 10_000, received_at=datetime.now(UTC),
                   sender="S", control_id=str(number), digest=f"{number:064d}")

number = 0
while not group.broken:
    try:
        print(group.submit(arrival(number)).result().seq, flush=True)
    except StoreBroken:
        break
    number += 1
try:
    group.submit(arrival(number + 1)).result()
except StoreBroken as fault:
    print(fault)
"""


def test_after_a_write_error_nothing_is_kept_and_what_was_kept_is_there(tmp_path):
    path = tmp_path / "store" / "inbox.db"
    done = subprocess.run(
        [sys.executable, "-c", FAIL_IN_A_WRITE, str(path)], capture_output=True, text=True, check=True, timeout=60
    )
    *kept, last = done.stdout.splitlines()
    assert last == "The store cannot be trusted any more (SQLITE_IOERR_WRITE)."
    assert len(kept) > 5
    inbox = SqliteInbox(path, "inbox")
    assert [str(row.seq) for row in inbox.after(0, 10_000)] == kept
    inbox.close()
