"""An import that is killed again and again, and the service beside it: in the end it comes to the same as one run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing

import hospital
import pytest
from running_service import DEMO, eventually

from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader

KILLS = int(os.environ.get("TROUGHLINE_KILLS", "20")) // 2
"""Half of them of the command alone, half of core beside it; nightly 100."""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(200 + 30 * KILLS)]

LINES = 4_000
BAD = (b"{bad", b"\xff\xfe", b'{"id":"x"}')


@pytest.fixture
def history(tmp_path):
    """Doses before their patients among very many lines of no concern, some of them broken."""
    lines = [b'{"resourceType":"Binary","id":"%d"}' % number for number in range(LINES)]
    chance = random.Random(5)  # noqa: S311 - a seed, not a secret
    for number in range(20):
        mrn = str(900000 + number)
        for resource in (hospital.dose(mrn), hospital.reaction(mrn), hospital.patient(mrn)):
            lines.insert(chance.randrange(len(lines)), json.dumps(resource).encode())
    for number in range(60):
        lines.insert(chance.randrange(len(lines)), BAD[number % len(BAD)])
    path = tmp_path / "history.ndjson"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def begun(store, path):
    program = [sys.executable, "-m", "adapter", "import", str(path), "--store", str(store), "--mappings", str(DEMO)]
    return subprocess.Popen([*program, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def finished(command):
    out, _ = command.communicate(timeout=120)
    return command.returncode, json.loads(out)["files"][0] if out else None


def places(store):
    with closing(SqliteInboxReader(store / "inbox-core.db", "inbox-core")) as inbox:
        return inbox.last_seq()


def left(store):
    """The lines that were kept, in order, what was put aside, and the findings."""
    with closing(SqliteInboxReader(store / "inbox-core.db", "inbox-core")) as inbox:
        kept = [(one.arrival.file, one.arrival.raw) for one in inbox.after(0, 10 * LINES)]
    aside = {file.name: file.read_bytes() for file in (store / "imports").iterdir()}
    with closing(SqliteStateReader(store / "state.db")) as state:
        return kept, aside, state.findings(), state.parked()


def until_one_of_them(command, store, more):
    """Wait until so many further lines are kept, or the command has ended."""
    wanted = places(store) + more
    eventually(lambda: command.poll() is not None or places(store) >= wanted, every_s=0.002, within_s=60)


def undisturbed(tmp_path, history):
    store = tmp_path / "undisturbed"
    code, told = finished(begun(store, history))
    assert (code, told["rejected"]["reasons"]) == (1, {"not-json": 20, "not-utf8": 20, "no-resource-type": 20})
    return store, told


def test_a_command_that_is_killed_at_any_moment_goes_on_and_comes_to_the_same(tmp_path, history):
    wanted, told_once = undisturbed(tmp_path, history)
    chance = random.Random(11)  # noqa: S311
    store, killed = tmp_path / "store", 0
    for _ in range(KILLS // 2):
        command = begun(store, history)
        until_one_of_them(command, store, chance.randrange(1, 2 * LINES // KILLS))
        time.sleep(chance.uniform(0, 0.02))
        killed += command.poll() is None
        command.kill()
        command.communicate()
    assert killed
    code, told = finished(begun(store, history))
    assert code == 1
    assert told["kept"] == told_once["kept"]
    assert told["rejected"]["reasons"] == told_once["rejected"]["reasons"]
    assert left(store) == left(wanted)


def test_core_that_is_killed_beside_it_is_started_again_and_the_command_goes_on(tmp_path, history, start):
    wanted, _ = undisturbed(tmp_path, history)
    chance = random.Random(12)  # noqa: S311
    service = start()
    killed, code = 0, 2
    while code == 2 or killed < 1:
        command = begun(service.store, history)
        if killed < KILLS // 2:
            until_one_of_them(command, service.store, chance.randrange(1, 2 * LINES // KILLS))
            if command.poll() is None and "core" in service.pids:
                os.kill(service.pids["core"], signal.SIGKILL)
                killed += 1
        code, told = finished(command)
    # Core may be killed between the mark behind the last line and the answer: then the file is known as imported.
    assert (code, told["state"]) in ((1, "imported"), (1, "imported-before"))
    eventually(lambda: left(service.store) == left(wanted))
    assert service.stop() == 0
