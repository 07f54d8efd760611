"""The runs of `troughline bench wire`: one load after the other against an echo and against the service."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from adapter.commands.bench_load import Load, Measured
from adapter.commands.bench_service import BenchService

LOAD_LIMIT_S = 600.0


class LoadBroke(Exception):  # noqa: N818 - named by what happened
    """A load could not be sent to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One load with what it cost the service."""

    name: str
    measured: Measured
    whole_s: float
    """Until every message was interpreted and its outbox rows were committed; the load alone where nothing follows."""
    cpu_us: dict[str, float]
    """Processor time per message, by process."""
    resident_mib: dict[str, float]
    written_bytes: float = 0.0
    """Given to disks per message, by all processes."""

    @property
    def whole_per_s(self) -> float:
        """Messages a second, all that follows from them included."""
        return self.measured.messages / self.whole_s


def send(load: Load) -> Measured:
    """Run a load in a process of its own; raises LoadBroke."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "adapter.commands.bench_load"],
        input=json.dumps(asdict(load)) + "\n",
        capture_output=True,
        text=True,
        timeout=LOAD_LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise LoadBroke(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "the load ended")
    return Measured(**json.loads(done.stdout))


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """A running echo."""

    port: int
    pid: int


@contextmanager
def echo() -> Iterator[Echo]:
    """A bare echo on the loop of the listener."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "adapter.commands.bench_echo"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin  # noqa: S101 - PIPE was asked for
    assert process.stdout  # noqa: S101
    try:
        yield Echo(port=int(process.stdout.readline()), pid=process.pid)
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def against(service: BenchService, name: str, load: Load, *, to_the_end: bool = True) -> Run:
    """One load against the service; with `to_the_end` until nothing of it is left to do. Raises LoadBroke."""
    before = service.cost()
    measured = send(load)
    if to_the_end:
        service.wait_until_understood()
    whole_s = time.monotonic() - measured.begun_at if to_the_end else measured.seconds
    after = service.cost()
    return Run(
        name=name,
        measured=measured,
        whole_s=whole_s,
        cpu_us={k: (after.cpu_s[k] - before.cpu_s[k]) / measured.messages * 1e6 for k in after.cpu_s},
        resident_mib=dict(after.resident_mib),
        written_bytes=sum(after.written_bytes[k] - before.written_bytes[k] for k in after.cpu_s) / measured.messages,
    )
