"""Lines of files, handed to core over a Unix socket in its store: kept when no message waits, and not too far ahead."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import structlog

from adapter.domain.message import Arrival
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.imports import Mark
from adapter.transport.local_socket import Unheard, listening, received, send

SOCKET = "import.sock"
AHEAD_LINES = 2000
"""So many lines may wait to be understood: a dose that is pushed meanwhile waits behind no more of them."""
LOOK_EVERY_S = 0.05
LARGEST_BODY_BYTES = 2**31
_TOLD = tuple(f.name for f in fields(Arrival) if f.name not in ("raw", "received_at"))


class Keeper(Protocol):
    """What the door needs of an inbox."""

    def keep_imported(self, batch: Sequence[Arrival], mark: Mark) -> Mark:
        """Keep lines and the mark behind them."""


class ImportDoor:
    """One thread for each command that is connected; a command that dies leaves nothing half done."""

    def __init__(self, store: Path, keeper: Keeper, ahead: Callable[[], int], wake: Callable[[], None]) -> None:
        """`ahead` tells how many kept messages are not understood yet."""
        self._store = store
        self._keeper = keeper
        self._ahead = ahead
        self._wake = wake
        self._stopping = threading.Event()
        self._door: socket.socket | None = None
        self._lines: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._run, name="import-door", daemon=True)

    def start(self) -> None:
        """Listen; where no socket can be made commands are told so, and all else goes on."""
        try:
            self._door = listening(self._store, SOCKET)
        except OSError as fault:
            structlog.get_logger().error("import-door-closed", reason=fault.strerror or type(fault).__name__)
            return
        self._thread.start()

    def stop(self, patience_s: float) -> None:
        """Take nothing more; what is in hand is kept or not, as its commit has it."""
        self._stopping.set()
        if self._door is None:
            return
        for one in (self._door, *self._lines):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._thread.join(patience_s)
        self._door.close()
        (self._store / SOCKET).unlink(missing_ok=True)

    def _run(self) -> None:
        door = self._door
        while door is not None and not self._stopping.is_set():
            try:
                line, _ = door.accept()
            except OSError:
                return
            self._lines.add(line)
            threading.Thread(target=self._serve, args=(line,), name="import", daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line, suppress(Unheard):
            while not self._stopping.is_set():
                text, body = received(line, LARGEST_BODY_BYTES)
                send(line, json.dumps(self._answer(text, body)).encode())
        self._lines.discard(line)

    def _answer(self, text: bytes, body: bytes) -> dict[str, Any]:
        try:
            arrivals, mark = unpacked(text, body)
        except (KeyError, TypeError, ValueError):
            return {"refused": "the service does not understand this command: both have to be of one version"}
        while self._ahead() > AHEAD_LINES:
            if self._stopping.wait(LOOK_EVERY_S):
                return {"refused": "the service is stopping"}
        try:
            told = self._keeper.keep_imported(arrivals, mark)
        except (CannotKeep, StoreBroken) as fault:
            return {"refused": str(fault)}
        except Exception as fault:  # noqa: BLE001 - a bug of ours must not end the door for others
            structlog.get_logger().error("import-failed", exception=type(fault).__name__)
            return {"refused": f"the service could not keep the lines ({type(fault).__name__})"}
        self._wake()
        if told.done:
            structlog.get_logger().info("file-imported", source=told.source, count=told.kept)
        return {"mark": told.as_dict()}


def packed(arrivals: Sequence[Arrival], mark: Mark) -> tuple[bytes, bytes]:
    """Arrivals and a mark as one frame."""
    rows = [
        {
            "size": len(one.raw),
            "received_at": one.received_at.isoformat(),
            **{name: getattr(one, name) for name in _TOLD},
        }
        for one in arrivals
    ]
    return json.dumps({"mark": mark.as_dict(), "arrivals": rows}).encode(), b"".join(one.raw for one in arrivals)


def unpacked(text: bytes, body: bytes) -> tuple[list[Arrival], Mark]:
    """What `packed` gave; raises KeyError, TypeError or ValueError for anything else."""
    told = json.loads(text)
    arrivals: list[Arrival] = []
    at = 0
    for row in told["arrivals"]:
        size, received_at = row.pop("size"), row.pop("received_at")
        raw = body[at : at + size]
        arrivals.append(Arrival(raw=raw, received_at=datetime.fromisoformat(received_at), **row))
        at += size
    if at != len(body):
        raise ValueError("sizes and bytes differ")
    return arrivals, Mark.from_dict(told["mark"])
