"""Subscriptions that give signs of life: one that falls silent may have been switched off, and nobody would know."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import structlog

from adapter.app.counters import ALARMS, HOOK_SILENT

BEATS = 2
"""Silence over so many heartbeats counts."""


class HookSilence:
    """When each source, and each of its subscriptions, was last heard since the start of the service."""

    def __init__(self, heartbeats_s: Mapping[str, int], monotonic: Callable[[], float] = time.monotonic) -> None:
        """`heartbeats_s`: by source, how often it gives a sign of life; the others may be silent for ever."""
        self._limits_s = {source: BEATS * beat_s for source, beat_s in heartbeats_s.items()}
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._last = {source: {"": monotonic()} for source in self._limits_s}
        self._silent: set[tuple[str, str]] = set()
        for source in self._limits_s:
            HOOK_SILENT.labels(source).set(0)

    def heard(self, source: str, subscription: str) -> None:
        """A source has called; `subscription` is empty when the call was of none."""
        if source in self._limits_s:
            with self._lock:
                self._last[source].update(dict.fromkeys(("", subscription), self._monotonic()))

    def look(self) -> list[str]:
        """The sources of which something has fallen silent since the last look; each is told once until it is back."""
        fell: list[str] = []
        for source, limit_s in self._limits_s.items():
            with self._lock:
                silent_s = {name: self._monotonic() - at for name, at in self._last[source].items()}
            silent = {(source, name) for name, seconds in silent_s.items() if seconds > limit_s}
            before = {one for one in self._silent if one[0] == source}
            HOOK_SILENT.labels(source).set(int(bool(silent)))
            if silent - before:
                ALARMS.labels("hook-silent").inc()
                structlog.get_logger().error("hook-silent", source=source, seconds=round(max(silent_s.values())))
                fell.append(source)
            elif before and not silent:
                structlog.get_logger().info("hook-heard-again", source=source)
            self._silent = (self._silent - before) | silent
        return fell
