"""What delivery needs: a target and how it is written to, its FHIR server, and the ledger of what it holds."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, Literal, Protocol

from adapter.domain.identities import Group
from adapter.domain.message import OutboxRow, Outcome
from adapter.fhir import Canonical
from adapter.pipeline.strategy import Known, StrategyChoice
from adapter.transport.fhir_client import EntryResult, PatientMatch, TransactionResult
from adapter.writeback.at_target import StatusMap

WriteRaw = Literal["never", "if-absent", "always"]
JsonObject = dict[str, Any]


class Outbox(Protocol):
    """What each target still has to get, and what it holds."""

    def due(self, target: str, now: datetime, limit_patients: int) -> list[OutboxRow]:
        """Rows to send now, whole patients together."""

    def remember_sent(self, rows: Sequence[OutboxRow]) -> None:
        """Note the `sent_hash` of these rows before they are sent, so that a crash does not make them strangers."""

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Remember how each attempt ended."""

    def places(self, target: str, ids: Sequence[str]) -> dict[str, str | None]:
        """Our `Type/id` -> the reference under which the target holds it, None when it does not."""

    def group(self, patient: str) -> Group:
        """Everybody who is the same person as a patient, the surviving record first."""

    def strategies(self, target: str) -> dict[str, str]:
        """Remembered strategies by resource type."""

    def remember_strategy(self, target: str, resource_type: str, strategy: str) -> None:
        """Write resources of this type like this from now on."""


class FhirServer(Protocol):
    """What delivery needs of a FHIR server."""

    def capabilities(self) -> JsonObject:
        """Its CapabilityStatement."""

    def find_patient(self, system: str, value: str) -> PatientMatch:
        """Who carries an identifier."""

    def find_patients(self, identifiers: Sequence[tuple[str, str]]) -> dict[tuple[str, str], PatientMatch]:
        """Those of these identifiers whose one carrier a single search tells for certain."""

    def has_result(self, identifiers: Sequence[tuple[str, str]], *, not_of: str) -> str | None:
        """Reference of an Observation that carries one of these identifiers, and none of the system `not_of`."""

    def results_about(self, patient: str, at: datetime) -> list[JsonObject]:
        """Observations of a patient about a time."""

    def read(self, resource_type: str, resource_id: str) -> JsonObject:
        """One resource; Permanent with status 404 or 410 when it is not there."""

    def carriers(self, resource_type: str, system: str, value: str) -> list[JsonObject]:
        """Every resource that carries an identifier."""

    def pointing_at(self, resource_type: str, parameter: str, reference: str) -> list[JsonObject]:
        """Every resource that refers to another one by a search parameter."""

    def transaction(self, bundle: bytes) -> TransactionResult:
        """All entries or none."""

    def put(self, resource_type: str, resource_id: str, body: bytes, if_match: str | None = None) -> EntryResult:
        """Update, or create under this id."""

    def put_where(self, resource_type: str, identifier: tuple[str, str], body: bytes) -> EntryResult:
        """Conditional update."""

    def post(self, resource_type: str, body: bytes, *, none_exist: tuple[str, str] | None = None) -> EntryResult:
        """Create; with `none_exist` only when nothing carries that identifier."""


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
    strategy: StrategyChoice = "auto"
    status_map: StatusMap = field(default_factory=dict)
    authorities: frozenset[str] = frozenset()
    """Identifier systems of patients this target may get; empty: all."""
    patients_at_once: int = 50
    workers: int = 1
    """Patients written at the same time; all about one patient is written by one of them, in its order."""
    known: Known = field(default_factory=Known)
    """What its CapabilityStatement told last."""
    writing: Lock = field(default_factory=Lock)
    """One round at a time: two writers of one key would meet a server's own race between search and create."""
    pause: Callable[[int], None] = field(default=lambda conflicts: time.sleep(conflict_pause_s(conflicts)))
    """Waits before the next try after so many conflicts."""


def conflict_pause_s(conflicts: int) -> float:
    """Up to twice as long after each conflict, never exactly as long as another writer waits."""
    return random.uniform(0.02, 0.05) * 2.0**conflicts  # noqa: S311 - spreads tries, keeps no secret
