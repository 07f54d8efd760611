"""Which answers to another address may go now: old ones that were told; an untold one never does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from adapter.store.answers_told import told_to
from adapter.store.inbox_pruning import Candidate
from adapter.store.owed_answers import FILE, OwedAnswersReader
from adapter.store.prunable import portions_of
from adapter.store.retention import Horizon, Portion, older


class ToldAnswers:
    """The file of answers and the notes beside it, also those of ports that are not configured any more."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._owed = OwedAnswersReader(store / FILE)

    def newest(self) -> datetime | None:
        """Answers follow messages, so they tell nothing of when the last message came."""
        return None

    def portions(self, horizon: Horizon) -> Iterator[Portion]:
        """All that may go, port after port, without the newest row: its id would be given a second time."""
        newest = self._owed.last_id()
        for listener in self._owed.listeners():
            told = told_to(self._store, listener)
            # A note beyond the newest row belongs to another file, so what of this one was told is not known.
            if told <= newest:
                yield from portions_of("answers", self._old(listener, min(told, newest - 1), horizon))

    def close(self) -> None:
        """Close every connection."""
        self._owed.close()

    def _old(self, listener: str, last: int, horizon: Horizon) -> Iterator[Candidate]:
        return older(takewhile(lambda row: row.place <= last, self._rows(listener)), horizon.archive, horizon.now)

    def _rows(self, listener: str) -> Iterator[Candidate]:
        """Each page is a short look of its own, as for the inboxes."""
        place = 0
        while rows := self._owed.sizes_behind(listener, place):
            yield from rows
            place = rows[-1].place
