"""What rides along with the next transaction of an inbox: answers given, headers of irrelevant messages, the census."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from adapter.domain.message import Header
from adapter.store.census import CodeSeen, add_up

HEADERS_WAITING_LIMIT = 100_000
"""Headers held in memory while nothing can be written; the oldest go first."""
CODES_WAITING_LIMIT = 10_000
"""Distinct codes held in memory until the next transaction; further new ones are not counted."""


@dataclass(slots=True)
class Notes:
    """One handful of notes, owned by whoever took it."""

    answers: dict[int, str] = field(default_factory=dict)
    headers: deque[Header] = field(default_factory=lambda: deque(maxlen=HEADERS_WAITING_LIMIT))
    codes: dict[tuple[str, str, str], CodeSeen] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.answers or self.headers or self.codes)


class Notebook:
    """Collects notes from any thread; they leave in one hand-over and come back when they could not be written."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._notes = Notes()

    def answered(self, rows: Iterable[tuple[int, str]]) -> None:
        """Note the answer codes given to kept messages."""
        with self._lock:
            self._notes.answers.update(rows)

    def irrelevant(self, headers: Iterable[Header]) -> None:
        """Note headers of irrelevant messages."""
        with self._lock:
            self._notes.headers.extend(headers)

    def codes(self, rows: Iterable[CodeSeen]) -> None:
        """Note codes that no table knows."""
        with self._lock:
            known = self._notes.codes
            add_up((r for r in rows if r.place in known or len(known) < CODES_WAITING_LIMIT), known)

    def take(self) -> Notes:
        """Hand over everything noted so far."""
        with self._lock:
            taken, self._notes = self._notes, Notes()
        return taken

    def give_back(self, notes: Notes) -> None:
        """Put notes that could not be written before those noted since."""
        with self._lock:
            since, self._notes = self._notes, notes
            notes.answers.update(since.answers)
            notes.headers.extend(since.headers)
            add_up(since.codes.values(), notes.codes)
