"""The messages of one frame in portions: a frame of a million messages is not taken apart before others have a turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import Executor
from itertools import islice
from typing import TypeVar

from adapter.ingest.hl7v2 import split_messages
from adapter.ingest.hl7v2.batch import is_single
from adapter.ingest.hl7v2.heads import BOM, heads

MESSAGES_CUT_AT_ONCE = 1000
MESSAGES_BETWEEN_TURNS = 50
"""Messages of one frame handled before everybody else has a turn."""

Thing = TypeVar("Thing")


async def portions(raw: bytes, most: int, executor: Executor) -> AsyncIterator[tuple[bytes, ...]]:
    """What `split_messages` gives, about `most` at a time, each portion cut when it is asked for; never none."""
    if is_single(raw):
        yield (raw,)
        return
    loop = asyncio.get_running_loop()
    pieces = _pieces(raw, most)
    # Not on the loop: a long frame has to be looked through, and one of two bytes a character is taken apart whole.
    while (piece := await loop.run_in_executor(executor, next, pieces, None)) is not None:
        for start in range(0, len(piece), most):
            yield tuple(piece[start : start + most])


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
