"""The service as a bench starts it: a store of its own, free ports, a target in shadow or out of reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from adapter.commands.bench_processes import cpu_s, peak_mib, resident_mib, written_bytes
from adapter.commands.demo_service import ServiceDied, end
from adapter.knowledge.shipped import shipped
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader

IDLE_LIMIT_S = 300.0
POLL_S = 0.02
STORE = "store"
NOBODY = "http://127.0.0.1:9/fhir"
"""The discard port: nobody answers there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Processor time, memory and writing of the processes of a service."""

    cpu_s: Mapping[str, float]
    resident_mib: Mapping[str, float]
    written_bytes: Mapping[str, int]


class BenchService:
    """One running service; ended with the block it is used in."""

    def __init__(
        self,
        folder: Path,
        *,
        delivery: str = "shadow",
        archive: str = "headers",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; a store that is in the folder already is used. `archive`: what is kept of irrelevant messages."""
        folder.mkdir(exist_ok=True)
        self.store = folder / STORE
        configuration = written_configuration(folder, delivery=delivery, archive=archive)
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

    @property
    def pids(self) -> dict[str, int]:
        """The processes that work, without the one that watches over them."""
        return {name: pid for name, pid in self._ready["pids"].items() if name != "parent"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop it, if it still runs."""
        end(self._process)
        if self._process.stdout:
            self._process.stdout.close()

    def cost(self) -> Cost:
        """Processor time used so far, and memory held now, of each process."""
        return Cost(
            cpu_s={name: cpu_s(pid) for name, pid in self.pids.items()},
            resident_mib={name: resident_mib(pid) for name, pid in self.pids.items()},
            written_bytes={name: written_bytes(pid) for name, pid in self.pids.items()},
        )

    def peak_mib(self) -> dict[str, float]:
        """The most memory each process held so far."""
        return {name: peak_mib(pid) for name, pid in self.pids.items()}

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

    def wait_until_kept(self, count: int) -> None:
        """Return when the inbox holds so many messages; raises TimeoutError."""
        deadline = time.monotonic() + IDLE_LIMIT_S
        while self.kept() < count:
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(POLL_S)

    def kept(self) -> int:
        """How many messages the inbox holds."""
        inbox = SqliteInboxReader(self.store / "inbox.db", "inbox")
        try:
            return inbox.last_seq()
        finally:
            inbox.close()


@contextmanager
def meanwhile(start: Callable[[], BenchService]) -> Iterator[Future[BenchService]]:
    """A service that is started beside other work that is not measured; ended with the block, if it was not before."""
    with ThreadPoolExecutor(1, thread_name_prefix="starting") as beside:
        starting = beside.submit(start)
        try:
            yield starting
        finally:
            with suppress(Exception):  # told where the result is asked for
                starting.result().end()


def written_configuration(folder: Path, *, delivery: str = "shadow", archive: str = "headers") -> Path:
    """A configuration file for the store of this folder; gives its path."""
    lines = [
        f"store: {folder / STORE}",
        "mllp:",
        "  - name: bench",
        "    port: 0",
        "    zone: UTC",
        "    max_connections: 256",
        f"    archive_irrelevant: {archive}",
        "http:",
        "  port: 0",
        "mappings:",
        f"  - {shipped('mappings') / 'demo'}",
        "targets:",
        "  - name: bench",
        f"    url: {NOBODY}",
        f"    delivery: {delivery}",
    ]
    configuration = folder / "troughline.yaml"
    configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return configuration
