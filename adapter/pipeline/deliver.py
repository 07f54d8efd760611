"""Deliver: bring a FHIR server to the present wanted state, one transaction per patient, and settle what it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Literal, Protocol

from adapter.domain.message import OutboxRow, Outcome
from adapter.fhir import Canonical, Json, dumps
from adapter.store.crash_points import reached
from adapter.transport.fhir_client import EntryResult, PatientMatch, Put, TransactionResult
from adapter.transport.fhir_failures import Ambiguous, FhirFailure, Permanent, Transient
from adapter.writeback.bundle import for_target, transaction

FIRST_RETRY_S = 2.0
LONGEST_RETRY_S = 300.0
FIRST_PATIENT_RETRY_S = 5.0
LONGEST_PATIENT_RETRY_S = 3600.0
MOST_DOUBLINGS = 12
WriteRaw = Literal["never", "if-absent", "always"]
JsonObject = dict[str, Any]


class Outbox(Protocol):
    """What each target still has to get."""

    def due(self, target: str, now: datetime, limit_patients: int) -> list[OutboxRow]:
        """Rows to send now, whole patients together."""

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Remember how each attempt ended."""


class FhirServer(Protocol):
    """What delivery needs of a FHIR server."""

    def transaction(self, bundle: bytes) -> TransactionResult:
        """All entries or none."""

    def put_each(self, puts: Sequence[Put]) -> tuple[EntryResult, ...]:
        """Each resource on its own."""

    def find_patient(self, system: str, value: str) -> PatientMatch:
        """Who carries an identifier."""

    def has_result(self, identifiers: Sequence[tuple[str, str]]) -> str | None:
        """Reference of an Observation that already carries one of these identifiers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One target and how it is written to."""

    name: str
    base_url: str
    server: FhirServer
    canonical: Canonical
    literal_sources: frozenset[str] = frozenset()
    """Sources whose resources stand on this server under the same reference."""
    write_raw: WriteRaw = "if-absent"
    patients_at_once: int = 50


def deliver(destination: Destination, outbox: Outbox, now: datetime) -> dict[str, int]:
    """Send what is due to one target; gives how many rows ended confirmed, pending or parked.

    `failed` counts patients that met a fault of ours: their rows are pending.
    """
    counts = {"confirmed": 0, "pending": 0, "parked": 0, "failed": 0}
    rows = outbox.due(destination.name, now, destination.patients_at_once)
    for patient, group in groupby(rows, key=lambda row: row.patient):
        of_patient = list(group)
        reached("delivery-due")
        try:
            outcomes = _deliver_patient(patient, of_patient, destination, now)
        except Exception:  # noqa: BLE001 - a fault of ours with one patient must not hold back the others
            counts["failed"] += 1
            outcomes = [_later(row, "internal-error", now) for row in of_patient]
        reached("delivered")
        outbox.settle(outcomes)
        reached("settled")
        for outcome in outcomes:
            counts[outcome.state] += 1
    return counts


def _deliver_patient(patient: str, rows: Sequence[OutboxRow], destination: Destination, now: datetime) -> list[Outcome]:
    try:
        match = destination.server.find_patient(*patient.partition("|")[::2])
        if match.ambiguous:
            return [Outcome(row=row, state="parked", reason="patient-ambiguous") for row in rows]
        if match.reference is None:
            return [_patient_unknown(row, now) for row in rows]
        sent, skipped, redirected = _raw_results(rows, destination)
    except FhirFailure as failure:
        return [_failed(row, failure, now) for row in rows]
    done = [Outcome(row=row, state="confirmed", reason="not-written") for row in skipped]
    bodies = [
        for_target(
            _turned(row.body, redirected),
            canonical=destination.canonical,
            literal_sources=destination.literal_sources,
            patient_reference=match.reference,
        )
        for row in sent
    ]
    return done + _send(sent, bodies, destination, now)


def _patient_unknown(row: OutboxRow, now: datetime) -> Outcome:
    wait_s = min(FIRST_PATIENT_RETRY_S * _doubled(row), LONGEST_PATIENT_RETRY_S)
    return Outcome(row=row, state="pending", reason="patient-unknown", retry_at=now + timedelta(seconds=wait_s))


