"""Resources a target would not take and a person wants sent again: requests as files of the store, kept as audit lines.

What is sent again is written down before it is owed, so that a process that ends in between finishes what it began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from adapter.app.asking import Requests
from adapter.domain.times import instant_text
from adapter.store.state_parked_deliveries import Delivered

FOLDER = "retries"
EDITED = "somebody edited it on the target: what a person wrote is not overwritten"
DELETED = "somebody deleted it on the target: it is not brought back"


class Ledger(Protocol):
    """What sending again needs of the state."""

    def parked_deliveries(self, target: str | None = None) -> list[Delivered]:
        """Everything targets would not take."""

    def owe_again(self, places: Sequence[tuple[str, str, str]]) -> int:
        """Owe these resources (target, type, id) again."""

    def together(self) -> AbstractContextManager[None]:
        """What is read and written inside is one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Which resources shall be sent again, who wants it, and why."""

    id: str
    asked_at: str
    by: str
    because: str
    target: str | None = None
    reason: str | None = None
    """A whole reason, or the status before its colon."""
    key: str | None = None
    """`Flag/<id>`, or the id alone."""
    decided: tuple[tuple[str, str, str], ...] | None = None
    """Those that are owed again, when its turn came; None before that."""
    refused: tuple[tuple[str, str, str], ...] = ()
    """(target, `Type/id`, why) of what stays as it is."""

    def fits(self, one: Delivered) -> bool:
        """Whether a parked resource is meant."""
        return (
            self.target in (None, one.target)
            and (self.reason is None or is_named(one.reason, self.reason))
            and self.key in (None, one.key, one.id)
        )


def is_named(reason: str | None, asked: str) -> bool:
    """Whether a reason is the one asked for: `422`, `422: ...`, `deleted-on-target`."""
    return reason is not None and (reason == asked or asked in reason.split(": "))


def why_not(one: Delivered) -> str | None:
    """Why a parked resource is not sent again; None when it may be."""
    if not one.of_a_person:
        return None
    return EDITED if one.reason == "foreign-edit" else DELETED


def ask_to_retry(store: Path, retry: Retry) -> Path:
    """Put a request into the store; gives where its result will stand (OSError: it cannot be written)."""
    return _note(Requests(folder=store / FOLDER), retry)


def _note(requests: Requests, retry: Retry) -> Path:
    return requests.ask(retry.id, asdict(retry))


class Retries:
    """Looks for requests, owes their resources again, and writes down that it did."""

    def __init__(self, store: Path, ledger: Ledger, clock: Callable[[], datetime], wake: Callable[[], None]) -> None:
        """`wake` is called when something is owed again."""
        self._requests = Requests(folder=store / FOLDER)
        self._ledger = ledger
        self._clock = clock
        self._wake = wake

    def look(self) -> None:
        """Do every request that is there; after CannotKeep or StoreBroken, which it raises, the next look does it."""
        self._requests.do_each(_read, self._do, unwritten="retry-not-written")

    def _do(self, retry: Retry) -> None:
        with self._ledger.together():
            if retry.decided is None:
                retry = self._decided(retry)
                _note(self._requests, retry)
            decided = retry.decided or ()
            self._ledger.owe_again(decided)
        self._end(retry, decided)
        if decided:
            self._wake()

    def _decided(self, retry: Retry) -> Retry:
        meant = [one for one in self._ledger.parked_deliveries(retry.target) if retry.fits(one)]
        return replace(
            retry,
            decided=tuple((one.target, one.resource_type, one.id) for one in meant if not one.of_a_person),
            refused=tuple((one.target, one.key, why) for one in meant if (why := why_not(one))),
        )

    def _end(self, retry: Retry, decided: Sequence[tuple[str, str, str]]) -> None:
        done = {
            "id": retry.id,
            "asked_at": retry.asked_at,
            "by": retry.by,
            "because": retry.because,
            "done_at": instant_text(self._clock()),
            "retried": [[target, f"{kind}/{own}"] for target, kind, own in decided],
            "refused": [list(one) for one in retry.refused],
        }
        self._requests.answer(retry.id, done)


def _read(told: Mapping[str, Any]) -> Retry:
    decided = told["decided"]
    return Retry(
        id=told["id"],
        asked_at=told["asked_at"],
        by=told["by"],
        because=told["because"],
        target=told["target"],
        reason=told["reason"],
        key=told["key"],
        decided=None if decided is None else tuple((one[0], one[1], one[2]) for one in decided),
        refused=tuple((one[0], one[1], one[2]) for one in told["refused"]),
    )
