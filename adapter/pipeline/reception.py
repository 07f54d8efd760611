"""What receiving works with: the door, the parts behind it, and a message on its way in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from adapter.domain.message import Arrival, Header, Kept, Translation
from adapter.ingest.acknowledgment_modes import AckMode, Wishes, wishes
from adapter.ingest.hl7v2.header import Envelope, envelope_of, header_without_own, peek
from adapter.ingest.relevance import Judgement
from adapter.ingest.senders import RulesFor, SenderRules
from adapter.store.group_commit import Request

ArchiveIrrelevant = Literal["count", "headers", "full"]
NAME_LIMIT_CHARS = 512
"""Two fields of type HD at their longest (227 each in HL7 2.5.1) fit."""
_USUAL_RULES = SenderRules()


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
    """Where a message came in, and how messages there are answered."""

    listener: str
    source: str
    archive_irrelevant: ArchiveIrrelevant = "headers"
    answer_within_s: float = 3.0
    ack_mode: AckMode = "original"
    heartbeats: tuple[str, ...] = ()
    """`MSH-3|MSH-4` (either part `*`) or MSH-9 of messages that only ask whether we are there."""
    may_refuse: bool = False
    """Whether `cannot_store: AR` of a sender holds here; elsewhere whoever called hears of the fault."""
    apart: Callable[[bytes], None] | None = None
    """Takes the application answers of enhanced mode, which then do not go back on the connection of their message."""


def _by_nothing(_raw: bytes, _envelope: Envelope) -> None:
    """Every frame is looked at with care."""


def _none_for_certain(_sender: str, _message_type: str) -> bool:
    """Every answer is worded by reading."""
    return False


class Reading(NamedTuple):
    """One set of mappings as receiving uses it: whoever judges a message by it also words its answer by it."""

    judge: Callable[[bytes, Envelope | None], Judgement]
    """(message, its envelope)"""
    translate: Callable[[bytes, str], Sequence[Translation]]
    """(raw, source): only to word the answer; the engine translates again for the events that count."""
    judge_alone: Callable[[bytes, Envelope], Judgement | None] = _by_nothing
    """(frame, its envelope): the judgement of a frame that is one message for certain; None for any other."""
    near_misses_accepted: Callable[[str, str], bool] = _none_for_certain
    """(`MSH-3|MSH-4`, MSH-9): whether a near miss that `judge_alone` found is told AA, whatever else it says."""


def _unheeded(_listener: str, _sender: str) -> None:
    """Nobody counts who sends."""


def _usual_rules(_sender: str) -> SenderRules:
    return _USUAL_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """Everything receiving needs: a keeper, the filter and the translator of now, a clock."""

    keeper: Keeper
    reading: Callable[[], Reading]
    """What the next message is read with; asked once for each message."""
    executor: Executor
    clock: Callable[[], datetime]
    next_control_id: Callable[[], str]
    observe: Callable[[str, dict[str, Any]], None]
    """Counts what happened: names and codes, never content."""
    rules: RulesFor = _usual_rules
    """How each sender is answered."""
    heard: Callable[[str, str], None] = _unheeded
    """(listener, `MSH-3|MSH-4`) of every message that is no acknowledgment."""
    hand_over: Callable[[Request], None] | None = None
    """Keeps the arrival of a request; who waits is told by another thread. None: `submit` of the keeper is used."""


class Incoming(NamedTuple):
    """One message on its way in, with what its header says."""

    raw: bytes
    envelope: Envelope | None
    received_at: datetime
    sender: str
    control_id: str
    message_type: str
    sent: str
    accept: str
    """MSH-15."""
    application: str
    """MSH-16."""

    def wishes(self, door: Door) -> Wishes:
        """Which acknowledgments it is to get."""
        return wishes(door.ack_mode, self.accept, self.application)


def incoming(raw: bytes, received_at: datetime) -> Incoming:
    """A message with its MSH taken apart, once for the filter, the inbox and the answer."""
    if envelope := envelope_of(raw):
        return incoming_with(raw, envelope, received_at)
    header = peek(raw)
    return Incoming(
        raw,
        None,
        received_at,
        header.sender,
        header.control_id,
        header.message_type,
        header.sent,
        header.accept_acknowledgment,
        header.application_acknowledgment,
    )


def incoming_with(raw: bytes, envelope: Envelope, received_at: datetime) -> Incoming:
    """A message whose envelope is known already."""
    header, control_id = header_without_own(envelope.repeated), envelope.control_id.decode()
    return Incoming(
        raw,
        envelope,
        received_at,
        header.sender,
        "" if control_id.isspace() else control_id,
        header.message_type,
        envelope.sent.decode().strip(),
        header.accept_acknowledgment,
        header.application_acknowledgment,
    )


def hl7_arrival(
    raw: bytes, door: Door, received_at: datetime, judgement: Judgement, *, file: str | None = None
) -> Arrival:
    """One HL7 message as it goes into the inbox."""
    return arrival_of(incoming(raw, received_at), door, judgement, file=file)


def arrival_of(message: Incoming, door: Door, judgement: Judgement, *, file: str | None = None) -> Arrival:
    """A message on its way in as it goes into the inbox."""
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


def header_of(message: Incoming, door: Door) -> Header:
    """All that is kept of an irrelevant message; of a field longer than any name, its beginning."""
    return Header(
        received_at=message.received_at,
        listener=door.listener,
        sender=message.sender[:NAME_LIMIT_CHARS],
        message_type=message.message_type[:NAME_LIMIT_CHARS],
        control_id=message.control_id[:NAME_LIMIT_CHARS],
        sent=message.sent[:NAME_LIMIT_CHARS],
        size=len(message.raw),
        digest=hashlib.sha256(message.raw).hexdigest(),
    )