def _raw_results(
    rows: Sequence[OutboxRow], destination: Destination
) -> tuple[list[OutboxRow], list[OutboxRow], dict[str, str | None]]:
    """Rows to send, laboratory results to leave out, and where references to those go instead."""
    sent: list[OutboxRow] = []
    skipped: list[OutboxRow] = []
    redirected: dict[str, str | None] = {}
    for row in rows:
        elsewhere = _elsewhere(row, destination)
        if elsewhere is False:
            sent.append(row)
        else:
            skipped.append(row)
            redirected[f"{row.resource_type}/{row.id}"] = elsewhere
    return sent, skipped, redirected


def _elsewhere(row: OutboxRow, destination: Destination) -> str | Literal[False] | None:
    """False: write it. Otherwise leave it out; the reference of the target's own copy, None when there is none."""
    if destination.write_raw == "always" or not _is_raw(row.body):
        return False
    if destination.write_raw == "never":
        return None
    laboratory = [
        (str(identifier["system"]), str(identifier["value"]))
        for identifier in row.body.get("identifier", [])[1:]
        if identifier.get("system") and identifier.get("value")
    ]
    if not laboratory:
        return False
    found = destination.server.has_result(laboratory)
    return False if found in (None, f"Observation/{row.id}") else found


def _is_raw(body: Mapping[str, Any]) -> bool:
    return any(tag.get("code") == "activity" for tag in body.get("meta", {}).get("tag", []))


def _turned(value: Json, redirected: Mapping[str, str | None]) -> Json:
    """The value with references to left-out results turned to where those stand."""
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str) and reference in redirected:
            return _turned_reference(value, redirected[reference])
        return {key: _turned(item, redirected) for key, item in value.items()}
    if isinstance(value, list):
        return [_turned(item, redirected) for item in value]
    return value


def _turned_reference(value: JsonObject, elsewhere: str | None) -> JsonObject:
    if elsewhere is not None:
        return {**value, "reference": elsewhere}
    return {"type": value["reference"].partition("/")[0], "display": "not written to this server"}


def _send(
    rows: Sequence[OutboxRow], bodies: Sequence[JsonObject], destination: Destination, now: datetime
) -> list[Outcome]:
    if not rows:
        return []
    bundle = dumps(transaction(bodies, base_url=destination.base_url))
    try:
        result = destination.server.transaction(bundle)
    except Permanent:
        return _send_each(rows, bodies, destination, now)
    except FhirFailure as failure:
        return [_failed(row, failure, now) for row in rows]
    return [_settled(row, entry, now) for row, entry in zip(rows, result.entries, strict=True)]


def _send_each(
    rows: Sequence[OutboxRow], bodies: Sequence[JsonObject], destination: Destination, now: datetime
) -> list[Outcome]:
    """One entry the server will not take must not hold back the others."""
    puts = [
        Put(resource_type=row.resource_type, id=row.id, body=dumps(body))
        for row, body in zip(rows, bodies, strict=True)
    ]
    return [_settled(row, entry, now) for row, entry in zip(rows, destination.server.put_each(puts), strict=True)]


def _settled(row: OutboxRow, entry: EntryResult, now: datetime) -> Outcome:
    if entry.done:
        return Outcome(row=row, state="confirmed", remote_version=entry.version)
    return _failed(row, entry.failure or Permanent(entry.status, "refused"), now)


def _failed(row: OutboxRow, failure: FhirFailure, now: datetime) -> Outcome:
    match failure:
        case Permanent():
            return Outcome(row=row, state="parked", reason=str(failure))
        case Transient(retry_after_s=float() as wait_s):
            return Outcome(row=row, state="pending", reason=str(failure), retry_at=now + timedelta(seconds=wait_s))
        case Transient() | Ambiguous():
            # A PUT under our own id may be repeated: an unknown outcome is tried again like a passing one.
            return _later(row, str(failure), now)
        case _:
            raise AssertionError("unsorted failure")


def _later(row: OutboxRow, reason: str, now: datetime) -> Outcome:
    wait_s = min(FIRST_RETRY_S * _doubled(row), LONGEST_RETRY_S)
    return Outcome(row=row, state="pending", reason=reason, retry_at=now + timedelta(seconds=wait_s))


def _doubled(row: OutboxRow) -> int:
    """Twice as long after every attempt, up to a bound: a server may be away for days."""
    return 1 << min(row.attempts, MOST_DOUBLINGS)
