"""Reloading in the parent: read and lint, then have both processes take the new set, or let both go on as they are.

The order makes it safe.  Both prepare; core finishes what it has in hand and holds; intake takes, and names its last
message from before; core reads up to that one as before, and all that follows with the new set.  So every message is
judged, answered and read with one set.  Once intake was told to take, the change is made: whoever dies from then on
comes back with the new set.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import structlog

from adapter.app.asking import Requests
from adapter.app.children import Child
from adapter.app.counters import ALARMS, FOLDER_DIFFERS, LAST_RELOAD, RELOADS
from adapter.app.handing_over import packed
from adapter.app.orders import DROP, FACTS, FAILED, HELD, HOLD, PREPARE, PREPARED, TAKE, TAKEN
from adapter.app.parts import Loaded
from adapter.app.set_changes import changes
from adapter.app.site_files import Seen, SiteFiles
from adapter.app.versions import Versions, versions_of
from adapter.domain.times import instant_text
from adapter.knowledge.text_yaml import Fault

FOLDER = "reloads"
BY_SIGNAL = "SIGHUP"
PREPARE_LIMIT_S, HOLD_LIMIT_S, TAKE_LIMIT_S = 30.0, 600.0, 30.0
FAULTS_TOLD = 50
RETRY_S = 1.0
Stage = Literal["reading", "preparing", "holding", "intake", "core"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who wants a reload."""

    id: str
    asked_at: str
    by: str


def ask_to_reload(store: Path, request: Request) -> Path:
    """Put a request into the store; gives where its result will stand (OSError: it cannot be written)."""
    return Requests(folder=store / FOLDER).ask(request.id, asdict(request))


def _read(told: Mapping[str, Any]) -> Request:
    return Request(id=told["id"], asked_at=told["asked_at"], by=told["by"])


@dataclass(slots=True, kw_only=True)
class _Change:
    """One reload under way."""

    id: str
    requests: tuple[Request, ...]
    old: Loaded
    begun_s: float
    stage: Stage = "reading"
    since_s: float
    """When the stage began."""
    seen: Seen | None = None
    told: list[Child] = field(default_factory=list)
    """Processes that were told to prepare."""


