"""Messages that are read again with the tables of now: requests as files of the store, taken by the service.

A request lies in `replays/` until its result stands beside it; one that was interrupted begins anew and does no harm.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from adapter.app.asking import Requests
from adapter.app.parts import Loaded
from adapter.app.replay_folder import FOLDER
from adapter.app.versions import policies_hash
from adapter.domain.message import MessageRef
from adapter.domain.times import instant_text
from adapter.pipeline.parts import Parts
from adapter.pipeline.process import Processed, fault_place, reassess
from adapter.settings import DropFolder, MllpListener
from adapter.store.faults import CannotKeep, StoreBroken

DUE_AT_ONCE = 500
OTHER_TABLES = (
    "the service runs with other mappings, policies or senders than this command; have it take them "
    "(`troughline reload`; a restart where settings of senders or ports changed), then ask again"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What shall be read again, why, and with which tables."""

    id: str
    asked_at: str
    because: str
    read_with: str
    """`read_with` of the settings and tables the request was made with."""
    messages: tuple[MessageRef, ...]
    by: str = ""
    """Who asked, as the operating system knows him."""
    released: bool = False
    """Whether the messages were released from the work list one by one."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of reading messages again."""

    messages: int = 0
    changed: int = 0
    waiting: int = 0
    """Messages in the work list afterwards."""
    unreadable: int = 0
    """Messages whose bytes are no longer kept."""
    facts: Counter[str] = field(default_factory=Counter)
    """`new` and `gone`."""
    resources: Counter[str] = field(default_factory=Counter)
    """By operation: create, update, close, retract."""

    def add(self, done: Processed) -> None:
        """Count one message."""
        work = done.work
        self.messages += 1
        self.unreadable += done.unreadable
        self.changed += bool(work.events or work.superseded or done.changes)
        self.waiting += work.parked is not None
        self.facts.update(new=len(work.events), gone=len(work.superseded))
        self.resources.update(change.operation for change in done.changes)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "facts": dict(self.facts), "resources": dict(self.resources)}


def read_with(loaded: Loaded) -> str:
    """A mark of everything a reading depends on: mappings, policies, and what the site says of senders and sources."""
    settings = loaded.settings
    every: list[MllpListener | DropFolder] = [*settings.mllp, *settings.drop_folders]
    doors = [(door.name, door.source, door.zone, door.default_charset) for door in every]
    sources = [(source.name, source.zone) for source in settings.sources]
    parts = (loaded.knowledge.hash, policies_hash(loaded.rulebook), settings.senders, sources)
    return hashlib.sha256(repr((parts, doors)).encode()).hexdigest()[:16]


def ask(store: Path, request: Request) -> Path:
    """Put a request into the store; gives where its result will stand (OSError: it cannot be written)."""
    return Requests(folder=store / FOLDER).ask(request.id, asdict(request))


def catch_up(due: Callable[[datetime, int], Sequence[str]], parts: Parts, now: datetime) -> frozenset[str]:
    """Interpret again whom time alone may have changed, so that what reading again changes is told apart from it.

    `due(now, limit)` names such patients, and so does what is given back; the service does the same all the time.
    """
    met: set[str] = set()
    while patients := [patient for patient in due(now, len(met) + DUE_AT_ONCE) if patient not in met]:
        for patient in patients:
            met.add(patient)
            try:
                reassess(patient, parts, now)
            except (CannotKeep, StoreBroken):
                raise
            except Exception as fault:  # noqa: BLE001 - a patient our rules cannot read must not stop the others
                structlog.get_logger().error("reassessment-failed", exception=fault_place(fault))
    return frozenset(met)


Told = Callable[[Processed], None]
Reread = Callable[[MessageRef, Told, bool], None]
"""Has a message read again; whether a person released it from the work list comes last."""


class Replays:
    """Looks for requests, has the engine read their messages, and writes down what came of it."""

    def __init__(self, store: Path, mark: str, clock: Callable[[], datetime]) -> None:
        """`mark` is `read_with` of what this process reads with."""
        self._requests = Requests(folder=store / FOLDER)
        self._mark = mark
        self._clock = clock
        self._taken: set[str] = set()
        self._paused = False
        self._begins = threading.Lock()

    def pause(self) -> None:
        """Begin no request for now; one that is being begun is begun to its end before this returns."""
        with self._begins:
            self._paused = True

    def go_on(self, mark: str) -> None:
        """Begin requests again; `mark` is `read_with` of what this process reads with from now on."""
        self._mark, self._paused = mark, False

    def look(self, reread: Reread) -> None:
        """Take every new request; `reread` has one message read and then tells what came of it."""
        with self._begins:
            if not self._paused:
                self._begin_all(reread)

    def _begin_all(self, reread: Reread) -> None:
        for request in self._requests.waiting(_read):
            if request.id in self._taken:
                continue
            self._taken.add(request.id)
            if request.read_with != self._mark:
                self._end(request, {"refused": OTHER_TABLES})
            elif not request.messages:
                self._end(request, Tally().as_dict())
            else:
                self._begin(request, reread)

    def _begin(self, request: Request, reread: Reread) -> None:
        tally = Tally()

        def told(done: Processed) -> None:
            tally.add(done)
            if tally.messages == len(request.messages):
                self._end(request, tally.as_dict())

        for message in request.messages:
            reread(message, told, request.released)

    def _end(self, request: Request, result: Mapping[str, Any]) -> None:
        done = {
            "id": request.id,
            "asked_at": request.asked_at,
            "because": request.because,
            "by": request.by,
            "released": request.released,
            "done_at": instant_text(self._clock()),
            "asked": [[message.inbox, message.seq] for message in request.messages],
            **result,
        }
        gone = True
        try:
            gone = self._requests.answer(request.id, done)
        except OSError:  # it is done again, with the same effect
            structlog.get_logger().error("replay-not-written", reason="the store cannot be written")
        if gone:
            self._taken.discard(request.id)


def _read(told: Mapping[str, Any]) -> Request:
    return Request(
        id=told["id"],
        asked_at=told["asked_at"],
        because=told["because"],
        read_with=told["read_with"],
        messages=tuple(MessageRef(**one) for one in told["messages"]),
        by=told.get("by", ""),
        released=told.get("released", False),
    )


def in_order(messages: Iterable[MessageRef]) -> tuple[MessageRef, ...]:
    """In the order in which they were kept."""
    return tuple(sorted(set(messages), key=lambda message: (message.inbox, message.seq)))
