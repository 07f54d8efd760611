"""Whether the service is ready, and the gauges that are read rather than counted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapter.app.counters import LAG, OUTBOX, OUTBOX_AGE, PARKED
from adapter.app.engine import Engine
from adapter.app.inboxes import Readable
from adapter.settings import Settings
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.sqlite_state import SqliteState

ALIVE_FILE = "intake.alive"
ALIVE_WITHIN_S = 5.0


class Health:
    """Answers `/readyz` and keeps the gauges of `/metrics` fresh."""

    def __init__(self, settings: Settings, state: SqliteState, engine: Engine, inboxes: Sequence[Readable]) -> None:
        self._settings = settings
        self._state = state
        self._engine = engine
        self._inboxes = inboxes
        self._read_with: Mapping[str, Any] | None = None

    def read_with(self, facts: Mapping[str, Any]) -> None:
        """Take note of what the parent says of mappings and policies."""
        self._read_with = facts

    def ready(self) -> dict[str, Any]:
        """`ok` when the store answers, the engine works and the listeners are bound."""
        parts = {"store": self._store_answers(), "engine": self._engine.alive, "intake": self._intake_alive()}
        return {"ok": all(parts.values()), **parts, "read_with": self._read_with}

    def refresh(self) -> None:
        """Read depth and age of what waits."""
        now = datetime.now(UTC)
        for inbox in self._inboxes:
            LAG.labels(inbox.name).set(max(inbox.last_seq() - self._state.cursor(inbox.name), 0))
        reasons = Counter(parked.reason for parked in self._state.parked())
        for reason in (*reasons, "unknown-authority", "unknown-patient"):
            PARKED.labels(reason).set(reasons[reason])
        for target in self._settings.targets:
            counts = self._state.outbox_counts(target.name)
            oldest = self._state.oldest_pending(target.name)
            OUTBOX.labels(target.name).set(counts.get("pending", 0) + counts.get("sent", 0))
            OUTBOX_AGE.labels(target.name).set((now - oldest).total_seconds() if oldest else 0)

    def _store_answers(self) -> bool:
        try:
            self._state.cursor("inbox")
        except (CannotKeep, StoreBroken):
            return False
        return True

    def _intake_alive(self) -> bool:
        if not self._settings.mllp:
            return True
        try:
            touched = (self._settings.store / ALIVE_FILE).stat().st_mtime
        except OSError:
            return False
        return time.time() - touched < ALIVE_WITHIN_S
