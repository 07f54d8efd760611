"""An inbox that lives as long as its process: what `play` and tests use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from threading import RLock

from adapter.domain.message import Arrival, Header, Kept, Stored
from adapter.store.census import CodeSeen, add_up
from adapter.store.notes import Notebook
from adapter.store.placing import Earlier, place, place_of


class MemoryInbox:
    """The same promises as an inbox file, except surviving the process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = RLock()
        self._notebook = Notebook()
        self._messages: list[Stored] = []
        self._by_place: dict[tuple[str, str], list[Stored]] = {}
        self._answers: dict[int, str] = {}
        self._headers: list[Header] = []
        self._census: dict[tuple[str, str, str], CodeSeen] = {}

    def keep(self, batch: Sequence[Arrival]) -> list[Kept]:
        """Store a batch; repeats of accepted messages store nothing."""
        with self._lock:
            self.flush()
            kept, new = place(batch, self._earlier(batch), len(self._messages))
            self._messages.extend(new)
            for stored in new:
                if stored.arrival.kind == "hl7v2":
                    self._by_place.setdefault(place_of(stored.arrival), []).append(stored)
            return kept

    def flush(self) -> bool:
        """Take over what rides along; nothing is left then."""
        with self._lock:
            notes = self._notebook.take()
            self._answers.update(notes.answers)
            self._headers.extend(notes.headers)
            add_up(notes.codes.values(), self._census)
        return False

    def answered(self, rows: Sequence[tuple[int, str]]) -> None:
        """Note (place, answer code)."""
        self._notebook.answered(rows)

    def note_irrelevant(self, headers: Sequence[Header]) -> None:
        """Note headers of irrelevant messages."""
        self._notebook.irrelevant(headers)

    def note_codes(self, rows: Sequence[CodeSeen]) -> None:
        """Note codes for the census."""
        self._notebook.codes(rows)

    def note_panel(self, sender: str, codes: tuple[tuple[str, str, str], ...], at: datetime) -> None:
        """Note the unknown codes of one message."""
        self._notebook.panel(sender, codes, at)

    def after(self, seq: int, limit: int) -> list[Stored]:
        """At most `limit` messages behind a place, in order."""
        with self._lock:
            return self._messages[max(seq, 0) : max(seq, 0) + limit]

    def get(self, seq: int) -> Stored:
        """The message at a place; raises KeyError when there is none."""
        with self._lock:
            if not 1 <= seq <= len(self._messages):
                raise KeyError(seq)
            return self._messages[seq - 1]

    def with_contents(self, source: str, digests: Sequence[str]) -> list[Stored]:
        """The FHIR messages of a source with these digests, each content once, in order."""
        wanted = set(digests)
        with self._lock:
            found = [s for s in self._messages if s.arrival.digest in wanted and s.arrival.source == source]
        return list({s.arrival.digest: s for s in reversed(found) if s.arrival.kind == "fhir"}.values())[::-1]

    def last_seq(self) -> int:
        """The newest place, 0 when nothing was kept yet."""
        with self._lock:
            return len(self._messages)

    def census(self) -> list[CodeSeen]:
        """Codes that no table knows, most frequent first; without what still waits to be taken over."""
        with self._lock:
            return sorted(self._census.values(), key=lambda row: (-row.count, *row.place))

    def irrelevant(self, limit: int) -> list[Header]:
        """The newest headers of irrelevant messages, newest first."""
        with self._lock:
            return self._headers[::-1][:limit]

    def close(self) -> None:
        """Take over what rides along."""
        self.flush()

    def _earlier(self, batch: Sequence[Arrival]) -> dict[tuple[str, str], list[Earlier]]:
        return {
            key: [
                Earlier(
                    seq=s.seq,
                    digest=s.arrival.digest,
                    answer=self._answers.get(s.seq),
                    relevance=s.arrival.relevance,
                )
                for s in self._by_place[key]
            ]
            for key in {place_of(arrival) for arrival in batch}
            if key in self._by_place
        }
