"""What `troughline status` looks at: the store beside the service, and what the service says of itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from adapter.app.running import read_running
from adapter.commands.check_store import lock_holder
from adapter.commands.store_parts import StoreParts
from adapter.settings import Settings
from adapter.store.folder import LOCK_NAME
from adapter.store.polls import FILE as POLLS_FILE
from adapter.store.polls import PollsReader
from adapter.store.prunable import prunes
from adapter.store.retention import Prune
from adapter.store.sqlite_inbox import SqliteInboxReader

ANSWER_LIMIT_S = 5.0
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """One inbox and how far it was understood."""

    name: str
    kept: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What one target still has to get, as the ledger counts it."""

    name: str
    delivery: str | None
    """`shadow` or `on`; None where no configuration was named."""
    counts: Mapping[str, int]
    """By state of the ledger."""
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything one look has found."""

    at: datetime
    store: Path
    process: int | None
    """None when no service runs on the store."""
    since: datetime | None
    ready: Mapping[str, Any] | None
    """Body of `/readyz`; None when the service was not asked or did not answer."""
    listeners: Mapping[str, str]
    inboxes: tuple[Inbox, ...]
    parked: Mapping[str, int]
    """Messages of the work list by reason."""
    targets: tuple[Waiting, ...]
    polled: Mapping[str, datetime] = field(default_factory=dict)
    """When each polled source was last polled whole."""
    pruned: Prune | None = None
    """The last prune that removed something, of any file."""
    metrics: Mapping[str, Mapping[Labels, float]] = field(default_factory=dict)
    """Values of `/metrics` by name and labels; empty when they could not be read."""

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric over all series with these labels."""
        wanted = set(labels.items())
        return sum(value for series, value in self.metrics.get(name, {}).items() if wanted <= set(series))

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """A metric by one label, over all series with these other labels."""
        found: dict[str, float] = {}
        wanted = set(labels.items())
        for series, value in self.metrics.get(name, {}).items():
            if wanted <= set(series) and label in dict(series):
                found[dict(series)[label]] = found.get(dict(series)[label], 0.0) + value
        return found


def looked(parts: StoreParts, settings: Settings | None) -> Status:
    """One look; a service that does not answer is told as one. Raises CannotKeep or StoreBroken."""
    process = lock_holder(parts.folder)
    running = read_running(parts.folder) if process is not None else None
    door = _door((running or {}).get("http"), settings)
    return Status(
        at=datetime.now(UTC),
        store=parts.folder,
        process=process,
        since=_since(parts.folder) if process is not None else None,
        ready=_ready(door),
        listeners=(running or {}).get("listeners", {}),
        inboxes=tuple(_inbox(parts, inbox) for inbox in parts.inboxes),
        parked=parts.state.parked_by_reason(),
        targets=tuple(_waiting(parts, name, settings) for name in parts.state.targets()),
        polled=_polled(parts.folder),
        pruned=max((line for one in parts.pruned for line in prunes(one, 1)), key=_when, default=None),
        metrics=_metrics(door),
    )


def _polled(folder: Path) -> dict[str, datetime]:
    reader = PollsReader(folder / POLLS_FILE)
    try:
        return reader.last_complete()
    finally:
        reader.close()


def _when(prune: Prune) -> datetime:
    return prune.line.at


def _inbox(parts: StoreParts, inbox: SqliteInboxReader) -> Inbox:
    kept = inbox.last_seq()
    return Inbox(name=inbox.name, kept=kept, waiting=max(kept - parts.state.cursor(inbox.name), 0))


def _waiting(parts: StoreParts, name: str, settings: Settings | None) -> Waiting:
    configured = [target.delivery for target in settings.targets if target.name == name] if settings else []
    counts, left_out = parts.state.undelivered(name), parts.state.left_out(name)
    return Waiting(
        name=name,
        delivery=configured[0] if configured else None,
        counts={**counts, "confirmed": counts.get("confirmed", 0) - left_out, "left_out": left_out},
        oldest=parts.state.oldest_pending(name),
    )


def _since(folder: Path) -> datetime | None:
    """When the service took the lock."""
    try:
        return datetime.fromtimestamp((folder / LOCK_NAME).stat().st_mtime, UTC)
    except OSError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How the HTTP door of the service is asked."""

    url: str
    token: str | None
    trusted: str | bool
    """The certificate it shows, where it shows one."""


def _door(address: str | None, settings: Settings | None) -> Door | None:
    if address is None:
        return None
    certificate = settings.http.tls_certificate if settings else None
    return Door(
        url=f"{'https' if certificate else 'http'}://{address}",
        token=settings.http.token() if settings else None,
        trusted=str(certificate) if certificate else True,
    )


def _ready(door: Door | None) -> dict[str, Any] | None:
    answer = _asked(door, "/readyz")
    try:
        told = answer.json() if answer is not None else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _metrics(door: Door | None) -> dict[str, dict[Labels, float]]:
    answer = _asked(door, "/metrics")
    if answer is None or not answer.ok:
        return {}
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def _asked(door: Door | None, path: str) -> requests.Response | None:
    if door is None:
        return None
    headers = {"Authorization": f"Bearer {door.token}"} if door.token else {}
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(f"{door.url}{path}", headers=headers, timeout=ANSWER_LIMIT_S, verify=door.trusted)
        except requests.RequestException:
            return None


def seconds_between(earlier: Status, later: Status) -> float:
    """Seconds between two looks, never zero."""
    return max((later.at - earlier.at).total_seconds(), 0.001)


def age_s(at: float) -> float:
    """Seconds since an instant in seconds since 1970."""
    return max(time.time() - at, 0.0)
