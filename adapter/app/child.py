"""What intake and core share: instructions on stdin, one ready line on stdout, an end when the parent is gone."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from adapter.store.faults import CannotKeep, StoreBroken, StoreTooNew

ORPHAN_GRACE_S = 1.5
"""Addresses and locks must be free within two seconds of the parent's death (a safety limit)."""
LOCK_PATIENCE_S = 5.0
STDIN, STDOUT = 0, 1
EXIT_REFUSED = 2
EXIT_ORPHAN = 3
READ_BYTES = 65536
SAY_TRIES = 100
SAY_AGAIN_S = 0.1
_TOLD: SimpleQueue[dict[str, Any]] = SimpleQueue()
"""What the parent has said and nobody has heeded yet."""
_ORDERLY_ENDS: list[Callable[[], None]] = []
"""How this process stops once it works; empty while it starts."""


def read_instructions() -> dict[str, Any]:
    """The one line of JSON the parent writes first; from then on this process ends when the parent is gone."""
    threading.Thread(target=_listen_to_parent, name="parent-watch", daemon=True).start()
    return _TOLD.get()


def heed(order: Callable[[dict[str, Any]], None]) -> None:
    """Have every further line of the parent obeyed, one after the other, in a thread of its own."""

    def obey() -> None:
        while True:
            order(_TOLD.get())

    threading.Thread(target=obey, name="orders", daemon=True).start()


def announce(ready: Mapping[str, Any]) -> None:
    """Tell the parent that this process is ready, and where it listens."""
    with contextlib.suppress(BrokenPipeError):  # nobody listens any more: the watch below ends this process
        os.write(STDOUT, json.dumps(dict(ready)).encode() + b"\n")
    os.set_blocking(STDOUT, False)  # from here on the parent may listen or not


def still_works() -> None:
    """Tell the parent that the loop of this process turns; called every second, once `announce` was."""
    with contextlib.suppress(OSError):
        os.write(STDOUT, b"\n")


def say(told: Mapping[str, Any]) -> None:
    """Tell the parent something it waits for."""
    line = json.dumps(dict(told)).encode() + b"\n"
    for _ in range(SAY_TRIES):
        try:
            os.write(STDOUT, line)
        except BlockingIOError:  # it has not listened for long
            time.sleep(SAY_AGAIN_S)
            continue
        except OSError:  # nobody listens any more: this process is about to end
            pass
        return


def stop_on(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM and when the parent is gone; an orphan ends hard after a short grace."""
    signal.signal(signal.SIGTERM, lambda *_: stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # `systemctl kill` sends it to all, and the parent alone reloads
    _ORDERLY_ENDS.append(stop)


def _listen_to_parent() -> None:
    """Every line is one JSON object; the end of the stream is the end of the parent."""
    begun = b""
    # Straight from the descriptor: a buffered reader would hold its lock while other threads start.
    while part := os.read(STDIN, READ_BYTES):
        *lines, begun = (begun + part).split(b"\n")
        for line in lines:
            _TOLD.put(json.loads(line))
    _end_as_orphan()


def _end_as_orphan() -> None:
    if not _ORDERLY_ENDS:
        os._exit(EXIT_ORPHAN)  # still starting: nothing is in hand
    threading.Timer(ORPHAN_GRACE_S, lambda: os._exit(EXIT_ORPHAN)).start()
    for stop in _ORDERLY_ENDS:
        stop()


def own(store: Path, name: str) -> None:
    """Hold the lock of this process's files; waits a little for a predecessor that is still ending."""
    descriptor = os.open(store / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while not _locked(descriptor):
        if time.monotonic() > deadline:
            print(f"The files of {name} in {store} are still held by another process.", file=sys.stderr)
            raise SystemExit(EXIT_REFUSED)
        time.sleep(0.05)


@contextlib.contextmanager
def opening(store: Path) -> Iterator[None]:
    """Whatever keeps the store from being opened is told in one sentence, and the process ends."""
    try:
        yield
    except (CannotKeep, StoreBroken, StoreTooNew) as fault:
        print(f"The store folder {store} cannot be used: {fault}", file=sys.stderr)
        raise SystemExit(EXIT_REFUSED) from None
    except OSError as fault:
        print(f"The store folder {store} cannot be used: {fault.strerror}.", file=sys.stderr)
        raise SystemExit(EXIT_REFUSED) from None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
