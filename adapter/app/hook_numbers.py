"""The numbers of every subscription that notifies us: a hole is waited over for a little, then asked about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from adapter.app.counters import HOOK_GAPS
from adapter.ingest.fhir_notification import Notification
from adapter.pipeline.notification_numbers import Counted, Verdict, closed, count
from adapter.store.hook_notes import HookNotes, KnownEvents

GAP_WAIT_S = 5.0
"""Notifications overtake each other: what is missing now may be on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Events of a subscription that did not come."""

    source: str
    subscription: str
    first: int
    last: int


@dataclass(slots=True)
class _Followed:
    counted: Counted
    since: float | None = field(default=None)
    """When the hole was found; None without one."""
    handed_over: bool = False


class Numbers:
    """How far the events of each subscription are known; what is noted on disk stays behind every hole."""

    def __init__(
        self, notes: HookNotes, *, wait_s: float = GAP_WAIT_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._notes = notes
        self._wait_s = wait_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._followed: dict[tuple[str, str], _Followed] = {}

    def heard(self, source: str, told: Notification) -> Verdict | None:
        """Take the numbers of a notification; None when it has none. Raises CannotKeep or StoreBroken."""
        key = (source, told.subscription)
        with self._lock:
            followed = self._followed.get(key) or self._noted(key)
            found = count(followed.counted if followed else None, told)
            if found is None:
                return None
            after, verdict = found
            if followed is None:
                followed = _Followed(after)
                self._note(key, None, after)
            else:
                self._note(key, followed.counted, after)
            self._followed[key] = followed
            followed.counted = after
            self._mark(source, followed, verdict)
        return verdict

    def due(self) -> list[Hole]:
        """Holes nothing has filled in time, each once."""
        holes = []
        with self._lock:
            for (source, subscription), followed in self._followed.items():
                missing = followed.counted.missing
                if missing is None or followed.since is None or followed.handed_over:
                    continue
                if self._monotonic() - followed.since >= self._wait_s:
                    followed.handed_over = True
                    first, last = missing
                    holes.append(Hole(source=source, subscription=subscription, first=first, last=last))
        return holes

    def settle(self, hole: Hole) -> None:
        """What was missing was asked for; a hole behind it is another one. Raises CannotKeep or StoreBroken."""
        key = (hole.source, hole.subscription)
        with self._lock:
            followed = self._followed[key]
            before = followed.counted
            after = closed(before, hole.last)
            self._note(key, before, after)
            followed.counted = after
            followed.handed_over = False
            followed.since = self._monotonic() if after.missing else None

    def _noted(self, key: tuple[str, str]) -> _Followed | None:
        noted = self._notes.known(*key)
        return _Followed(Counted(known=noted.known, told=noted.known, at=noted.at)) if noted else None

    def _note(self, key: tuple[str, str], before: Counted | None, after: Counted) -> None:
        if before is None or (before.known, before.at) != (after.known, after.at):
            self._notes.put_known(*key, KnownEvents(known=after.known, at=after.at))

    def _mark(self, source: str, followed: _Followed, verdict: Verdict) -> None:
        if verdict == "restarted":
            HOOK_GAPS.labels(source, "restarted").inc()
        if followed.counted.missing is None:
            if followed.since is not None and verdict == "in-step":
                HOOK_GAPS.labels(source, "filled").inc()
            followed.since, followed.handed_over = None, False
        elif followed.since is None:
            HOOK_GAPS.labels(source, "found").inc()
            followed.since = self._monotonic()
