"""What a store need not keep goes by its age: one look an hour for each inbox, in portions that delay no answer."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from adapter.app.counters import ALARMS, PRUNED
from adapter.app.replay_folder import replay_waits
from adapter.settings import Settings
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.prunable import Prunable
from adapter.store.retention import Horizon, Line, Portion, Retention, believed, horizon
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader
from adapter.store.torn_frames import torn_before

INBOXES = ("inbox", "inbox-core")
STATE_FILE = "state.db"
TORN = "torn"
TORN_BESIDE = "inbox"
"""The inbox whose audit lines tell of torn frames: that of the process that keeps them."""
LOOK_EVERY_S = 3600.0
PAUSE_S = 0.1
"""Between two portions, for whoever else writes."""
Write = Callable[[Portion, Line], None]


def retention_of(settings: Settings) -> Retention:
    """After how many days a site lets go what may go."""
    return Retention(archive_days=settings.archive_days, read_messages_days=settings.read_messages_days)


def awaited_targets(settings: Settings) -> frozenset[str]:
    """Targets whose confirmation is awaited: nothing is ever sent to the others."""
    return frozenset(target.name for target in settings.targets if target.delivery == "on")


@contextmanager
def prunables(store: Path, targets: Collection[str] | None) -> Iterator[Mapping[str, Prunable]]:
    """Both inboxes beside the state, opened for one look; raises CannotKeep or StoreBroken."""
    inboxes = [SqliteInboxReader(store / f"{name}.db", name) for name in INBOXES]
    with closing(SqliteStateReader(store / STATE_FILE)) as state:
        try:
            yield {inbox.name: Prunable(inbox, state, targets) for inbox in inboxes}
        finally:
            for inbox in inboxes:
                inbox.close()


def newest(every: Mapping[str, Prunable]) -> datetime | None:
    """When the last message came, whatever its door."""
    return max((at for prunable in every.values() if (at := prunable.newest())), default=None)


def removable(store: Path, inbox: str, prunable: Prunable, old: Horizon) -> Iterator[Portion]:
    """All that may go beside one inbox, torn frames first."""
    if files := _torn(store, inbox, old):
        yield Portion(kind="torn", places=(), count=len(files), bytes=sum(file.stat().st_size for file in files))
    yield from prunable.portions(old)


def removed(store: Path, inbox: str, prunable: Prunable, old: Horizon, line: Line, write: Write) -> Iterator[Portion]:
    """Remove portion after portion, and give each that is gone; raises CannotKeep or StoreBroken."""
    for portion in removable(store, inbox, prunable, old):
        write(portion, replace(line, older_than=old.read) if portion.kind == "read" and old.read else line)
        if portion.kind == "torn":
            for file in _torn(store, inbox, old):
                file.unlink(missing_ok=True)
        yield portion


def _torn(store: Path, inbox: str, old: Horizon) -> list[Path]:
    return torn_before(store / TORN, old.archive) if inbox == TORN_BESIDE else []


class Pruner:
    """Prunes the inbox of one process, in a thread of its own."""

    def __init__(self, settings: Settings, inbox: str, write: Write, clock: Callable[[], datetime]) -> None:
        """`write` removes a portion when no message waits."""
        self._settings = settings
        self._inbox = inbox
        self._write = write
        self._clock = clock
        self._stopping = threading.Event()
        self._worked_since_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="pruning", daemon=True)

    def start(self) -> None:
        """Look for the first time after a while, then once an hour."""
        self._thread.start()

    def stop(self, patience_s: float) -> None:
        """Finish the portion in hand and end."""
        self._stopping.set()
        self._thread.join(patience_s)

    def look(self, worked: timedelta) -> Counter[str]:
        """Remove what is old now, after so much time of work since the last look; gives counts by kind."""
        gone: Counter[str] = Counter()
        now = self._clock()
        retention = retention_of(self._settings)
        with prunables(self._settings.store, awaited_targets(self._settings)) as every:
            before = believed_before(self._settings.store, self._inbox)
            time_to_prune_by = believed(now, newest(every), before, worked)
            if time_to_prune_by is None:
                return gone
            remember(self._settings.store, self._inbox, max(time_to_prune_by, before or time_to_prune_by), retention)
            old = horizon(retention, time_to_prune_by, now)
            line = Line(at=now, by="service", older_than=old.archive)
            store, inbox = self._settings.store, self._inbox
            if replay_waits(store):
                return gone
            for portion in removed(store, inbox, every[inbox], old, line, self._write):
                gone[portion.kind] += portion.count
                PRUNED.labels(portion.kind).inc(portion.count)
                # What is read again may yet be needed; the next look goes on.
                if self._stopping.wait(PAUSE_S) or replay_waits(store):
                    break
        return gone

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
    place = _place(store, inbox)
    beside = place.with_suffix(".new")
    with suppress(OSError):
        beside.write_text(json.dumps(told), encoding="utf-8")
        beside.replace(place)


def _place(store: Path, inbox: str) -> Path:
    return store / f"pruning-{inbox}.json"


def _mark(store: Path, inbox: str) -> dict[str, Any]:
    try:
        told = json.loads(_place(store, inbox).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