class Reloading:
    """What the parent does about reloads each time its loop turns; it never waits here."""

    def __init__(self, running: Loaded, files: SiteFiles, clock: Callable[[], datetime]) -> None:
        self.handed: dict[str, Loaded] = {"core": running, "intake": running}
        """What each process gets when it is started again."""
        self._ours = versions_of(running)
        self._requests = Requests(folder=running.settings.store / FOLDER)
        self._files = files
        self._clock = clock
        self._change: _Change | None = None
        self._signalled: list[Request] = []
        self._unwritten: list[tuple[Request, dict[str, Any]]] = []
        self._standing: set[str] = set()
        """Requests that have their result and could not be removed."""
        self._write_after_s = 0.0
        self._last: dict[str, Any] | None = None
        self._told: tuple[Child, dict[str, Any]] | None = None
        """The core that was told the facts, and which."""

    @property
    def busy(self) -> bool:
        """Whether a reload is under way."""
        return self._change is not None

    def may_start(self, name: str) -> bool:
        """Whether a process that died may be started now: core comes back only after intake took the new set."""
        return not (name == "core" and self._change is not None and self._change.stage == "intake")

    def ask_by_signal(self) -> None:
        """Somebody sent SIGHUP."""
        now = self._clock()
        self._signalled.append(Request(id=f"{now:%Y%m%dT%H%M%S%f}-hup", asked_at=instant_text(now), by=BY_SIGNAL))

    def facts(self, children: Mapping[str, Child]) -> dict[str, Any]:
        """What `/readyz` tells of all this."""
        seen = self._files.seen
        return {
            "mappings": {name: child.runs.mappings for name, child in sorted(children.items())},
            "policies": {name: child.runs.policies for name, child in sorted(children.items())},
            "folder_differs": None if seen is None else seen.versions != self._ours,
            "needs_restart": list(seen.needs_restart) if seen else [],
            "last_reload": self._last,
        }

    def step(self, children: Mapping[str, Child]) -> None:
        """Go on with the reload in hand, or begin the next."""
        self._write()
        if self._change is None:
            self._begin()
        if self._change is not None:
            self._go_on(self._change, children)
        self._tell_facts(children)

    def _begin(self) -> None:
        done = {request.id for request, _ in self._unwritten} | self._standing
        asked = [one for one in self._requests.waiting(_read) if one.id not in done]
        requests, self._signalled = (*asked, *self._signalled), []
        if requests:
            now_s = time.monotonic()
            self._change = _Change(
                id=requests[0].id, requests=requests, old=self.handed["core"], begun_s=now_s, since_s=now_s
            )
            self._files.ask()

    def _go_on(self, change: _Change, children: Mapping[str, Child]) -> None:
        match change.stage:
            case "reading":
                self._after_reading(change)
            case "preparing":
                self._prepared(change, children)
            case "holding":
                self._held(change, children)
            case "intake":
                self._intake_taken(change, children)
            case "core":
                self._core_taken(change, children)

    def _after_reading(self, change: _Change) -> None:
        if self._files.answers.empty():
            return
        seen = change.seen = self._files.answers.get()
        if seen.loaded is None:
            self._end(change, "failed", faults=seen.faults)
        elif seen.versions == self._ours:
            self._end(change, "unchanged")
        else:
            self._enter(change, "preparing")

    def _prepared(self, change: _Change, children: Mapping[str, Child]) -> None:
        # A process that died meanwhile has a successor that was not told yet.
        for child in children.values():
            if child not in change.told:
                change.told.append(child)
                child.tell({"order": PREPARE, "change": change.id, "loaded": packed(_new(change))})
        if any(child.said == (change.id, FAILED) for child in children.values()):
            self._give_up(change, children, "a process could not prepare the new set; its log line says why")
        elif all(child.said == (change.id, PREPARED) for child in children.values()):
            children["core"].tell({"order": HOLD, "change": change.id})
            self._enter(change, "holding")
        elif _for_s(change) > PREPARE_LIMIT_S:
            self._give_up(change, children, f"a process did not prepare the new set within {PREPARE_LIMIT_S:.0f} s")

    def _held(self, change: _Change, children: Mapping[str, Child]) -> None:
        if any(child not in change.told for child in children.values()):
            self._enter(change, "preparing")
        elif children["core"].said == (change.id, FAILED):
            self._give_up(change, children, "core could not hold; its log line says why")
        elif children["core"].said == (change.id, HELD):
            self.handed["intake"] = _new(change)
            children["intake"].tell({"order": TAKE, "change": change.id, "until": {}})
            self._enter(change, "intake")
        elif _for_s(change) > HOLD_LIMIT_S:
            text = f"core was not done with a replay or with the disk within {HOLD_LIMIT_S:.0f} s; ask again later"
            self._give_up(change, children, text)

    def _intake_taken(self, change: _Change, children: Mapping[str, Child]) -> None:
        intake = children["intake"]
        # One that is dead judges nothing, and its successor starts with the new set: core need not wait for that.
        dead = intake.process.poll() is not None
        if not dead and not self._has_taken(change, intake):
            return
        self.handed["core"] = _new(change)
        until = intake.until if intake.said == (change.id, TAKEN) else {}
        children["core"].tell({"order": TAKE, "change": change.id, "until": until})
        self._enter(change, "core")

    def _core_taken(self, change: _Change, children: Mapping[str, Child]) -> None:
        """However long core still reads what came in before."""
        if self._has_taken(change, children["core"], limit_s=None):
            self._end(change, "reloaded")

    def _has_taken(self, change: _Change, child: Child, limit_s: float | None = TAKE_LIMIT_S) -> bool:
        """Whether it works with the new set: by its word, or from its start; who does not obey is started anew."""
        if child not in change.told:
            return child.runs == versions_of(_new(change))
        if child.said == (change.id, TAKEN):
            return True
        if child.said == (change.id, FAILED) or (limit_s is not None and _for_s(change) > limit_s):
            structlog.get_logger().error("process-killed", process=child.name, reason="it did not take the reload")
            child.process.kill()
            change.told.remove(child)
        return False

    def _enter(self, change: _Change, stage: Stage) -> None:
        change.stage, change.since_s = stage, time.monotonic()

    def _give_up(self, change: _Change, children: Mapping[str, Child], text: str) -> None:
        for child in children.values():
            child.tell({"order": DROP, "change": change.id})
        self._end(change, "failed", faults=(Fault(file="the running service", line=0, text=text),))

    def _end(
        self, change: _Change, result: Literal["reloaded", "unchanged", "failed"], faults: Sequence[Fault] = ()
    ) -> None:
        self._change = None
        new, before = self.handed["core"], self._ours
        self._ours = after = versions_of(new)
        seconds = round(time.monotonic() - change.begun_s, 3)
        done_at = instant_text(self._clock())
        self._last = {"at": done_at, "result": result, "seconds": seconds}
        RELOADS.labels(result).inc()
        LAST_RELOAD.labels(result).set(self._clock().timestamp())
        _log(result, after, seconds, faults)
        told = {
            "result": result,
            "done_at": done_at,
            "seconds": seconds,
            "before": before.as_dict(),
            "after": after.as_dict(),
            "changes": list(changes(change.old, new)) if result == "reloaded" else [],
            "needs_restart": list(change.seen.needs_restart) if change.seen else [],
            "faults": [asdict(fault) for fault in faults or (change.seen.faults if change.seen else ())],
        }
        self._unwritten += [(request, told) for request in change.requests]
        self._write_after_s = 0.0
        self._write()

    def _write(self) -> None:
        """Write down what came of requests; without room on the disk it is tried again."""
        if time.monotonic() < self._write_after_s:
            return
        try:
            while self._unwritten:
                request, told = self._unwritten[0]
                if not self._requests.answer(request.id, {**asdict(request), **told}):
                    self._standing.add(request.id)
                self._unwritten.pop(0)
        except OSError:
            structlog.get_logger().error("reload-not-written", reason="the store cannot be written")
            self._write_after_s = time.monotonic() + RETRY_S

    def _tell_facts(self, children: Mapping[str, Child]) -> None:
        told = children["core"], self.facts(children)
        if told == self._told:
            return
        self._told = told
        told[0].tell({"order": FACTS, "facts": told[1]})
        seen, ours = self._files.seen, self._ours
        if seen is not None:
            theirs = seen.versions
            FOLDER_DIFFERS.labels("mappings").set(int(theirs is None or theirs.mappings != ours.mappings))
            FOLDER_DIFFERS.labels("policies").set(int(theirs is None or theirs.policies != ours.policies))


def _new(change: _Change) -> Loaded:
    assert change.seen is not None  # noqa: S101 - nothing is prepared before it was read
    assert change.seen.loaded is not None  # noqa: S101 - nor with faults
    return change.seen.loaded


def _for_s(change: _Change) -> float:
    """How long its present stage has lasted."""
    return time.monotonic() - change.since_s


def _log(result: str, versions: Versions, seconds: float, faults: Sequence[Fault]) -> None:
    log = structlog.get_logger().bind(mappings=versions.mappings, policies=versions.policies, seconds=seconds)
    if result != "failed":
        log.info("reloaded" if result == "reloaded" else "reload-unneeded")
        return
    ALARMS.labels("reload-failed").inc()
    log.error("reload-failed", count=sum(fault.severity == "error" for fault in faults))
    for fault in faults[:FAULTS_TOLD]:
        print(fault, file=sys.stderr, flush=True)
