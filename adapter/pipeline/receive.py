"""Receive: keep the bytes, then word the answer; nothing here waits for the rules or for a FHIR server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from adapter.domain.message import Answer, Arrival, Header, Kept, Translation
from adapter.domain.problems import problem
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.hl7v2 import peek, split_messages
from adapter.ingest.relevance import Judgement
from adapter.store.crash_points import reached

ArchiveIrrelevant = Literal["count", "headers", "full"]


class Keeper(Protocol):
    """The writer that puts arrivals on disk in groups."""

    def submit(self, arrival: Arrival) -> Future[Kept]:
        """Keep one arrival; the future is done when it is on disk."""

    def answered(self, seq: int, code: str) -> None:
        """Remember an answer; rides along with the next group."""

    def note_irrelevant(self, header: Header) -> None:
        """Remember the header of an irrelevant message; rides along."""

    def note_codes(self, sender: str, codes: Sequence[tuple[str, str, str]], at: datetime) -> None:
        """Count codes no table knows; rides along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a message came in."""

    listener: str
    source: str
    archive_irrelevant: ArchiveIrrelevant = "headers"
    answer_within_s: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """Everything receiving needs: a keeper, the filter, the translator for the wording, a clock."""

    keeper: Keeper
    judge: Callable[[bytes], Judgement]
    translate: Callable[[bytes, str], Sequence[Translation]]
    """(raw, source): only to word the answer; the engine translates again for the events that count."""
    executor: Executor
    clock: Callable[[], datetime]
    next_control_id: Callable[[], str]
    observe: Callable[[str, dict[str, Any]], None]
    """Counts what happened: names and codes, never content."""


async def receive_hl7(raw: bytes, door: Door, reception: Reception) -> bytes | None:
    """Answer one frame: each message in it is kept (if it matters) before its acknowledgment is written.

    A frame with several messages is answered by as many acknowledgments inside one BHS/BTS batch.
    Raises whatever the keeper raises when the bytes cannot be stored: then no answer may be given.
    """
    reached("received")
    messages = split_messages(raw)
    answers = [await _receive_one(message, door, reception) for message in messages]
    given = [answer for answer in answers if answer is not None]
    reached("answer-worded")
    if not given:
        return None
    if len(messages) == 1:
        return given[0]
    return b"BHS|^~\\&\r" + b"".join(given) + b"BTS|%d\r" % len(given)


async def _receive_one(raw: bytes, door: Door, reception: Reception) -> bytes | None:
    received_at = reception.clock()
    judgement = _judged(raw, reception)
    header = peek(raw)
    if judgement.codes:
        reception.keeper.note_codes(header.sender, judgement.codes, received_at)
    arrival = hl7_arrival(raw, door, received_at, judgement)
    if judgement.relevance == "irrelevant" and header.control_id:
        return _irrelevant(arrival, door, reception)
    answer = await _kept_and_worded(arrival, door, reception)
    if not answer.code:
        return None
    return acknowledge(raw, answer, now=reception.clock(), control_id=reception.next_control_id())


def _judged(raw: bytes, reception: Reception) -> Judgement:
    """The filter's judgement; a fault of the filter may never make a message irrelevant."""
    try:
        return reception.judge(raw)
    except Exception:  # noqa: BLE001 - a bug of ours must not lose a message
        reception.observe("problem", {"code": "internal-error"})
        return Judgement(relevance="relevant")


def hl7_arrival(
    raw: bytes, door: Door, received_at: datetime, judgement: Judgement, *, file: str | None = None
) -> Arrival:
    """One HL7 message as it goes into the inbox."""
    header = peek(raw)
    return Arrival(
        kind="hl7v2",
        source=door.source,
        listener=door.listener,
        raw=raw,
        received_at=received_at,
        sender=header.sender,
        control_id=header.control_id,
        message_type=header.message_type,
        digest=hashlib.sha256(raw).hexdigest(),
        relevance=judgement.relevance,
        file=file,
    )


def _irrelevant(arrival: Arrival, door: Door, reception: Reception) -> bytes | None:
    """An irrelevant message takes no custody: it is answered at once and never waits for the disk."""
    if arrival.message_type.startswith("ACK"):
        return None
    if door.archive_irrelevant == "headers":
        reception.keeper.note_irrelevant(_header(arrival))
    elif door.archive_irrelevant == "full":
        reception.keeper.submit(arrival)
    reception.observe("irrelevant", {"listener": door.listener})
    answer = Answer(code="AA")
    return acknowledge(arrival.raw, answer, now=reception.clock(), control_id=reception.next_control_id())


def _header(arrival: Arrival) -> Header:
    return Header(
        received_at=arrival.received_at,
        listener=arrival.listener,
        sender=arrival.sender,
        message_type=arrival.message_type,
        control_id=arrival.control_id,
        sent=peek(arrival.raw).sent,
        size=len(arrival.raw),
        digest=arrival.digest,
    )


async def _kept_and_worded(arrival: Arrival, door: Door, reception: Reception) -> Answer:
    keeping = asyncio.wrap_future(reception.keeper.submit(arrival))
    loop = asyncio.get_running_loop()
    wording = loop.run_in_executor(reception.executor, worded, arrival, reception.translate)
    try:
        kept = await keeping
    except BaseException:
        wording.cancel()
        raise
    if kept.repeat_of is not None:
        reception.observe("repeat", {"listener": arrival.listener})
    if kept.control_id_reused:
        reception.observe("problem", {"listener": arrival.listener, "code": "control-id-reused"})
    if kept.repeat_of is not None and kept.answer == "AA":
        return Answer(code="AA")
    try:
        answer = await asyncio.wait_for(asyncio.shield(wording), door.answer_within_s)
    except TimeoutError:
        reception.observe("answered-before-translated", {"listener": arrival.listener})
        answer = Answer(code="AA")
    reception.keeper.answered(kept.seq, answer.code)
    reception.observe(
        "answered",
        {"listener": arrival.listener, "code": answer.code, "problems": [p.code for p in answer.errors]},
    )
    return answer


def worded(arrival: Arrival, translate: Callable[[bytes, str], Sequence[Translation]]) -> Answer:
    """The answer a kept message deserves; a fault of ours is never the sender's error."""
    try:
        translations = translate(arrival.raw, arrival.source)
    except Exception:  # noqa: BLE001 - the engine parks the message; the sender did nothing wrong
        return Answer(code="AA")
    errors = tuple(p for t in translations for p in t.answer.errors)
    codes = [t.answer.code for t in translations]
    for code in ("AR", "AE", "AA"):
        if code in codes:
            return Answer(code=code, errors=errors)
    return Answer(code="")


def too_large(raw_start: bytes, reception: Reception) -> bytes | None:
    """The answer to a frame beyond the limit, from the MSH that was read before it was drained."""
    answer = Answer(code="AE", errors=(problem("frame-too-large"),))
    return acknowledge(raw_start, answer, now=reception.clock(), control_id=reception.next_control_id())
