"""The service the demo talks to: started on a throw-away store, watched until it is idle, stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from adapter.knowledge.shipped import shipped
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader

IDLE_LIMIT_S = 60.0
POLL_S = 0.05
STOP_LIMIT_S = 20.0
TARGET = "fhir"


class ServiceDied(Exception):  # noqa: N818 (named by what happened)
    """The service ended before the one who started it."""


@dataclass(slots=True)
class Service:
    """A running service and what can be read beside it."""

    folder: Path
    process: subprocess.Popen[bytes]
    addresses: dict[str, Any]
    fhir: str | None

    @property
    def store(self) -> Path:
        """The store folder."""
        return self.folder / "store"

    def wait_until_idle(self) -> None:
        """Return when every kept message is committed and every output delivered; raises TimeoutError."""
        deadline = time.monotonic() + IDLE_LIMIT_S
        inboxes = [SqliteInboxReader(self.store / f"{name}.db", name) for name in ("inbox", "inbox-core")]
        state = SqliteStateReader(self.store / "state.db")
        try:
            while not self._idle(inboxes, state):
                if self.process.poll() is not None:
                    raise ServiceDied
                if time.monotonic() > deadline:
                    raise TimeoutError
                time.sleep(POLL_S)
        finally:
            state.close()
            for inbox in inboxes:
                inbox.close()

    def _idle(self, inboxes: list[SqliteInboxReader], state: SqliteStateReader) -> bool:
        if any(state.cursor(inbox.name) < inbox.last_seq() for inbox in inboxes):
            return False
        counts = state.undelivered(TARGET) if self.fhir else {}
        return not counts.get("pending") and not counts.get("sent")

    def stop(self) -> None:
        """End it as an operator would, and forget its store."""
        end(self.process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a service as an operator would; one that does not end in time is killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start_service(fhir: str | None, monitor_from: date) -> Service:
    """Start `troughline serve` on free ports with the demo tables; raises ServiceDied when it cannot start."""
    folder = Path(tempfile.mkdtemp(prefix="troughline-demo-"))
    configuration = folder / "troughline.yaml"
    configuration.write_text(_configuration(folder, fhir, monitor_from), encoding="utf-8")
    log = (folder / "service.log").open("wb")
    announced = folder / "addresses.json"
    with log, announced.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
            [sys.executable, "-P", "-m", "adapter", "serve", "--config", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
            start_new_session=True,
        )
    return Service(folder=folder, process=process, addresses=_announced(process, announced), fhir=fhir)


def _announced(process: subprocess.Popen[bytes], announced: Path) -> dict[str, Any]:
    deadline = time.monotonic() + IDLE_LIMIT_S
    while time.monotonic() < deadline:
        line = announced.read_text(encoding="utf-8")
        if line.endswith("\n"):
            addresses: dict[str, Any] = json.loads(line)
            return addresses
        if process.poll() is not None:
            break
        time.sleep(POLL_S)
    process.kill()
    raise ServiceDied


def _configuration(folder: Path, fhir: str | None, monitor_from: date) -> str:
    lines = [
        f"store: {folder / 'store'}",
        "sources:",
        "  - name: hospital",
        "    zone: UTC",
        "mllp:",
        "  - name: mllp",
        "    host: 127.0.0.1",
        "    port: 0",
        "    source: hospital",
        "    zone: UTC",
        "http:",
        "  host: 127.0.0.1",
        "  port: 0",
        "  source: hospital",
        "mappings:",
        f"  - {shipped('mappings') / 'demo'}",
    ]
    if fhir:
        lines += [
            "targets:",
            f"  - name: {TARGET}",
            f"    url: {fhir}",
            "    delivery: on",
            "    write_raw: always",
            f"    monitor_from: {monitor_from.isoformat()}",
        ]
    return "\n".join(lines) + "\n"
