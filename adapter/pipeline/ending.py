"""End what a target holds about somebody it does not know by the number he has now: as it stands there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from adapter.domain.message import OutboxRow, Outcome
from adapter.pipeline.outcomes import failed, left_out, patient_unknown
from adapter.pipeline.standing import MISSING, Letter, found_there
from adapter.pipeline.writing import Writer
from adapter.store.ledger import LEFT_OUT
from adapter.transport.fhir_failures import FhirFailure, Permanent
from adapter.writeback.at_target import comparable_hash, ended_as_it_stands, is_ended, with_status_of

OTHER_AUTHORITY = "other-authority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why a patient's resources cannot go to a target, what of them ends there, and what becomes of the others."""

    reason: str
    status: str | None
    """What everything the target holds becomes; None where only what is over anyhow ends, as it is over."""
    others: Callable[[OutboxRow, datetime], Outcome]

    def concerns(self, row: OutboxRow) -> bool:
        """Whether the target holds a resource of ours, or may (one was sent, and no answer came), that ends there."""
        stands = row.strategy != LEFT_OUT and row.resource_type != "Provenance" and (row.remote_id or row.sent_hash)
        return bool(stands) and (self.status is not None or is_ended(row.body))

    def of(self, row: OutboxRow) -> Mapping[str, Any]:
        """The status a resource ends with, and of a Flag that is over the time."""
        return {"status": self.status} if self.status else row.body


WITHDRAWN = Ending(
    reason=OTHER_AUTHORITY, status="entered-in-error", others=lambda row, _: left_out(row, OTHER_AUTHORITY)
)
"""A patient of other authorities: the target may not have anything of him."""
OVER = Ending(reason="patient-unknown", status=None, others=patient_unknown)
"""A patient the target does not know yet: what is over ends under the record it knew, all else waits for him."""


def ended_where_held(
    rows: Sequence[OutboxRow], writer_now: Callable[[], Writer], ending: Ending, now: datetime
) -> list[Outcome]:
    """How the resources of such a patient end; `writer_now` raises Transient when the target is away."""
    if not any(ending.concerns(row) for row in rows):
        return [ending.others(row, now) for row in rows]
    try:
        writer = writer_now()
    except FhirFailure as failure:
        return [failed(row, failure, now) for row in rows]
    return [_ended(row, ending, writer) if ending.concerns(row) else ending.others(row, now) for row in rows]


def _ended(row: OutboxRow, ending: Ending, writer: Writer) -> Outcome:
    """The subject and all else stay as the target has them: what it knows nothing of cannot be told to it."""
    strategy = writer.plan.strategy_of(row.resource_type) or "search-first"
    try:
        standing, _ = found_there(_letter(row, row.body, writer), writer.destination, strategy)
    except FhirFailure as failure:
        if isinstance(failure, Permanent) and failure.status in MISSING:
            return left_out(row, ending.reason)
        return failed(row, failure, writer.now)
    if standing is None:
        return left_out(row, ending.reason)
    body = with_status_of(ended_as_it_stands(standing, ending.of(row)), writer.destination.status_map)
    outcome = writer.write(_letter(row, body, writer), strategy)
    return replace(outcome, reason=outcome.reason or ending.reason)


def _letter(row: OutboxRow, body: Mapping[str, Any], writer: Writer) -> Letter:
    identifier = (writer.destination.canonical.output_keys, row.id)
    return Letter(row=row, body=dict(body), hash=comparable_hash(body), identifier=identifier)
