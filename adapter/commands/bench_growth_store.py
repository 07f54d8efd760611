"""A store with many messages and patients, made fast: one understood message, copied under other names.

Copies are committed by the store's own commit, many at once, with their messages in the inbox; only the reading is not
done anew.  The patients whom later messages concern are no copies.
"""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b, sha256
from itertools import islice
from random import Random
from uuid import UUID

from adapter.commands.bench_corridor import INBOX, Corridor
from adapter.commands.bench_feed import result_of
from adapter.domain.message import Work

BATCH = 500
BLOCK = 50_000
"""Patients put in order before they are written."""
Told = Callable[[int], None]
DIGITS = 16


def quietly(_: int) -> None:
    """Nobody waits."""


def name_of(number: int, what: str = "P") -> str:
    """A name of fixed length; in the order of the alphabet neighbours are as far apart as strangers."""
    return blake2b(f"{what}{number}".encode(), digest_size=DIGITS // 2).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One message and the work that was committed for it, to be copied."""

    name: bytes
    message: bytes
    work: bytes
    digest: bytes
    ids: tuple[bytes, ...]
    """Of its resources."""

    def copies(self, numbers: Iterator[int]) -> Iterator[tuple[bytes, Work]]:
        """The same of other patients; everything that is replaced has a fixed length, so the bytes stay readable."""
        for number in numbers:
            name = name_of(number).encode()
            message = self.message.replace(self.name, name)
            work = self.work.replace(self.name, name)
            work = work.replace(self.digest, sha256(message).hexdigest().encode())
            for place, one in enumerate(self.ids):
                copied = UUID(
                    bytes=bytes.fromhex(name.decode()) + blake2b(b"%d" % place, key=name, digest_size=8).digest()
                )
                work = work.replace(one, str(copied).encode())
            yield message, pickle.loads(work)  # noqa: S301 - pickled a moment ago, below


def pattern_of(corridor: Corridor, seed: int) -> Pattern:
    """Keep and understand one message of a new patient, and remember all that came of it."""
    name = name_of(0)
    message = result_of(Random(seed), patient=name, control_id=name)  # noqa: S311 - repeatable, not secret
    corridor.keep([message])
    (done,) = corridor.understand()
    work = done.work
    ids = [change.after.id for change in done.changes]
    ids += [trail["id"] for result in work.results for trail in result.provenance]
    return Pattern(
        name=name.encode(),
        message=message,
        work=pickle.dumps(work),
        digest=sha256(message).hexdigest().encode(),
        ids=tuple(one.encode() for one in ids),
    )


def grow(corridor: Corridor, pattern: Pattern, begin: int, count: int, told: Told = quietly) -> None:
    """Add so many messages of as many new patients, numbered from `begin`; `told` hears of each batch."""
    copies = pattern.copies(_as_they_lie(begin, count))
    with _uncollected():
        while batch := list(islice(copies, BATCH)):
            corridor.keep([message for message, _ in batch])
            corridor.state.commit(_as_one([work for _, work in batch], corridor.inbox.last_seq()))
            told(len(batch))


def _as_they_lie(begin: int, count: int) -> Iterator[int]:
    """Numbers block by block, each in the order of its names: neighbours in the store are then written together."""
    for start in range(begin, begin + count, BLOCK):
        yield from sorted(range(start, min(start + BLOCK, begin + count)), key=name_of)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Nothing made here refers to itself, and to look for that costs a fifth of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _as_one(works: Sequence[Work], seq: int) -> Work:
    """What many messages led to, as the work of the last of them."""
    last = works[-1]
    assert last.message  # noqa: S101 - the work of a message
    return replace(
        last,
        message=replace(last.message, inbox=INBOX, seq=seq),
        events=tuple(event for work in works for event in work.events),
        patients=tuple(record for work in works for record in work.patients),
        results=tuple(result for work in works for result in work.results),
        problems=tuple(problem for work in works for problem in work.problems),
    )
