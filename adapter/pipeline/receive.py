"""Receive: keep the bytes, then word the answer; nothing here waits for the rules or for a FHIR server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from adapter.domain.message import Answer
from adapter.domain.problems import problem
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.acknowledgment_modes import ORIGINAL, AckMode, Wishes, wishes
from adapter.ingest.hl7v2 import peek
from adapter.ingest.hl7v2.batch import is_single
from adapter.ingest.hl7v2.header import is_acknowledgment
from adapter.pipeline.apart import asking, can_go_apart
from adapter.pipeline.portions import MESSAGES_CUT_AT_ONCE, in_turns, portions
from adapter.pipeline.reception import Door, Incoming, Keeper, Reception, hl7_arrival, incoming
from adapter.pipeline.taking import (
    ACCEPTED,
    COMMITTED,
    Taken,
    answer_to,
    answer_worded,
    frame_received,
    judged,
    note_irrelevant,
    take,
    worded,
)

__all__ = [
    "Door",
    "Keeper",
    "Reception",
    "Replies",
    "hl7_arrival",
    "receive_at_once",
    "receive_hl7",
    "receive_in_mode",
    "too_large",
    "worded",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """What a frame is told: something as soon as it is safe, and something once it is understood."""

    first: bytes | None
    later: Callable[[], Awaitable[bytes | None]] | None = None
    """Has to be called whenever it is there: it remembers the answer, sent or not."""


class Told(NamedTuple):
    """An answer, and the wishes it follows."""

    answer: Answer
    wished: Wishes

    @property
    def code(self) -> str:
        """MSA-1."""
        return self.answer.code

    @property
    def asks_none(self) -> bool:
        """Whether its MSH-15 and MSH-16 say that nothing is to answer it."""
        return _asks_none(self.answer, self.wished)


async def receive_hl7(raw: bytes, door: Door, reception: Reception) -> bytes | None:
    """Answer one frame: one acknowledgment, several in a batch, or None when it is itself an answer.

    A frame with several messages is answered by as many acknowledgments inside one BHS/BTS batch.
    Raises whatever the keeper raises when the bytes cannot be stored: then no answer may be given.
    """
    frame_received()
    if is_single(raw):
        return _together((await _receive_one(raw, door, reception),), batch=False)
    answers: list[bytes | None] = []
    async for messages in portions(raw, MESSAGES_CUT_AT_ONCE, reception.executor):
        answers += [await _receive_one(message, door, reception) async for message in in_turns(messages)]
    return _together(answers, batch=len(answers) > 1)


async def receive_in_mode(raw: bytes, door: Door, reception: Reception) -> Replies:
    """Answer one frame as the mode of the door and MSH-15 and MSH-16 of its messages have it (HL7 2.5 section 2.9).

    Raises as `receive_hl7` does.
    """
    if door.ack_mode == "original":
        return Replies(first=await receive_hl7(raw, door, reception))
    frame_received()
    taken: list[Taken] = []
    async for messages in portions(raw, MESSAGES_CUT_AT_ONCE, reception.executor):
        taken += [await take(message, door, reception) async for message in in_turns(messages)]
    accepts = [_accept(one, door, reception) async for one in in_turns(taken)]
    first = _together((told for _, told in accepts), batch=len(taken) > 1)

    async def later() -> bytes | None:
        # A sender who was told that his message was not taken waits for nothing more.
        answers = [
            await _application(one, door, reception, silent=code in ("CE", "CR") and told is not None)
            async for one, (code, told) in in_turns(zip(taken, accepts, strict=True))
        ]
        return _together(_kept_here(answers, taken, door), batch=len(taken) > 1)

    return Replies(first=first, later=later)


def _kept_here(answers: list[bytes | None], taken: list[Taken], door: Door) -> list[bytes | None]:
    """The answers that go back on the connection of their messages: all, unless they have an address of their own."""
    if door.apart is None:
        return answers
    here: list[bytes | None] = []
    for answer, one in zip(answers, taken, strict=True):
        if answer is None or one.message.wishes(door).original or not can_go_apart(answer):
            here.append(answer)
        else:
            door.apart(asking(answer))
    return here


def receive_at_once(raw: bytes, door: Door, reception: Reception) -> bytes | None:
    """The answer to a frame of one irrelevant message that is told one thing; None for any other frame.

    Those others, of which nothing was noted, `receive_hl7` or `receive_in_mode` has to take.
    """
    if not is_single(raw):
        return None
    message = incoming(raw, reception.clock())
    judgement = judged(message, reception.reading(), reception)
    if judgement.relevance != "irrelevant" or not message.control_id or is_acknowledgment(message.message_type):
        return None
    told = only_answer(door, message.accept, message.application)
    if told is None:
        return None
    note_irrelevant(message, judgement, door, reception, told.code)
    return _told(message, told.answer, told.wished, reception, now=message.received_at)


def only_answer(door: Door, accept: str, application: str) -> Told | None:
    """The one thing an irrelevant message is told here, by its MSH-15 and MSH-16; None where it is none or two."""
    wished, only = (
        (ORIGINAL, ACCEPTED) if door.ack_mode == "original" else _only(wishes(door.ack_mode, accept, application))
    )
    if only is None or (door.apart and only.code == "AA" and not wished.original):
        return None
    return Told(only, wished)


def too_large(raw_start: bytes, reception: Reception, mode: AckMode = "original") -> bytes | None:
    """The answer to a frame beyond the limit, from the MSH that was read before it was drained."""
    header = peek(raw_start)
    wished = wishes(mode, header.accept_acknowledgment, header.application_acknowledgment)
    code = next((code for code in ("CE", "AE") if wished.wants(code)), "")
    if not code or header.is_acknowledgment:
        return None
    answer = Answer(code="CE" if code == "CE" else "AE", errors=(problem("frame-too-large"),))
    control_id = reception.next_control_id()
    return acknowledge(
        raw_start, answer, now=reception.clock(), control_id=control_id, asks_none=_asks_none(answer, wished)
    )


async def _receive_one(raw: bytes, door: Door, reception: Reception) -> bytes | None:
    taken = await take(raw, door, reception)
    answer = await answer_to(taken, ORIGINAL, door, reception)
    return _told(taken.message, answer, ORIGINAL, reception) if answer.code else None


def _accept(taken: Taken, door: Door, reception: Reception) -> tuple[str, bytes | None]:
    """The code of a message's accept acknowledgment, and its bytes where it is wanted."""
    wished, answer = taken.message.wishes(door), taken.accept()
    if not wished.wants(answer.code):
        return answer.code, None
    reception.observe("accepted", {"listener": door.listener, "code": answer.code})
    return answer.code, _told(taken.message, answer, wished, reception)


