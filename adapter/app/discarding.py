"""Messages that leave the work list without effect: requests as files of the store, which stay as audit lines.

What is discarded is written down before it happens, so that a process that ends in between finishes what it began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from adapter.app.asking import Requests
from adapter.domain.message import MessageRef, Parked, Work
from adapter.domain.times import instant_text

FOLDER = "discards"


class WorkList(Protocol):
    """What discarding needs of the state."""

    def parked(self) -> list[Parked]:
        """Every message that waits."""

    def commit(self, work: Work) -> bool:
        """Write one step in one transaction."""

    def together(self) -> AbstractContextManager[None]:
        """What is read and written inside is one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """Which messages shall leave the work list, who wants it, and why."""

    id: str
    asked_at: str
    by: str
    because: str
    messages: tuple[MessageRef, ...]
    decided: tuple[MessageRef, ...] | None = None
    """Those of them that waited when their turn came; None before that."""


def ask_to_discard(store: Path, discard: Discard) -> Path:
    """Put a request into the store; gives where its result will stand (OSError: it cannot be written)."""
    return _note(Requests(folder=store / FOLDER), discard)


def _note(requests: Requests, discard: Discard) -> Path:
    return requests.ask(discard.id, asdict(discard))


class Discards:
    """Looks for requests, takes their messages out of the work list, and writes down that it did."""

    def __init__(self, store: Path, state: WorkList, clock: Callable[[], datetime]) -> None:
        self._requests = Requests(folder=store / FOLDER)
        self._state = state
        self._clock = clock

    def look(self) -> None:
        """Do every request that is there; after CannotKeep or StoreBroken, which it raises, the next look does it."""
        self._requests.do_each(_read, self._do, unwritten="discard-not-written")

    def _do(self, discard: Discard) -> None:
        with self._state.together():  # else a message could be read between the look and the discard
            if discard.decided is None:
                waiting = {parked.message for parked in self._state.parked()}
                discard = replace(discard, decided=tuple(one for one in discard.messages if one in waiting))
                _note(self._requests, discard)
            decided = discard.decided or ()
            if decided:
                self._state.commit(Work(at=self._clock(), resolved=decided))
        self._end(discard, decided)

    def _end(self, discard: Discard, decided: Sequence[MessageRef]) -> None:
        done = {
            "id": discard.id,
            "asked_at": discard.asked_at,
            "by": discard.by,
            "because": discard.because,
            "done_at": instant_text(self._clock()),
            "discarded": [[one.inbox, one.seq] for one in decided],
            "not_waiting": [[one.inbox, one.seq] for one in discard.messages if one not in decided],
        }
        self._requests.answer(discard.id, done)


def _read(told: Mapping[str, Any]) -> Discard:
    decided = told["decided"]
    return Discard(
        id=told["id"],
        asked_at=told["asked_at"],
        by=told["by"],
        because=told["because"],
        messages=tuple(MessageRef(**one) for one in told["messages"]),
        decided=None if decided is None else tuple(MessageRef(**one) for one in decided),
    )
