from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from adapter.store.faults import StoreLocked
from adapter.store.folder import lock_store, prepare_file, prepare_folder
from adapter.store.sqlite_inbox import SqliteInbox

HOLD_THE_LOCK = """
import pathlib, sys
from adapter.store.folder import lock_store
lock = lock_store(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o077, 0o777])
def _umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_umask")
def test_the_folder_and_all_its_files_are_private_whatever_the_umask(folder, oru):
    inbox = SqliteInbox(folder / "inbox.db", "inbox")
    inbox.keep([oru()])
    with lock_store(folder):
        modes = {path.name: mode(path) for path in folder.iterdir()}
    inbox.close()
    assert mode(folder) == 0o700
    assert modes == dict.fromkeys(("inbox.db", "inbox.db-wal", "inbox.db-shm", "lock"), 0o600)


def test_an_open_folder_and_file_are_closed_to_others(folder):
    folder.mkdir(mode=0o755)
    (folder / "inbox.db").touch(mode=0o644)
    prepare_folder(folder)
    prepare_file(folder / "inbox.db")
    assert (mode(folder), mode(folder / "inbox.db")) == (0o700, 0o600)


def test_a_second_lock_is_refused_with_the_process_that_holds_it(folder):
    with lock_store(folder), pytest.raises(StoreLocked) as refusal:
        lock_store(folder)
    assert str(refusal.value) == f"The store folder {folder} is already in use by process {os.getpid()}."


def test_a_released_lock_can_be_taken_again(folder):
    lock = lock_store(folder)
    lock.release()
    lock.release()
    with lock_store(folder):
        assert (folder / "lock").read_text() == f"{os.getpid()}\n"


def test_a_lock_dies_with_its_process_even_when_it_is_killed(folder):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLD_THE_LOCK,
            str(folder),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreLocked, match=f"by process {holder.pid}\\."):
            lock_store(folder)
        holder.kill()
        holder.wait()
    lock_store(folder).release()
