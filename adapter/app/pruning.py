"""What a store need not keep goes by its age: one look an hour for each inbox, in portions that delay no answer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import structlog

from adapter.app.counters import ALARMS, PRUNED
from adapter.app.replay_folder import replay_waits
from adapter.settings import Settings
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.owed_answers import NAME as ANSWERS
from adapter.store.private_json import read_object, replace_object
from adapter.store.prunable import Prunable
from adapter.store.retention import Horizon, Line, Portion, Retention, believed, horizon
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader
from adapter.store.told_answers import ToldAnswers
from adapter.store.torn_frames import torn_before

INBOXES = ("inbox", "inbox-core")
MADE_UP_SOON = timedelta(days=2)
"""A believed time this far behind is told: the service was down for long, or a clock is or was wrong."""
STATE_FILE = "state.db"
TORN = "torn"
TORN_BESIDE = "inbox"
"""The inbox whose audit lines tell of torn frames: that of the process that keeps them."""
LOOK_EVERY_S = 3600.0
PAUSE_S = 0.1
"""Between two portions, for whoever else writes."""
Write = Callable[[Portion, Line], None]
Old = Prunable | ToldAnswers


def retention_of(settings: Settings) -> Retention:
    """After how many days a site lets go what may go."""
    return Retention(archive_days=settings.archive_days, read_messages_days=settings.read_messages_days)


def awaited_targets(settings: Settings) -> frozenset[str]:
    """Targets whose confirmation is awaited: nothing is ever sent to the others."""
    return frozenset(target.name for target in settings.targets if target.delivery == "on")


@contextmanager
def prunables(store: Path, targets: Collection[str] | None) -> Iterator[Mapping[str, Old]]:
    """Both inboxes beside the state, and the answers, opened for one look; raises CannotKeep or StoreBroken."""
    inboxes = [SqliteInboxReader(store / f"{name}.db", name) for name in INBOXES]
    with closing(SqliteStateReader(store / STATE_FILE)) as state, closing(ToldAnswers(store)) as answers:
        try:
            yield {**{inbox.name: Prunable(inbox, state, targets) for inbox in inboxes}, ANSWERS: answers}
        finally:
            for inbox in inboxes:
                inbox.close()


def newest(every: Mapping[str, Old]) -> datetime | None:
    """When the last message came, whatever its door."""
    return max((at for prunable in every.values() if (at := prunable.newest())), default=None)


def removable(store: Path, inbox: str, prunable: Old, old: Horizon) -> Iterator[Portion]:
    """All that may go of one file, torn frames first."""
    if files := _torn(store, inbox, old):
        yield Portion(kind="torn", places=(), count=len(files), bytes=sum(map(_size, files)))
    yield from prunable.portions(old)


def removed(store: Path, inbox: str, prunable: Old, old: Horizon, line: Line, write: Write) -> Iterator[Portion]:
    """Remove portion after portion, and give each that is gone; raises CannotKeep or StoreBroken."""
    for portion in removable(store, inbox, prunable, old):
        write(portion, replace(line, older_than=old.read) if portion.kind == "read" and old.read else line)
        if portion.kind == "torn":
            for file in _torn(store, inbox, old):
                file.unlink(missing_ok=True)
        yield portion


def _torn(store: Path, inbox: str, old: Horizon) -> list[Path]:
    return torn_before(store / TORN, old.archive) if inbox == TORN_BESIDE else []


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # gone meanwhile, to make room for newer ones
        return 0


class Pruner:
    """Prunes the inbox of one process, and answers where it keeps them, in a thread of its own."""

    def __init__(
        self,
        settings: Settings,
        inbox: str,
        write: Write,
        clock: Callable[[], datetime],
        *,
        write_answers: Write | None = None,
    ) -> None:
        """`write` removes a portion when no message waits; make it before the doors open."""
        self._settings = settings
        self._inbox = inbox
        self._writes = {inbox: write, **({ANSWERS: write_answers} if write_answers else {})}
        self._clock = clock
        self._stopping = threading.Event()
        self._worked_since_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="pruning", daemon=True)
        self._believe_what_is_there()

    def start(self) -> None:
        """Look for the first time after a while, then once an hour."""
        self._thread.start()

    def stop(self, patience_s: float) -> None:
        """Finish the portion in hand and end."""
        self._stopping.set()
        self._thread.join(patience_s)

    def look(self, worked: timedelta) -> Counter[str]:
        """Remove what is old now, after so much time of work since the last look; gives counts by kind."""
        store, gone = self._settings.store, Counter[str]()
        with prunables(store, awaited_targets(self._settings)) as every:
            old = self._old(newest(every), worked)
            if old is None or replay_waits(store):
                return gone
            line = Line(at=old.now, by="service", older_than=old.archive)
            parts = (removed(store, name, every[name], old, line, write) for name, write in self._writes.items())
            for portion in chain.from_iterable(parts):
                gone[portion.kind] += portion.count
                PRUNED.labels(portion.kind).inc(portion.count)
                # What is read again may yet be needed; the next look goes on.
                if self._stopping.wait(PAUSE_S) or replay_waits(store):
                    break
        return gone

    def _old(self, last: datetime | None, worked: timedelta) -> Horizon | None:
        """What is old by the time that can be believed now; None for a store nothing ever came into."""
        store, inbox, now = self._settings.store, self._inbox, self._clock()
        before = believed_before(store, inbox)
        at = believed(now, last, before, worked)
        if at is None or last is None:
            return None
        retention = retention_of(self._settings)
        remember(store, inbox, max(at, before or at), retention)
        if (behind := min(now, last) - at) > MADE_UP_SOON:
            structlog.get_logger().info("pruning-behind", inbox=inbox, seconds=round(behind.total_seconds()))
        return horizon(retention, at, now)

    def _believe_what_is_there(self) -> None:
        """Before the very first look: messages that come from now on may carry the time of a clock that is wrong."""
        store = self._settings.store
        with suppress(CannotKeep, StoreBroken), prunables(store, None) as every:
            if believed_before(store, self._inbox) is None and (at := newest(every)) is not None:
                remember(store, self._inbox, min(at, self._clock()), retention_of(self._settings))

    def _run(self) -> None:
        wait_s = float(self._settings.housekeeping_s)
        while not self._stopping.wait(wait_s):
            wait_s = LOOK_EVERY_S
            self._look_and_tell()

    def _look_and_tell(self) -> None:
        log = structlog.get_logger()
        begun_s = time.monotonic()
        try:
            gone = self.look(timedelta(seconds=begun_s - self._worked_since_s))
        except (CannotKeep, StoreBroken):
            log.warning("pruning-put-off", inbox=self._inbox)
            return
        except Exception as fault:  # noqa: BLE001 - a bug of ours must not end what messages need
            ALARMS.labels("pruning-failed").inc()
            log.error("pruning-failed", inbox=self._inbox, exception=type(fault).__name__)
            return
        self._worked_since_s = begun_s
        for kind, count in sorted(gone.items()):
            log.info("pruned", inbox=self._inbox, kind=kind, count=count)


def believed_before(store: Path, inbox: str) -> datetime | None:
    """The latest time an earlier look has believed."""
    with suppress(KeyError, TypeError, ValueError):
        return datetime.fromisoformat(_mark(store, inbox)["believed"])
    return None


def remembered_retention(store: Path) -> Retention | None:
    """The days the service of this store has pruned by last; None where it has not."""
    for inbox in INBOXES:
        with suppress(KeyError, TypeError):
            told = _mark(store, inbox)
            return Retention(archive_days=told["archive_days"], read_messages_days=told["read_messages_days"])
    return None


def remember(store: Path, inbox: str, believed_at: datetime, retention: Retention) -> None:
    """Leave the believed time and the days for the next start; without room the next start knows less."""
    told = {
        "believed": believed_at.isoformat(),
        "archive_days": retention.archive_days,
        "read_messages_days": retention.read_messages_days,
    }
    with suppress(OSError):
        replace_object(_place(store, inbox), told)


def _place(store: Path, inbox: str) -> Path:
    return store / f"pruning-{inbox}.json"


def _mark(store: Path, inbox: str) -> dict[str, Any]:
    return read_object(_place(store, inbox)) or {}
