"""The three checkpoints of a message on its way: received, understood, delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from adapter.domain.message import Kind, Parked, Relevance


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message as an inbox holds it, without its bytes."""

    inbox: str
    seq: int
    kind: Kind
    source: str
    listener: str
    sender: str
    control_id: str
    message_type: str
    received_at: datetime
    size: int
    digest: str
    relevance: Relevance
    file: str | None
    answer: str | None
    """MSA-1 as it was answered; None for FHIR, and while the note of it is not written yet."""
    pruned_at: datetime | None = None
    """When its bytes were pruned; None while they are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRead:
    """One fact that was read from a message."""

    origin: str
    """Digest of the message."""
    patient: str
    kind: str
    name: str
    """`<source>|<key>`, as the grounds of a resource name it; of an allergy record that of the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one target holds of one resource, and how far that got."""

    target: str
    resource: str
    """`Observation/<id>`"""
    state: str
    """`pending`, `sent`, `confirmed` or `parked`."""
    attempts: int
    queued_at: datetime
    retry_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource that rests on facts of a message."""

    reference: str
    kind: str
    topic: str | None
    state: str
    """`open`, `closed` or `retracted`."""
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """One message with how far it got."""

    received: Received
    ahead: int
    """How many messages of its inbox have to be understood up to and with this one; 0 when it is understood."""
    facts: tuple[FactRead, ...]
    parked: Parked | None
    resources: tuple[Resource, ...]
