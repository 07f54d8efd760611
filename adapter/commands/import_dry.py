"""An import on a copy of the state, which is thrown away: what it would come to, line by line."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from adapter.app.destinations import days_on
from adapter.app.inboxes import finder, message_ref, reader
from adapter.app.parts import Loaded, service_parts
from adapter.app.pruning import INBOXES
from adapter.app.replaying import Tally, catch_up
from adapter.commands.import_result import SHOWN, Spot
from adapter.commands.replay_dry import copied
from adapter.commands.store_parts import STATE_FILE
from adapter.domain.message import Arrival
from adapter.pipeline.parts import Parts
from adapter.pipeline.process import process
from adapter.store.imports import Mark
from adapter.store.sqlite_inbox import SqliteInbox, SqliteInboxReader
from adapter.store.sqlite_state import SqliteState

TRIAL_INBOX = "import-trial"


@dataclass(slots=True, kw_only=True)
class NotedRejects:
    """Counts what would be rejected, and keeps the first places."""

    spots: list[Spot] = field(default_factory=list)

    def add(self, number: int, offset: int, reason: str, content: Iterable[bytes]) -> None:  # noqa: ARG002
        """Note where one line stands; its bytes are in its file."""
        if len(self.spots) < SHOWN:
            self.spots.append(Spot(number=str(number), reason=reason, offset=offset))

    def written(self) -> tuple[int, int]:
        """Nothing is written."""
        return 0, 0


@dataclass(slots=True, kw_only=True)
class Trial:
    """Keeps and understands lines in a copy."""

    parts: Parts
    state: SqliteState
    inbox: SqliteInbox
    before: SqliteInboxReader
    """The inbox of the store itself: what was imported before is known."""
    tally: Tally = field(default_factory=Tally)
    waits: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Place in the trial's inbox: (file and line, reason)."""
    known: dict[tuple[str, str], str] = field(default_factory=dict)
    """File and line of contents that were imported before, by source and digest."""
    newer: dict[str, int] = field(default_factory=dict)
    """Resources without a version of which the trial has a newer content than the store."""
    added: int = 0

    def keep(self, arrivals: Sequence[Arrival], mark: Mark) -> Mark:
        """Keep what is new and understand it."""
        new = self._new_of(arrivals, mark.source)
        place = self.inbox.last_seq()
        told = self.inbox.keep_imported(new, mark)
        now = datetime.now(UTC)
        with self.state.together():
            for stored in self.inbox.after(place, len(new)):
                done = process(stored, message_ref(TRIAL_INBOX, stored), self.parts, now)
                self.tally.add(done)
                if done.work.parked:
                    self.waits[stored.seq] = (stored.arrival.file or "", done.work.parked.reason)
                for freed in done.work.resolved:
                    if freed.inbox == TRIAL_INBOX:
                        self.waits.pop(freed.seq, None)
        return replace(told, known=told.known + len(arrivals) - len(new))

    def _new_of(self, arrivals: Sequence[Arrival], source: str) -> list[Arrival]:
        known = self.before.imported(source, arrivals)
        known.newest.update({one.target: self.newer[one.target] for one in arrivals if one.target in self.newer})
        new = []
        for one in arrivals:
            if known.knows(one):
                self.known.setdefault((one.source, one.digest), one.file or "")
            else:
                new.append(one)
                self.added += 1
                known.add(one, -self.added)
                if one.target:
                    self.newer[one.target] = -self.added
        return new

    def waiting(self, name: str) -> tuple[dict[str, int], list[Spot]]:
        """The lines of a file that would wait: by reason, and the first of them."""
        waits = [*self.waits.values(), *self._waited_before()]
        mine = [(file, reason) for file, reason in waits if file.rpartition(":")[0] == name]
        spots = [Spot(number=file.rpartition(":")[2], reason=reason) for file, reason in mine[:SHOWN]]
        return dict(Counter(reason for _, reason in mine)), spots

    def _waited_before(self) -> list[tuple[str, str]]:
        """Known lines that would wait on, and why."""
        parked = [one for one in self.state.parked() if one.message.inbox == self.before.name] if self.known else []
        places = ((self.known.get((one.message.source, one.message.digest)), one.reason) for one in parked)
        return [(place, reason) for place, reason in places if place is not None]


@contextmanager
def trial_of(loaded: Loaded, home: Path) -> Iterator[Trial]:
    """A copy of the state of a store, in a folder that is removed again (OSError: there is no room for it)."""
    store = loaded.settings.store
    inboxes = [SqliteInboxReader(store / f"{name}.db", name) for name in INBOXES]
    with tempfile.TemporaryDirectory(prefix="dry-run-", dir=home) as folder:
        copy = Path(folder) / STATE_FILE
        if (store / STATE_FILE).exists():
            copied(store / STATE_FILE, copy)
        with (
            closing(SqliteState(copy)) as state,
            closing(SqliteInbox(Path(folder) / f"{TRIAL_INBOX}.db", TRIAL_INBOX)) as inbox,
        ):
            first_on = days_on(state, loaded.settings, lambda: datetime.now(UTC).date())
            parts = service_parts(loaded, state, reader([*inboxes, inbox]), first_on, finder([*inboxes, inbox]))
            catch_up(state.checks_due, parts, datetime.now(UTC))
            yield Trial(parts=parts, state=state, inbox=inbox, before=inboxes[-1])
    for one in inboxes:
        one.close()
