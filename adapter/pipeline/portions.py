"""The messages of one frame in portions: a frame of a million messages is neither taken apart nor answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from adapter.ingest.hl7v2 import split_messages
from adapter.ingest.hl7v2.batch import is_single
from adapter.ingest.hl7v2.heads import BOM, heads

MESSAGES_BETWEEN_TURNS = 50
"""Messages of one frame handled before everybody else has a turn."""

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Some messages of a frame, in order."""

    messages: tuple[bytes, ...]
    several: bool
    """Whether the frame holds more than one message."""
    last: bool


async def portions(raw: bytes, most: int, executor: Executor) -> AsyncIterator[Portion]:
    """What `split_messages` gives, at most `most` (two or more) at a time, each portion cut when it is asked for."""
    if is_single(raw):
        yield Portion(messages=(raw,), several=False, last=True)
        return
    loop = asyncio.get_running_loop()
    pieces = _pieces(raw, most)
    # Not on the loop: a long frame has to be looked through, and one of two bytes a character is taken apart whole.
    piece = await loop.run_in_executor(executor, next, pieces, None)
    several = False
    while piece is not None:
        following = await loop.run_in_executor(executor, next, pieces, None)
        for start in range(0, len(piece), most):
            messages = tuple(piece[start : start + most])
            several = several or following is not None or len(piece) > 1
            last = following is None and start + most >= len(piece)
            yield Portion(messages=messages, several=several, last=last)
        piece = following


async def in_turns(things: Iterable[Thing]) -> AsyncIterator[Thing]:
    """What belongs to the messages of a frame, one by one; now and then the loop turns in between."""
    for number, thing in enumerate(things):
        if number and number % MESSAGES_BETWEEN_TURNS == 0:
            await asyncio.sleep(0)
        yield thing


def _pieces(raw: bytes, most: int) -> Iterator[list[bytes]]:
    starts = (start for name, start in heads(raw) if name == b"MSH")
    next(starts, None)
    begin, known = 0, list[int]()
    while True:
        known += islice(starts, most + 1 - len(known))
        if len(known) <= most:
            # A message left alone at the end would keep the bytes behind it: it goes with those before it.
            yield split_messages(_marked(raw, begin, len(raw)))
            return
        yield split_messages(_marked(raw, begin, known[most - 1]))
        begin, known = known[most - 1], known[most:]


def _marked(raw: bytes, begin: int, end: int) -> bytes:
    """A part of the frame; a byte-order mark speaks for all of it."""
    part = raw[begin:end]
    return BOM + part if begin and raw.startswith(BOM) else part
