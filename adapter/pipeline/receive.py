"""Receive: keep the bytes, then word the answer; nothing here waits for the rules or for a FHIR server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from adapter.domain.message import Answer, Arrival, Header, Kept, Translation
from adapter.domain.problems import problem
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.hl7v2 import peek, split_messages
from adapter.ingest.hl7v2.batch import is_single
from adapter.ingest.hl7v2.header import Envelope, envelope_of, header_without_own
from adapter.ingest.relevance import Judgement
from adapter.store.crash_points import reached

ArchiveIrrelevant = Literal["count", "headers", "full"]
ACCEPTED = Answer(code="AA")


class Keeper(Protocol):
    """The writer that puts arrivals on disk in groups."""

    def submit(self, arrival: Arrival) -> Future[Kept]:
        """Keep one arrival; the future is done when it is on disk."""

    def answered(self, seq: int, code: str) -> None:
        """Remember an answer; rides along with the next group."""

    def note_irrelevant(self, header: Header) -> None:
        """Remember the header of an irrelevant message; rides along."""

    def note_codes(self, sender: str, codes: tuple[tuple[str, str, str], ...], at: datetime) -> None:
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
    judge: Callable[[bytes, Envelope | None], Judgement]
    """(message, its envelope)"""
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


def receive_at_once(raw: bytes, door: Door, reception: Reception) -> bytes | None:
    """The answer to a frame that holds one irrelevant message; None for any other, which `receive_hl7` has to take."""
    if not is_single(raw):
        return None
    message = _incoming(raw, reception.clock())
    judgement = _judged(message, reception)
    if judgement.relevance != "irrelevant" or not message.control_id:
        return None
    return _irrelevant(message, judgement, door, reception)


async def _receive_one(raw: bytes, door: Door, reception: Reception) -> bytes | None:
    message = _incoming(raw, reception.clock())
    judgement = _judged(message, reception)
    if judgement.relevance == "irrelevant" and message.control_id:
        return _irrelevant(message, judgement, door, reception)
    _note_codes(message, judgement, reception)
    answer = await _kept_and_worded(_arrival(message, door, judgement), door, reception)
    if not answer.code:
        return None
    now, control_id = reception.clock(), reception.next_control_id()
    return acknowledge(raw, answer, now=now, control_id=control_id, envelope=message.envelope)


def _note_codes(message: Incoming, judgement: Judgement, reception: Reception) -> None:
    if judgement.codes:
        reception.keeper.note_codes(message.sender, judgement.codes, message.received_at)


class Incoming(NamedTuple):
    """One message on its way in, with what its header says."""

    raw: bytes
    envelope: Envelope | None
    received_at: datetime
    sender: str
    control_id: str
    message_type: str
    sent: str


def _incoming(raw: bytes, received_at: datetime) -> Incoming:
    # MSH is taken apart once, for the filter, the inbox and the answer.
    envelope = envelope_of(raw)
    if envelope is None:
        header = peek(raw)
        own = header.control_id, header.sent
    else:
        header = header_without_own(envelope.repeated)
        control_id = envelope.control_id.decode()
        own = "" if control_id.isspace() else control_id, envelope.sent.decode().strip()
    return Incoming(raw, envelope, received_at, header.sender, own[0], header.message_type, own[1])


def _judged(message: Incoming, reception: Reception) -> Judgement:
    """The filter's judgement; a fault of the filter may never make a message irrelevant."""
    try:
        return reception.judge(message.raw, message.envelope)
    except Exception:  # noqa: BLE001 - a bug of ours must not lose a message
        reception.observe("problem", {"code": "internal-error"})
        return Judgement(relevance="relevant")


def hl7_arrival(
    raw: bytes, door: Door, received_at: datetime, judgement: Judgement, *, file: str | None = None
) -> Arrival:
    """One HL7 message as it goes into the inbox."""
    message = _incoming(raw, received_at)
    return _arrival(message, door, judgement, file=file)


def _arrival(message: Incoming, door: Door, judgement: Judgement, *, file: str | None = None) -> Arrival:
    return Arrival(
        kind="hl7v2",
        source=door.source,
        listener=door.listener,
        raw=message.raw,
        received_at=message.received_at,
        sender=message.sender,
        control_id=message.control_id,
        message_type=message.message_type,
        digest=hashlib.sha256(message.raw).hexdigest(),
        relevance=judgement.relevance,
        file=file,
    )


def _irrelevant(message: Incoming, judgement: Judgement, door: Door, reception: Reception) -> bytes | None:
    """An irrelevant message takes no custody: it is answered at once and never waits for the disk."""
    _note_codes(message, judgement, reception)
    if message.message_type.startswith("ACK"):
        return None
    if door.archive_irrelevant == "headers":
        reception.keeper.note_irrelevant(_header(message, door))
    elif door.archive_irrelevant == "full":
        reception.keeper.submit(_arrival(message, door, judgement))
    reception.observe("irrelevant", {"listener": door.listener})
    control_id = reception.next_control_id()
    return acknowledge(message.raw, ACCEPTED, now=message.received_at, control_id=control_id, envelope=message.envelope)


def _header(message: Incoming, door: Door) -> Header:
    return Header(
        received_at=message.received_at,
        listener=door.listener,
        sender=message.sender,
        message_type=message.message_type,
        control_id=message.control_id,
        sent=message.sent,
        size=len(message.raw),
        digest=hashlib.sha256(message.raw).hexdigest(),
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