async def _application(taken: Taken, door: Door, reception: Reception, *, silent: bool) -> bytes | None:
    wished = taken.message.wishes(door)
    answer = await answer_to(taken, wished, door, reception)
    return _told(taken.message, answer, wished, reception) if wished.wants(answer.code) and not silent else None


def _only(wished: Wishes) -> tuple[Wishes, Answer | None]:
    """The one acknowledgment an irrelevant message is to get; None when it gets none or two."""
    match wished.wants("CA"), wished.wants("AA"):
        case True, False:
            return wished, COMMITTED
        case False, True:
            return wished, ACCEPTED
        case _:
            return wished, None


def _told(
    message: Incoming, answer: Answer, wished: Wishes, reception: Reception, now: datetime | None = None
) -> bytes:
    return acknowledge(
        message.raw,
        answer,
        now=now or reception.clock(),
        control_id=reception.next_control_id(),
        envelope=message.envelope,
        asks_none=_asks_none(answer, wished),
    )


def _asks_none(answer: Answer, wished: Wishes) -> bool:
    return not wished.original and answer.code.startswith("A")


def _together(answers: Iterable[bytes | None], *, batch: bool) -> bytes | None:
    """The answers of one frame: one alone, several as a batch."""
    given = [answer for answer in answers if answer is not None]
    answer_worded()
    if not given:
        return None
    return b"BHS|^~\\&\r" + b"".join(given) + b"BTS|%d\r" % len(given) if batch else given[0]
