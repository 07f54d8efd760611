"""The quick way for nearly all messages: what is in no way odd is answered without anything awaited but the disk."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

from adapter.domain.message import Header
from adapter.ingest.acknowledgment import Template, template
from adapter.ingest.hl7v2.header import Envelope, envelope_of, header_without_own, is_acknowledgment
from adapter.ingest.relevance import Judgement
from adapter.pipeline.receive import only_answer, receive_at_once
from adapter.pipeline.reception import NAME_LIMIT_CHARS, Door, Reception, incoming_with
from adapter.pipeline.soon import Coming, Soon, may_take_long
from adapter.pipeline.taking import is_heartbeat

KINDS_REMEMBERED = 4096


class _Kind(NamedTuple):
    """What all messages with one envelope have in common at one door."""

    sender: str
    noted_sender: str
    noted_type: str
    heartbeat: bool
    template: Template
    facts: dict[str, Any]
    """What is observed of each of them; nobody changes it."""
    original: bool
    """Whether one AA, AE or AR answers each."""


class AtOnce:
    """Does at one door what `receive_at_once` does; remembers by envelope all that depends on nothing else."""

    def __init__(self, door: Door, reception: Reception) -> None:
        self._door = door
        self._reception = reception
        self._kinds: dict[tuple[bytes, ...], _Kind | None] = {}
        self._with_headers = door.archive_irrelevant == "headers"
        self._whole = door.archive_irrelevant == "full"
        self._soon = Soon(door, reception) if reception.hand_over else None

    def answer(self, raw: bytes) -> bytes | Coming | None:
        """The answer to a frame of one message that is told one thing; None for any other frame.

        That of a message that is kept comes once it is.
        """
        if self._soon:
            self._soon.tell()
        envelope = envelope_of(raw)
        kind = self._kind(envelope) if envelope else None
        if not envelope or not kind:
            return receive_at_once(raw, self._door, self._reception)
        reading = self._reception.reading()
        try:
            judgement = reading.judge_alone(raw, envelope)
        except Exception:  # noqa: BLE001 - the careful way tells it
            judgement = None
        if judgement is None:
            return receive_at_once(raw, self._door, self._reception)
        control_id = envelope.control_id.decode()
        if not control_id or control_id.isspace():
            return None
        if judgement.relevance != "irrelevant":
            if self._soon is None or not kind.original or may_take_long(raw):
                return None
            message = incoming_with(raw, envelope, self._reception.clock())
            return self._soon.take(message, judgement, reading)
        return self._noted(raw, envelope, kind, judgement, control_id)

    def _noted(self, raw: bytes, envelope: Envelope, kind: _Kind, judgement: Judgement, control_id: str) -> bytes:
        reception = self._reception
        now = reception.clock()
        reception.heard(self._door.listener, kind.sender)
        if kind.heartbeat:
            reception.observe("heartbeat", kind.facts)
        else:
            if judgement.codes:
                reception.keeper.note_codes(kind.noted_sender, judgement.codes, now)
            if self._with_headers:
                header = Header(
                    now,
                    self._door.listener,
                    kind.noted_sender,
                    kind.noted_type,
                    control_id[:NAME_LIMIT_CHARS],
                    envelope.sent.decode().strip()[:NAME_LIMIT_CHARS],
                    len(raw),
                    sha256(raw).hexdigest(),
                )
                reception.keeper.note_irrelevant(header)
            reception.observe("irrelevant", kind.facts)
        return kind.template.filled(now, reception.next_control_id(), envelope.control_id)

    def _kind(self, envelope: Envelope) -> _Kind | None:
        """None: such messages take the careful way."""
        try:
            return self._kinds[envelope.repeated]
        except KeyError:
            if len(self._kinds) >= KINDS_REMEMBERED:
                self._kinds.clear()
            kind = self._kinds[envelope.repeated] = self._new_kind(envelope)
            return kind

    def _new_kind(self, envelope: Envelope) -> _Kind | None:
        header, door = header_without_own(envelope.repeated), self._door
        told = only_answer(door, header.accept_acknowledgment, header.application_acknowledgment)
        worded = template(envelope.repeated, told.code, asks_none=told.asks_none) if told else None
        if self._whole or not told or not worded or is_acknowledgment(header.message_type):
            return None
        return _Kind(
            sender=header.sender,
            noted_sender=header.sender[:NAME_LIMIT_CHARS],
            noted_type=header.message_type[:NAME_LIMIT_CHARS],
            heartbeat=bool(door.heartbeats) and is_heartbeat(door.heartbeats, header.sender, header.message_type),
            template=worded,
            facts={"listener": door.listener, "code": told.code},
            original=told.wished.original,
        )
