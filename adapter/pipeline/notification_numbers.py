"""The numbers of a subscription's events: which were told, which are missing, and when the server began anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from adapter.ingest.fhir_notification import Notification

Verdict = Literal["first", "in-step", "again", "gap", "restarted"]
AHEAD_LIMIT = 1000
"""Numbers behind a hole that are remembered one by one; the hole is as large as it looks from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How far the events of one subscription are known."""

    known: int
    """Every event up to this one was told, or was asked for otherwise."""
    at: datetime | None = None
    """When the newest event was, by the server's own time."""
    told: int = 0
    """The highest number told of so far."""
    ahead: frozenset[int] = frozenset()
    """Numbers behind a hole that came."""

    @property
    def missing(self) -> tuple[int, int] | None:
        """The first and the last number that are missing; None when all came."""
        if self.told <= self.known:
            return None
        last = self.told
        while last in self.ahead:
            last -= 1
        return self.known + 1, last


def count(before: Counted | None, told: Notification) -> tuple[Counted, Verdict] | None:
    """What is known after a notification; None when it has no number to rely on.

    A smaller number with a newer time is a server that counts anew; with an older time it came late, or once more.
    """
    numbers = frozenset(told.numbers) or _alone(told)
    total = max((*numbers, *([] if told.total is None else [told.total])), default=None)
    if total is None:
        return None
    if before is None:
        return Counted(known=total, told=total, at=told.told_at), "first"
    if total < before.known:
        return _backwards(before, total, told.told_at)
    after = _advanced(before, numbers, total, told.told_at)
    if after.missing:
        return after, "gap"
    return after, "in-step" if after.known > before.known else "again"


def closed(counted: Counted, last: int) -> Counted:
    """What is known once everything up to a number was asked for."""
    return _settled(replace(counted, known=max(counted.known, last)))


def _alone(told: Notification) -> frozenset[int]:
    """An event that has no number of its own is the last one counted."""
    return frozenset({told.total}) if told.eventful and told.total is not None else frozenset()


def _backwards(before: Counted, total: int, at: datetime | None) -> tuple[Counted, Verdict]:
    if at is not None and before.at is not None and at <= before.at:
        return before, "again"
    return Counted(known=total, told=total, at=at), "restarted"


def _advanced(before: Counted, numbers: frozenset[int], total: int, at: datetime | None) -> Counted:
    newest = max((one for one in (before.at, at) if one), default=None)
    told = max(before.told, total)
    return _settled(Counted(known=before.known, told=told, at=newest, ahead=before.ahead | numbers))


def _settled(counted: Counted) -> Counted:
    """The same with what follows the known numbers without a hole among them."""
    known = counted.known
    while known + 1 in counted.ahead:
        known += 1
    ahead = sorted(number for number in counted.ahead if number > known)[-AHEAD_LIMIT:]
    return replace(counted, known=known, ahead=frozenset(ahead))
