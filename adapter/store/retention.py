"""How long a store keeps what it need not keep: by which clock, what may go, and the line each prune leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar

PruneKind = Literal["headers", "archived", "copies", "torn", "answers", "read"]
KINDS: tuple[PruneKind, ...] = ("headers", "archived", "copies", "torn", "answers", "read")
DAYS_AT_ONCE = 7
"""How many days the clock that prunes may gain in a day of work, once it stands behind the clock of the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """After how many days what may go goes."""

    archive_days: int = 90
    read_messages_days: int | None = None
    """For the bytes of messages that were read and gave facts; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """What was received before `archive` may go, and before `read` the bytes of read messages."""

    now: datetime
    """By the clock of the machine: what claims to be from later came while that clock stood ahead."""
    archive: datetime
    read: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """So many rows of one kind as one short transaction takes."""

    kind: PruneKind
    places: tuple[int, ...]
    """Ids or seqs; empty for files."""
    count: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The head of an audit line: when, by whom, and what was old enough."""

    at: datetime
    by: str
    older_than: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """One prune of one inbox, as its audit line tells it."""

    inbox: str
    line: Line
    counts: Mapping[str, int]
    """By kind; a kind of which nothing went is left out."""
    bytes: int
    read_older_than: datetime | None = None
    """For bytes of read messages, where any went."""


class Came(Protocol):
    """Something that was received."""

    @property
    def received_at(self) -> datetime:
        """When, by the clock of the machine as it stood."""


Row = TypeVar("Row", bound=Came)


def believed(now: datetime, newest: datetime | None, before: datetime | None, worked: timedelta) -> datetime | None:
    """The time to prune by: never ahead of the clock, of the newest message, nor far ahead of what was believed before.

    A clock that leaps ahead stamps new messages with its own time, so the newest message alone would follow the leap:
    `before` may be left behind only as fast as `worked`, time measured without that clock, allows.
    """
    if newest is None:
        return None
    fastest = None if before is None else before + worked * DAYS_AT_ONCE
    return min(one for one in (now, newest, fastest) if one is not None)


def horizon(retention: Retention, time: datetime, now: datetime) -> Horizon:
    """What is old at a believed time."""
    read_days = retention.read_messages_days
    return Horizon(
        now=now,
        archive=time - timedelta(days=retention.archive_days),
        read=None if read_days is None else time - timedelta(days=max(read_days, retention.archive_days)),
    )


def older(rows: Iterable[Row], than: datetime, now: datetime) -> Iterator[Row]:
    """Of rows in the order in which they came the old ones, up to the first that is young.

    One that claims to be from after `now` came while the clock stood ahead: it is as old as the old ones behind it.
    """
    ahead: list[Row] = []
    for row in rows:
        if row.received_at < than:
            yield from ahead
            ahead.clear()
            yield row
        elif row.received_at > now:
            ahead.append(row)
        else:
            return
