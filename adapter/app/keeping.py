"""One inbox behind its group-commit thread, as receiving wants it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from pathlib import Path

from adapter.domain.message import Arrival, Header, Kept
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.store.group_commit import GroupCommit, Request
from adapter.store.imports import Mark
from adapter.store.retention import Line, Portion
from adapter.store.sqlite_inbox import SqliteInbox

MARK_PATIENCE_S = 10.0


def marked_place(mark: Future[int]) -> int:
    """The place of a mark; 0, which is before every message, where it cannot be told in time."""
    try:
        return mark.result(MARK_PATIENCE_S)
    except (CannotKeep, StoreBroken, TimeoutError):
        return 0


class GroupKeeper:
    """The only writer of an inbox file in this process."""

    def __init__(self, path: Path, name: str, on_broken: Callable[[StoreBroken], None]) -> None:
        self.inbox = SqliteInbox(path, name)
        self._commit = GroupCommit(self.inbox, on_broken)

    def submit(self, arrival: Arrival) -> Future[Kept]:
        """Keep one arrival; done when it is on disk."""
        return self._commit.submit(arrival)

    def hand_over(self, request: Request) -> None:
        """Keep the arrival of a request; whoever waits for it is told in another thread."""
        self._commit.hand_over(request)

    def mark(self) -> Future[int]:
        """The newest place when all that was handed over before is kept, and nothing that is handed over after."""
        return self._commit.mark()

    def answered(self, seq: int, code: str) -> None:
        """Remember an answer with the next group."""
        self.inbox.answered([(seq, code)])

    def note_irrelevant(self, header: Header) -> None:
        """Remember a header with the next group."""
        self.inbox.note_irrelevant([header])

    def note_codes(self, sender: str, codes: tuple[tuple[str, str, str], ...], at: datetime) -> None:
        """Count unknown codes with the next group."""
        self.inbox.note_panel(sender, codes, at)

    def prune(self, portion: Portion, line: Line) -> None:
        """Remove a portion when no message waits; raises CannotKeep or StoreBroken."""
        self._commit.when_idle(partial(self.inbox.prune, portion, line)).result()

    def keep_imported(self, batch: Sequence[Arrival], mark: Mark) -> Mark:
        """Keep lines of a file when no message waits; raises CannotKeep or StoreBroken."""
        told: list[Mark] = []
        self._commit.when_idle(lambda: told.append(self.inbox.keep_imported(batch, mark))).result()
        return told[0]

    def close(self) -> None:
        """Keep what was handed over, then close the file."""
        self._commit.close()
        self.inbox.close()
