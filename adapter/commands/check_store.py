"""Whether the store folder can hold what is promised to senders: rights, versions, room, and the cost of a sync."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from adapter.app.rebuilding import refuse_to_rebuild_with_gaps
from adapter.commands.check_result import Result
from adapter.store.examining import FILES, examined
from adapter.store.faults import CannotKeep, StoreBroken, StoreLocked
from adapter.store.folder import FOLDER_MODE, LOCK_NAME

MEBIBYTE = 1024 * 1024
LEAST_FREE_BYTES = 64 * MEBIBYTE
LOW_FREE_BYTES = 1024 * MEBIBYTE
SYNCS = 21
RESTORE = "restore it from a backup (docs/howto/back-up-and-restore.md)"
CHILDREN = ("core", "intake")
CHILD_PATIENCE_S = 5.0
CHILD_LOOK_S = 0.05
SLOW_SYNC_MS = 20.0
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "glusterfs", "ceph", "afs"})
"""File systems whose locks and syncs a write-ahead log cannot trust (sqlite.org, "Write-Ahead Logging", 2)."""
MOUNTS = Path("/proc/self/mounts")


def lock_holder(folder: Path) -> int | None:
    """The process id of the service that runs on this store; None when none does."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        told = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        return int(told) if told.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


def children_gone(folder: Path, *, within_s: float) -> bool:
    """Whether no process of a service that was killed holds files of the store any more; waits a little for it."""
    until = time.monotonic() + within_s
    while any(_held(folder / f"{name}.lock") for name in CHILDREN):
        if time.monotonic() > until:
            return False
        time.sleep(CHILD_LOOK_S)
    return True


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Inside nobody else writes: processes of a service that was killed live on for a moment (StoreLocked)."""
    if not children_gone(folder, within_s=CHILD_PATIENCE_S):
        raise StoreLocked(f"The files in {folder} are still held by a process of the service; end it, then try again.")
    yield


def _held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def store(folder: Path, *, thorough: bool) -> Iterator[Result]:
    """Rights and files of the folder; `thorough` reads every page of every file."""
    if not folder.exists():
        yield _to_be_made(folder)
        return
    if not folder.is_dir():
        yield Result(about="store", state="failed", said=f"{folder} is no folder", advice="name a folder")
        return
    yield _rights(folder)
    files = [_file(folder / name, thorough=thorough) for name in FILES if _is_file(folder / name)]
    yield from files
    if all(found.state != "failed" for found in files):
        yield from _gaps(folder)


def _gaps(folder: Path) -> Iterator[Result]:
    """A state that is missing or too old is built anew from the inboxes, unless these were pruned beyond it."""
    try:
        refuse_to_rebuild_with_gaps(folder)
    except (CannotKeep, StoreBroken) as fault:
        yield Result(about="store", state="failed", said=str(fault), advice=RESTORE)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _to_be_made(folder: Path) -> Result:
    parent = nearest(folder)
    if os.access(parent, os.W_OK | os.X_OK):
        return Result(about="store", state="ok", said=f"{folder} does not exist yet and can be made")
    return Result(
        about="store",
        state="failed",
        said=f"{folder} does not exist, and this user may not make it in {parent}",
        advice="make it, owned by the user the service runs as, with mode 0700",
    )


def nearest(path: Path) -> Path:
    """The path itself, or the first folder above it that exists."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())


def _rights(folder: Path) -> Result:
    status = folder.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return Result(
            about="store",
            state="failed",
            said=f"{folder} does not belong to this user",
            advice="run the check as the user the service runs as",
        )
    if mode != FOLDER_MODE:
        said = f"{folder} has mode {mode:04o}, so others may look into it; the service sets it to {FOLDER_MODE:04o}"
        return Result(about="store", state="warning", said=said)
    return Result(about="store", state="ok", said=f"{folder} is private to this user")


def _file(path: Path, *, thorough: bool) -> Result:
    about = f"store {path.name}"
    try:
        found = examined(path, thorough=thorough)
    except (CannotKeep, StoreBroken) as fault:
        return Result(about=about, state="failed", said=str(fault), advice=RESTORE)
    if found.version > found.known:
        said = f"written by a newer version of this program (schema {found.version}, known here: {found.known})"
        return Result(about=about, state="failed", said=said, advice="install that version again")
    if found.damaged:
        return Result(about=about, state="failed", said="its pages contradict each other", advice=RESTORE)
    size = f"{path.stat().st_size / MEBIBYTE:.1f} MiB"
    brought = "" if found.version == found.known else f", brought to {found.known} at the next start"
    sound = ", sound" if thorough else ""
    return Result(about=about, state="ok", said=f"schema {found.version}{brought}, {size}{sound}")


def disk(folder: Path) -> Iterator[Result]:
    """Free room, the kind of file system, and how long a sync takes."""
    place = nearest(folder)
    yield _room(place)
    kind = file_system(place)
    if kind in NETWORK:
        yield Result(
            about="disk",
            state="failed",
            said=f"{place} lies on a network file system ({kind}), whose locks and syncs cannot be trusted",
            advice="put the store on a local disk",
        )
    if folder.is_dir() and os.access(folder, os.W_OK):
        yield _sync(folder)


def _room(place: Path) -> Result:
    usage = shutil.disk_usage(place)
    said = f"{usage.free / MEBIBYTE / 1024:.1f} GiB free of {usage.total / MEBIBYTE / 1024:.1f}"
    if usage.free < LEAST_FREE_BYTES:
        return Result(about="disk", state="failed", said=said, advice="make room: without it no message is answered")
    if usage.free < LOW_FREE_BYTES:
        return Result(about="disk", state="warning", said=said, advice="make room before it is full")
    return Result(about="disk", state="ok", said=said)


def file_system(place: Path) -> str:
    """The type of the file system a path lies on, as the kernel names it; empty where it does not tell."""
    try:
        mounts = [line.split(" ") for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return ""
    found = [
        (len(at), kind)
        for _, where, kind, *_ in (mount for mount in mounts if len(mount) > 2)
        if place.resolve().is_relative_to(at := where.replace("\\040", " "))
    ]
    return max(found)[1] if found else ""


def _sync(folder: Path) -> Result:
    cost_ms = sync_ms(folder)
    said = f"a sync to disk takes {cost_ms:.1f} ms (median of {SYNCS})"
    if cost_ms > SLOW_SYNC_MS:
        advice = "every relevant message waits for one before its AA; a disk with a protected cache is faster"
        return Result(about="disk", state="warning", said=said, advice=advice)
    return Result(about="disk", state="ok", said=said)


def sync_ms(folder: Path) -> float:
    """How long writing 4 KiB and syncing takes, in ms, as the median; the file has no name, so none is left behind."""
    costs: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            begun = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
            costs.append((time.perf_counter() - begun) * 1000)
    return median(costs)
