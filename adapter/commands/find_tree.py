"""What `troughline find` found, as a tree for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from adapter.commands.worklist_history import AuditLine
from adapter.domain.identities import Group
from adapter.domain.message import Header, Parked
from adapter.domain.times import instant_text
from adapter.store.journey import Delivery, Journey, Received, Resource

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything the store knows of what was asked for."""

    by: str
    """`control_id`, `patient` or `filler`."""
    journeys: tuple[Journey, ...]
    headers: tuple[Header, ...]
    """Irrelevant messages of which the header is kept."""
    archives: Mapping[str, str] | None
    """`archive_irrelevant` by listener; None where no configuration was named."""
    shadows: frozenset[str]
    """Targets for which everything is computed and nothing is sent."""
    targets: tuple[str, ...] | None
    """Configured targets; None where no configuration was named."""
    merged: Group = ()
    """All records of the patient who was asked for, the surviving one first; empty when he was never merged."""
    discards: Mapping[tuple[str, int], Sequence[AuditLine]] = field(default_factory=dict)
    """How each message left the work list without effect, by (inbox, seq), the newest first."""

    def discards_of(self, received: Received) -> Sequence[AuditLine]:
        """The discards of one message."""
        return self.discards.get((received.inbox, received.seq), ())


def tree_of(found: Found) -> dict[str, Any]:
    """The whole result; times are ISO 8601 in UTC."""
    return {
        "schema": SCHEMA,
        "by": found.by,
        "patients": list(found.merged),
        "messages": [_message(journey, found) for journey in found.journeys],
        "irrelevant": [
            {**header._asdict(), "received_at": instant_text(header.received_at)} for header in found.headers
        ],
        "archive_irrelevant": None if found.archives is None else dict(found.archives),
    }


def _message(journey: Journey, found: Found) -> dict[str, Any]:
    received = asdict(journey.received)
    return {
        "received": {
            **received,
            "received_at": instant_text(journey.received.received_at),
            "pruned_at": instant_text(journey.received.pruned_at) if journey.received.pruned_at else None,
        },
        "understood": {
            "ahead": journey.ahead,
            "facts": [{"kind": fact.kind, "name": fact.name, "patient": fact.patient} for fact in journey.facts],
            "parked": _parked(journey.parked) if journey.parked else None,
            "discarded": [
                {"at": line.at, "by": line.by, "because": line.because} for line in found.discards_of(journey.received)
            ],
        },
        "delivered": [_resource(resource) for resource in journey.resources],
    }


def _parked(parked: Parked) -> dict[str, Any]:
    return {
        "reason": parked.reason,
        "since": instant_text(parked.parked_at),
        "waits_for": list(parked.waits_for),
        "problems": [
            {"code": problem.code, "severity": problem.severity, "where": problem.where, "text": problem.text}
            for problem in parked.problems
        ],
    }


def _resource(resource: Resource) -> dict[str, Any]:
    return {
        "resource": resource.reference,
        "kind": resource.kind,
        "topic": resource.topic,
        "state": resource.state,
        "targets": [_delivery(delivery) for delivery in resource.deliveries],
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "target": delivery.target,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "queued_at": instant_text(delivery.queued_at),
        "retry_at": instant_text(delivery.retry_at) if delivery.retry_at else None,
        "reason": delivery.reason,
    }
