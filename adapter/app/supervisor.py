"""The parent of `troughline serve`: takes the store, starts intake and core, restarts what dies, stops everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import structlog

from adapter.app.children import EXIT_REFUSED, FIRST_PAUSE_S, AlreadyTold, Child, CouldNotStart, start
from adapter.app.counters import RESTARTS
from adapter.app.observing import METRICS_VARIABLE, forget_live_gauges, prepare_metrics_folder, share_counters
from adapter.app.parts import Loaded
from adapter.app.reloading import Reloading
from adapter.app.running import forget_running, tell_running
from adapter.app.site_files import Read, SiteFiles
from adapter.app.systemd import OURS, Systemd
from adapter.store.folder import lock_store, prepare_folder

STOP_LIMIT_S = 20.0
LONGEST_PAUSE_S = 5.0
HEALTHY_AFTER_S = 10.0
POLL_S = 0.2
POLL_WHILE_RELOADING_S = 0.02
"""Core holds until the parent has heard of intake: so long its messages wait, which are kept and answered meanwhile."""
HEARD_WITHIN_S = 10.0
"""A process tells every second that its loop turns; the service counts as alive while all have within this time."""
PRIVATE = 0o077
"""Files of the store are for their owner alone, those of the metrics library too."""
CHILDREN = ("core", "intake")
"""Core first: the address it prints is what tools wait for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the service works with, and how its files are read again."""

    loaded: Loaded
    read: Read
    config: Path | None


def supervise(site: Site, *, announce: IO[str]) -> int:
    """Run the service until SIGTERM or SIGINT; prints one JSON line with addresses and process ids when it is ready.

    Gives 0, or 2 when a process was refused its address or its files and has said so.

    Raises StoreLocked when another service holds the store, CouldNotStart when a process cannot begin.
    """
    os.umask(PRIVATE)
    store = site.loaded.settings.store
    prepare_folder(store)
    with lock_store(store):
        systemd = Systemd(os.environ)
        environment = _environment(store)
        asked = _Asked()
        children: dict[str, Child] = {}
        files = SiteFiles(site.read, site.loaded, site.config)
        reloading = Reloading(site.loaded, files, lambda: datetime.now(UTC))
        try:
            for name in CHILDREN:
                children[name] = start(name, site.loaded, {}, environment)
            files.start()
            ready = _addresses(children)
            tell_running(store, ready)
            print(json.dumps(ready), file=announce, flush=True)
            systemd.ready(f"MLLP {ready.get('mllp') or 'none'}, HTTP {ready['http']}")
            while not asked.to_stop:
                if asked.took_reload():
                    reloading.ask_by_signal()
                if _all_work(children.values()):
                    systemd.alive(time.monotonic())
                reloading.step(children)
                if _watch(children, reloading, environment):
                    tell_running(store, _addresses(children))
                time.sleep(POLL_WHILE_RELOADING_S if reloading.busy else POLL_S)
        except AlreadyTold:
            return EXIT_REFUSED
        finally:
            systemd.stopping()
            files.stop()
            forget_running(store)
            _stop(tuple(children.values()))
    return 0


class _Asked:
    """Remembers which signals came."""

    def __init__(self) -> None:
        self.to_stop = False
        self._to_reload = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, self._reload)

    def took_reload(self) -> bool:
        """Whether SIGHUP came since this was asked."""
        came, self._to_reload = self._to_reload, False
        return came

    def _stop(self, *_: object) -> None:
        self.to_stop = True

    def _reload(self, *_: object) -> None:
        self._to_reload = True


def _environment(store: Path) -> dict[str, str]:
    """That of the processes; this one counts with them, under a name of its own."""
    inherited = {name: value for name, value in os.environ.items() if name not in OURS}
    folder = str(prepare_metrics_folder(store))
    os.environ[METRICS_VARIABLE] = folder
    share_counters("parent")
    return {**inherited, METRICS_VARIABLE: folder}


def _addresses(children: Mapping[str, Child]) -> dict[str, Any]:
    addresses: dict[str, Any] = {}
    for child in children.values():
        addresses.update(child.ports)
    addresses["pids"] = {"parent": os.getpid(), **{child.name: child.process.pid for child in children.values()}}
    return addresses


def _watch(children: dict[str, Child], reloading: Reloading, environment: Mapping[str, str]) -> bool:
    """Start again, on the same addresses and with what it worked with, whatever has died; whether anything was."""
    again = False
    for name, child in list(children.items()):
        if child.process.poll() is None or not reloading.may_start(name):
            continue
        code = child.process.returncode
        forget_live_gauges(name, Path(environment[METRICS_VARIABLE]))
        structlog.get_logger().error("process-died", process=name, status=code)
        lived_s = time.monotonic() - child.started_at
        pause_s = FIRST_PAUSE_S if lived_s > HEALTHY_AFTER_S else min(child.pause_s * 2, LONGEST_PAUSE_S)
        time.sleep(pause_s)
        try:
            children[name] = start(name, reloading.handed[name], {"addresses": child.ports}, environment)
        except CouldNotStart:
            child.started_at = time.monotonic()
            child.pause_s = pause_s
            continue
        again = True
        children[name].pause_s = pause_s
        RESTARTS.labels(name).inc()
        structlog.get_logger().warning("process-restarted", process=name, pid=children[name].process.pid)
    return again


def _all_work(children: Collection[Child]) -> bool:
    """Whether every process runs and has told lately that its loop turns."""
    now = time.monotonic()
    for child in children:
        child.flush()
        if child.hear():
            child.heard_at = now
    return all(child.process.poll() is None and now - child.heard_at < HEARD_WITHIN_S for child in children)


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
