"""The service as a bench starts it: a store of its own, free ports, a target in shadow or out of reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from adapter.commands.demo_service import ServiceDied, end
from adapter.knowledge.shipped import shipped
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader

IDLE_LIMIT_S = 300.0
POLL_S = 0.02
NOBODY = "http://127.0.0.1:9/fhir"
"""The discard port: nobody answers there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Processor time and memory of the processes of a service."""

    cpu_s: Mapping[str, float]
    resident_mib: Mapping[str, float]


class BenchService:
    """One running service; ended with the block it is used in."""

    def __init__(self, folder: Path, *, delivery: str = "shadow", environment: Mapping[str, str] | None = None) -> None:
        folder.mkdir()
        self.store = folder / "store"
        configuration = folder / "troughline.yaml"
        configuration.write_text(_configuration(self.store, delivery), encoding="utf-8")
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
                [sys.executable, "-P", "-m", "adapter", "serve", "--config", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        assert self._process.stdout  # noqa: S101 - PIPE was asked for
        line = self._process.stdout.readline()
        if not line:
            raise ServiceDied
        self._ready: dict[str, Any] = json.loads(line)

    @property
    def port(self) -> int:
        """The MLLP port."""
        return int(self._ready["mllp"].rpartition(":")[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)
        if self._process.stdout:
            self._process.stdout.close()

    def cost(self) -> Cost:
        """Processor time used so far, and memory held now, of each process."""
        pids = {name: pid for name, pid in self._ready["pids"].items() if name != "parent"}
        return Cost(
            cpu_s={name: _cpu_s(pid) for name, pid in pids.items()},
            resident_mib={name: _resident_mib(pid) for name, pid in pids.items()},
        )

    def wait_until_understood(self) -> None:
        """Return when every kept message is interpreted and its outbox rows are committed; raises TimeoutError."""
        deadline = time.monotonic() + IDLE_LIMIT_S
        inbox = SqliteInboxReader(self.store / "inbox.db", "inbox")
        state = SqliteStateReader(self.store / "state.db")
        try:
            while state.cursor(inbox.name) < inbox.last_seq():
                if self._process.poll() is not None:
                    raise ServiceDied
                if time.monotonic() > deadline:
                    raise TimeoutError
                time.sleep(POLL_S)
        finally:
            state.close()
            inbox.close()

    def kept(self) -> int:
        """How many messages the inbox holds."""
        inbox = SqliteInboxReader(self.store / "inbox.db", "inbox")
        try:
            return inbox.last_seq()
        finally:
            inbox.close()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _configuration(store: Path, delivery: str) -> str:
    lines = [
        f"store: {store}",
        "mllp:",
        "  - name: bench",
        "    port: 0",
        "    zone: UTC",
        "    max_connections: 256",
        "http:",
        "  port: 0",
        "mappings:",
        f"  - {shipped('mappings') / 'demo'}",
        "targets:",
        "  - name: bench",
        f"    url: {NOBODY}",
        f"    delivery: {delivery}",
    ]
    return "\n".join(lines) + "\n"
