"""How an attempt ended: confirmed, to be tried again at a time, or parked for a person."""

from __future__ import annotations

from datetime import datetime, timedelta

from adapter.domain.message import OutboxRow, Outcome
from adapter.store.ledger import LEFT_OUT
from adapter.transport.fhir_failures import Ambiguous, FhirFailure, Permanent, Transient

FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 300.0
FIRST_PATIENT_RETRY_S = 5.0
LONGEST_PATIENT_RETRY_S = 3600.0
MOST_DOUBLINGS = 12
FOREIGN_ANSWERS_BORNE = 5
"""Attempts that something else than FHIR answers before a person has to look: about a minute of them."""


def left_out(row: OutboxRow, reason: str, *, copy: str | None = None) -> Outcome:
    """Not written on purpose; `copy` is the id of what stands there instead."""
    return Outcome(row=row, state="confirmed", reason=reason, strategy=LEFT_OUT, remote_id=copy)


def patient_unknown(row: OutboxRow, now: datetime) -> Outcome:
    """The target does not know the patient yet; he may be admitted there later."""
    wait_s = min(FIRST_PATIENT_RETRY_S * _doubled(row), LONGEST_PATIENT_RETRY_S)
    return Outcome(row=row, state="pending", reason="patient-unknown", retry_at=now + timedelta(seconds=wait_s))


def failed(row: OutboxRow, failure: FhirFailure, now: datetime, *, sent_hash: str | None = None) -> Outcome:
    """How a failure ends an attempt; `sent_hash` where the server may have got it all the same."""
    match failure:
        case Permanent():
            return Outcome(row=row, state="parked", reason=str(failure), sent_hash=sent_hash)
        case Transient() | Ambiguous() if failure.foreign and row.attempts >= FOREIGN_ANSWERS_BORNE:
            return Outcome(row=row, state="parked", reason=str(failure), sent_hash=sent_hash)
        case Transient(retry_after_s=float() as wait_s):
            return Outcome(row=row, state="pending", reason=str(failure), retry_at=now + timedelta(seconds=wait_s))
        case Transient() | Ambiguous():
            return later(row, str(failure), now, sent_hash=sent_hash)
        case _:
            raise AssertionError("unsorted failure")


def later(row: OutboxRow, reason: str, now: datetime, *, sent_hash: str | None = None) -> Outcome:
    """To be tried again, after twice as long each time."""
    wait_s = min(FIRST_RETRY_S * _doubled(row), LONGEST_RETRY_S)
    retry_at = now + timedelta(seconds=wait_s)
    return Outcome(row=row, state="pending", reason=reason, retry_at=retry_at, sent_hash=sent_hash)


def _doubled(row: OutboxRow) -> int:
    """Twice as long after every attempt, up to a bound: a server may be away for days."""
    return 1 << min(row.attempts, MOST_DOUBLINGS)
