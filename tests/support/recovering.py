"""A store folder after a crash, recovered by our own parts in this process: what it holds and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from running_service import DEMO
from sqlalchemy import text

from adapter.app.inboxes import message_ref, reader
from adapter.app.parts import Instructions, Loaded, read_everything, rules_at, zone_of
from adapter.domain.message import Stored
from adapter.fhir import Canonical
from adapter.pipeline.parts import Parts
from adapter.pipeline.process import process
from adapter.store.memory import MemoryState
from adapter.store.sqlite_inbox import SqliteInbox
from adapter.store.sqlite_state import SqliteState

INBOXES = ("inbox", "inbox-core")
NOW = datetime.now(UTC)
"""As far from the invented days of the hospital as the service that wrote the store."""
EVERYTHING = 10**9


def load() -> Loaded:
    """What `troughline serve` of the tests works with."""
    instructions = Instructions(mappings=(str(DEMO),), mllp="127.0.0.1:0", http="127.0.0.1:0")
    loaded, faults = read_everything(instructions, thorough=False)
    assert loaded, faults
    return loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a store holds when it is opened after a crash."""

    intact: bool
    """Every file passed SQLite's integrity check, and no cursor stands beyond the end of its inbox."""
    kept: dict[str, list[Stored]]
    """Inbox name -> messages in order."""
    unread: int
    """Messages the state did not have yet."""


def found_in(store: Path) -> Found:
    """Open every file as the service does, and check it."""
    with _inboxes(store) as inboxes, _state(store) as state:
        files = [state._database, *(inbox._database for inbox in inboxes)]
        sound = all(_integrity(database) == "ok" for database in files)
        kept = {inbox.name: inbox.after(0, EVERYTHING) for inbox in inboxes}
        ahead = [len(rows) - state.cursor(name) for name, rows in kept.items()]
        return Found(intact=sound and min(ahead) >= 0, kept=kept, unread=sum(ahead))


def results_after(store: Path, loaded: Loaded) -> dict[str, Any]:
    """What comes of the store when it is read on from where its state stood."""
    with _inboxes(store) as inboxes, _state(store) as state:
        read_on(state, {inbox.name: inbox.after(0, EVERYTHING) for inbox in inboxes}, loaded, reader(inboxes))
        return results_of(state)


def rebuilt(kept: dict[str, list[Stored]], loaded: Loaded) -> dict[str, Any]:
    """What must come of these messages, worked out from nothing."""
    state = MemoryState()
    by_name = {name: {row.seq: row for row in rows} for name, rows in kept.items()}
    read_on(state, kept, loaded, lambda ref: by_name[ref.inbox][ref.seq])
    return results_of(state)


def read_on(state: Any, kept: dict[str, list[Stored]], loaded: Loaded, read: Any) -> None:
    """Process what the state does not have yet."""
    settings = loaded.settings
    parts = Parts(
        state=state,
        knowledge=loaded.knowledge,
        rulebook=loaded.rulebook,
        canonical=Canonical(base=settings.canonical_base),
        rules_at=rules_at(settings),
        zone_of=zone_of(settings),
        read=read,
    )
    for name, rows in kept.items():
        begin = state.cursor(name)
        for stored in rows[begin:]:
            process(stored, message_ref(name, stored), parts, NOW)


def results_of(state: Any) -> dict[str, Any]:
    """Patient -> findings, and kind, topic and grounds of what is open: an effect had twice would stand twice."""
    return {patient: (state.findings(patient), _standing(state, patient)) for patient in state.all_patients()}


def _standing(state: Any, patient: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Without notices of what was once said otherwise, and without ids: who opened a Flag depends on the order."""
    rows = state.recall(patient).written
    return sorted(
        (r.kind, r.topic or "", r.grounds) for r in rows if r.state == "open" and r.topic != "conclusion-reversed"
    )


def _integrity(database: Any) -> str:
    with database.read() as connection:
        return str(connection.execute(text("PRAGMA integrity_check")).scalar_one())


@contextmanager
def _inboxes(store: Path) -> Iterator[list[SqliteInbox]]:
    opened = [SqliteInbox(store / f"{name}.db", name) for name in INBOXES]
    try:
        yield opened
    finally:
        for inbox in opened:
            inbox.close()


@contextmanager
def _state(store: Path) -> Iterator[SqliteState]:
    state = SqliteState(store / "state.db")
    try:
        yield state
    finally:
        state.close()
