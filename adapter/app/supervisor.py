"""The parent of `troughline serve`: takes the store, starts intake and core, restarts what dies, stops everything."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import structlog

from adapter.app.observing import METRICS_VARIABLE, forget_live_gauges, prepare_metrics_folder
from adapter.app.running import forget_running, tell_running
from adapter.app.systemd import OURS, Systemd
from adapter.store.folder import lock_store, prepare_folder

START_LIMIT_S = 60.0
STOP_LIMIT_S = 20.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
HEALTHY_AFTER_S = 10.0
POLL_S = 0.2
READ_BYTES = 4096
HEARD_WITHIN_S = 10.0
"""A process tells every second that its loop turns; the service counts as alive while all have within this time."""
EXIT_REFUSED = 2
PRIVATE = 0o077
"""Files of the store are for their owner alone, those of the metrics library too."""
CHILDREN = ("core", "intake")
"""Core first: the address it prints is what tools wait for."""


class CouldNotStart(Exception):  # noqa: N818 (named by what happened)
    """A process ended before it was ready; it has already said why on stderr."""


class AlreadyTold(CouldNotStart):
    """It ended because of something a person must change, and has told what."""


@dataclass(slots=True)
class Child:
    """One running process of the service."""

    name: str
    process: subprocess.Popen[bytes]
    started_at: float
    heard_at: float = field(default_factory=time.monotonic)
    ports: dict[str, Any] = field(default_factory=dict)
    pause_s: float = FIRST_PAUSE_S


def supervise(store: Path, instructions: Mapping[str, Any], *, announce: IO[str]) -> int:
    """Run the service until SIGTERM or SIGINT; prints one JSON line with addresses and process ids when it is ready.

    Gives 0, or 2 when a process was refused its address or its files and has said so.

    Raises StoreLocked when another service holds the store, CouldNotStart when a process cannot begin.
    """
    os.umask(PRIVATE)
    prepare_folder(store)
    with lock_store(store):
        inherited = {name: value for name, value in os.environ.items() if name not in OURS}
        environment = {**inherited, METRICS_VARIABLE: str(prepare_metrics_folder(store))}
        systemd = Systemd(os.environ)
        stopping = _Stopping()
        children: dict[str, Child] = {}
        try:
            for name in CHILDREN:
                children[name] = _start(name, instructions, environment)
            ready = _addresses(children)
            tell_running(store, ready)
            print(json.dumps(ready), file=announce, flush=True)
            systemd.ready(f"MLLP {ready.get('mllp') or 'none'}, HTTP {ready['http']}")
            while not stopping.asked:
                _watch(children, instructions, environment)
                if _all_work(children.values()):
                    systemd.alive(time.monotonic())
                time.sleep(POLL_S)
        except AlreadyTold:
            return EXIT_REFUSED
        finally:
            systemd.stopping()
            forget_running(store)
            _stop(tuple(children.values()))
    return 0


class _Stopping:
    """Remembers that SIGTERM or SIGINT came."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)
        # A closed terminal or a log rotation must not stop the service; reading anew takes a restart.
        signal.signal(signal.SIGHUP, lambda *_: structlog.get_logger().warning("hangup-ignored"))

    def _ask(self, *_: object) -> None:
        self.asked = True


def _start(name: str, instructions: Mapping[str, Any], environment: Mapping[str, str]) -> Child:
    # The pipe on stdin carries the instructions and then stays open: when it closes, the parent is gone.
    process = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
        [sys.executable, "-P", "-m", f"adapter.app.{name}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(environment),
        start_new_session=True,  # a Ctrl-C reaches the parent, which stops the children in order
    )
    child = Child(name=name, process=process, started_at=time.monotonic())
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for
    try:
        process.stdin.write(json.dumps(instructions).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        raise CouldNotStart(name) from None
    child.ports = _ready_line(child)
    return child


def _ready_line(child: Child) -> dict[str, Any]:
    stream = child.process.stdout
    assert stream is not None  # noqa: S101 - PIPE was asked for
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        if not selector.select(START_LIMIT_S):
            child.process.kill()
            raise CouldNotStart(child.name)
    line = stream.readline()
    if not line:
        refused = child.process.wait() == EXIT_REFUSED
        raise AlreadyTold(child.name) if refused else CouldNotStart(child.name)
    os.set_blocking(stream.fileno(), False)
    ready: dict[str, Any] = json.loads(line)
    return ready


def _addresses(children: Mapping[str, Child]) -> dict[str, Any]:
    addresses: dict[str, Any] = {}
    for child in children.values():
        addresses.update(child.ports)
    addresses["pids"] = {"parent": os.getpid(), **{child.name: child.process.pid for child in children.values()}}
    return addresses


def _watch(children: dict[str, Child], instructions: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Start again, on the same addresses, whatever has died."""
    for name, child in list(children.items()):
        if child.process.poll() is None:
            continue
        code = child.process.returncode
        forget_live_gauges(name, Path(environment[METRICS_VARIABLE]))
        structlog.get_logger().error("process-died", process=name, status=code)
        lived_s = time.monotonic() - child.started_at
        pause_s = FIRST_PAUSE_S if lived_s > HEALTHY_AFTER_S else min(child.pause_s * 2, LONGEST_PAUSE_S)
        time.sleep(pause_s)
        again = {**instructions, "addresses": child.ports}
        try:
            children[name] = _start(name, again, environment)
        except CouldNotStart:
            child.started_at = time.monotonic()
            child.pause_s = pause_s
            continue
        children[name].pause_s = pause_s
        structlog.get_logger().warning("process-restarted", process=name, pid=children[name].process.pid)


def _all_work(children: Collection[Child]) -> bool:
    """Whether every process runs and has told lately that its loop turns."""
    now = time.monotonic()
    for child in children:
        if _hear(child):
            child.heard_at = now
    return all(child.process.poll() is None and now - child.heard_at < HEARD_WITHIN_S for child in children)


def _hear(child: Child) -> bool:
    stream = child.process.stdout
    assert stream is not None  # noqa: S101 - PIPE was asked for
    heard = False
    with contextlib.suppress(BlockingIOError):
        while os.read(stream.fileno(), READ_BYTES):
            heard = True
    return heard


def _stop(children: Sequence[Child]) -> None:
    """Intake first, so that nothing new comes in while core finishes; then whatever is left is killed."""
    for child in reversed(children):
        if child.process.poll() is None:
            child.process.send_signal(signal.SIGTERM)
            _wait(child)


def _wait(child: Child) -> None:
    try:
        child.process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        structlog.get_logger().error("process-killed", process=child.name)
        child.process.kill()
        child.process.wait()
