"""Senders that should have sent by now: when each was last heard outlives a restart, and silence raises an alarm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog

from adapter.app.counters import SENDER_SILENT
from adapter.app.observing import newest_by
from adapter.settings import Sender
from adapter.store.private_json import read_object, replace_object

HEARD_FILE = "heard.json"
MINUTE_S = 60


def last_heard() -> dict[str, float]:
    """Seconds since 1970 of the last message of each sender, as all processes have counted."""
    return newest_by("troughline_sender_last_message_timestamp_seconds", "sender")


class SilenceWatch:
    """Compares when each sender was last heard with how long the site lets it be silent."""

    def __init__(self, senders: tuple[Sender, ...], store: Path, heard: Callable[[], Mapping[str, float]]) -> None:
        """`heard` gives the seconds since 1970 of the last message by the `match` of its sender, over all doors."""
        self._limit_s = {s.match: s.silent_after_minutes * MINUTE_S for s in senders if s.silent_after_minutes}
        self._file = store / HEARD_FILE
        self._heard = heard
        self._last = _read(self._file)
        self._silent: set[str] = set()

    def look(self, now: datetime) -> None:
        """Tell each sender that fell silent, or is back, once; a sender never heard counts from the first look."""
        if not self._limit_s:
            return
        now_s = now.timestamp()
        newest = self._heard()
        before = dict(self._last)
        for match, limit_s in self._limit_s.items():
            # A time ahead of the clock is one from before the clock was set back.
            self._last[match] = min(max(self._last.get(match, 0.0), newest.get(match, 0.0)) or now_s, now_s)
            self._judge(match, silent_s=now_s - self._last[match], limit_s=limit_s)
        if self._last != before:
            with suppress(OSError):  # without room on the disk the watch goes on from memory
                replace_object(self._file, {match: self._last[match] for match in self._limit_s})

    def _judge(self, match: str, *, silent_s: float, limit_s: float) -> None:
        silent = silent_s > limit_s
        SENDER_SILENT.labels(match).set(int(silent))
        if silent == (match in self._silent):
            return
        log = structlog.get_logger().bind(sender=match, limit_s=limit_s)
        if silent:
            self._silent.add(match)
            log.warning("sender-silent", seconds=round(silent_s))
        else:
            self._silent.discard(match)
            log.info("sender-heard-again")


def _read(file: Path) -> dict[str, float]:
    """What an earlier run has left; a file that cannot be read says nothing."""
    left = read_object(file) or {}
    return {match: float(at) for match, at in left.items() if isinstance(at, (int, float))}
