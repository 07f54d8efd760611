"""What rides along with the next transaction of an inbox: answers given, headers of irrelevant messages, the census."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from adapter.domain.message import Header
from adapter.store.census import CODE_TEXT_LIMIT_CHARS, CodeSeen, add_up

HEADERS_WAITING_LIMIT = 100_000
"""Headers held in memory while nothing can be written; the oldest go first."""
PANELS_WAITING_LIMIT = 10_000
"""Distinct sets of codes held in memory until the next transaction; further new ones are not counted."""
CODES_WAITING_LIMIT = 10_000
"""Distinct codes held in memory until the next transaction; further new ones are not counted."""


Place = tuple[str, str, str]
"""Sender, system and code: what a row of the census is of."""

Panel = tuple[str, tuple[tuple[str, str, str], ...]]
"""Sender, and the (system, code, text) of one message."""


@dataclass(slots=True)
class Often:
    """How often a panel came, since when, and until when."""

    first: datetime
    last: datetime
    count: int = 1


@dataclass(slots=True)
class Notes:
    """One handful of notes, owned by whoever took it."""

    answers: dict[int, str] = field(default_factory=dict)
    headers: deque[Header] = field(default_factory=lambda: deque(maxlen=HEADERS_WAITING_LIMIT))
    codes: dict[tuple[str, str, str], CodeSeen] = field(default_factory=dict)
    panels: dict[Panel, Often] = field(default_factory=dict)
    """Codes that came together, as senders repeat them; they become `codes` when the notes are taken."""

    def __bool__(self) -> bool:
        return bool(self.answers or self.headers or self.codes or self.panels)


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

    def panel(self, sender: str, codes: tuple[tuple[str, str, str], ...], at: datetime) -> None:
        """Note the unknown codes of one message; the same ones of the same sender cost next to nothing."""
        with self._lock:
            known = self._notes.panels.get((sender, codes))
            if known is None:
                if len(self._notes.panels) < PANELS_WAITING_LIMIT:
                    self._notes.panels[sender, codes] = Often(first=at, last=at)
                return
            known.count += 1
            known.first, known.last = min(known.first, at), max(known.last, at)

    def take(self, *, everything: bool = True, headers: int = HEADERS_WAITING_LIMIT) -> Notes:
        """Hand over everything noted so far; or only the answers; or no more than so many headers, the census last."""
        with self._lock:
            if not everything:
                taken = Notes(answers=self._notes.answers)
                self._notes.answers = {}
                return taken
            taken, self._notes = self._notes, Notes()
            if len(taken.headers) > headers:
                portion = deque((taken.headers.popleft() for _ in range(headers)), HEADERS_WAITING_LIMIT)
                taken, self._notes = Notes(answers=taken.answers, headers=portion), taken
                self._notes.answers = {}
        add_up(_by_code(taken.panels, taken.codes), taken.codes)
        taken.panels.clear()
        return taken

    def give_back(self, notes: Notes) -> None:
        """Put notes that could not be written before those noted since."""
        with self._lock:
            since, self._notes = self._notes, notes
            notes.answers.update(since.answers)
            notes.headers.extend(since.headers)
            add_up(since.codes.values(), notes.codes)
            notes.panels = since.panels  # what was taken has none left


@dataclass(slots=True)
class _Tally:
    text: str
    first: datetime
    last: datetime
    count: int

    def add(self, text: str, often: Often) -> None:
        self.count += often.count
        if often.last >= self.last:
            self.text, self.last = text, often.last
        self.first = min(self.first, often.first)


def _by_code(panels: dict[Panel, Often], known: Collection[Place]) -> list[CodeSeen]:
    """What came together as rows of the census, one for each code; with the known ones no more than may wait."""
    tallies: dict[Place, _Tally] = {}
    room = CODES_WAITING_LIMIT - len(known)
    for (sender, codes), often in panels.items():
        for system, code, text in codes:
            place = (sender, system, code)
            tally = tallies.get(place)
            if tally is not None:
                tally.add(text, often)
            elif place in known or room > 0:
                tallies[place] = _Tally(text, often.first, often.last, often.count)
                room -= place not in known
    return [
        CodeSeen(
            sender=sender,
            system=system,
            code=code,
            text=tally.text[:CODE_TEXT_LIMIT_CHARS],
            count=tally.count,
            first=tally.first,
            last=tally.last,
        )
        for (sender, system, code), tally in tallies.items()
    ]
