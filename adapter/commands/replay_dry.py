"""A replay on a copy of the state: exactly what would change, and nothing changes."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapter.app.destinations import days_on
from adapter.app.inboxes import finder, reader
from adapter.app.parts import Loaded, service_parts
from adapter.app.replay_folder import FOLDER
from adapter.app.replaying import Tally, catch_up
from adapter.commands.finding_changes import Finding, FindingChange, verdict_changes
from adapter.commands.store_parts import STATE_FILE, CannotRead, StoreParts
from adapter.domain.message import MessageRef
from adapter.pipeline.process import Processed, reread
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.folder import FOLDER_MODE
from adapter.store.sqlite_state import SqliteState

SAY_EVERY = 200


@dataclass(slots=True, kw_only=True)
class Trial:
    """What reading messages again would do."""

    tally: Tally = field(default_factory=Tally)
    facts: list[tuple[MessageRef, str, str]] = field(default_factory=list)
    """(message, `new` or `gone`, kind of fact)"""
    waits: list[tuple[MessageRef, str]] = field(default_factory=list)
    """Messages that would still wait, and why."""
    resources: list[tuple[str, str]] = field(default_factory=list)
    """(operation, `Type/id`)"""
    findings: list[FindingChange] = field(default_factory=list)

    def add(self, message: MessageRef, done: Processed) -> None:
        """Take note of one message."""
        self.tally.add(done)
        self.facts += [(message, "new", type(row.event).__name__) for row in done.work.events]
        self.facts += [(message, "gone", type(row.event).__name__) for row in done.work.superseded]
        if done.work.parked:
            self.waits.append((message, done.work.parked.reason))
        self.resources += [(change.operation, change.reference) for change in done.changes]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "schema": 1,
            "dry_run": True,
            "messages": self.tally.messages,
            "changed": self.tally.changed,
            "waiting": [{**_place(message), "reason": reason} for message, reason in self.waits],
            "facts": [{**_place(message), "is": what, "fact": kind} for message, what, kind in self.facts],
            "findings": [change.as_dict() for change in self.findings],
            "resources": [{"operation": operation, "resource": name} for operation, name in self.resources],
        }


def tried(loaded: Loaded, store: StoreParts, messages: Sequence[MessageRef]) -> Trial:
    """Read messages again in a copy of the state, which is thrown away (OSError, CannotRead: no room for it)."""
    home = store.folder / FOLDER
    home.mkdir(mode=FOLDER_MODE, exist_ok=True)
    trial = Trial()
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="dry-run-", dir=home) as folder, _faults_of_the_copy(home):
        copy = Path(folder) / STATE_FILE
        copied(store.folder / STATE_FILE, copy)
        with closing(SqliteState(copy)) as state:
            parts = service_parts(
                loaded, state, reader(store.inboxes), days_on(state, loaded.settings, now.date), finder(store.inboxes)
            )
            late = catch_up(state.checks_due, parts, now)
            before = {patient: _findings(state, patient) for patient in late}
            touched: dict[str, None] = {}
            for number, message in enumerate(messages, start=1):
                done = reread(message, parts, now)
                trial.add(message, done)
                touched.update(dict.fromkeys(result.patient for result in done.work.results))
                if number % SAY_EVERY == 0:
                    print(f"{number} of {len(messages)} messages read again", file=sys.stderr)
            for patient in touched:
                old = before.get(patient) or store.state.findings_of(patient)
                trial.findings += verdict_changes(patient, old, _findings(state, patient))
    return trial


@contextmanager
def _faults_of_the_copy(home: Path) -> Iterator[None]:
    """A copy that cannot be written is no fault of the store, and must not be told as one."""
    try:
        yield
    except (CannotKeep, StoreBroken, sqlite3.Error) as fault:
        name = getattr(fault, "sqlite_errorname", None) or str(fault).rpartition("(")[2].rstrip(").")
        text = (
            f"The dry run works on a copy of the state in {home}, and there it broke off ({name}): is there room for "
            "the copy? Nothing was changed; `troughline check` tells whether the store itself is whole."
        )
        raise CannotRead(text) from None


def _findings(state: SqliteState, patient: str) -> list[Finding]:
    return [finding for part in state.findings(patient) for finding in part]


def copied(state: Path, copy: Path) -> None:
    """The state as it stands at one instant, also while the service writes."""
    source = f"{state.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(source, uri=True)) as original, closing(sqlite3.connect(copy)) as other:
        original.backup(other)


def _place(message: MessageRef) -> dict[str, Any]:
    return {"inbox": message.inbox, "seq": message.seq, "control_id": message.control_id}
