"""The four facts the product reasons over; a correction is the same event, same key, another status."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from adapter.domain.activity import Activity, Reported
from adapter.domain.times import Moment

ResultStatus = Literal["final", "corrected", "preliminary", "pending", "not-asked", "cancelled", "entered-in-error"]
AdministrationStatus = Literal[
    "completed", "stopped", "in-progress", "on-hold", "unknown", "not-done", "entered-in-error"
]
Route = Literal["IV", "IM"]
PremedicationRole = Literal["corticosteroid", "h1-antihistamine", "h2-antihistamine", "leukaemia-steroid"]
Verification = Literal["confirmed", "unconfirmed", "refuted", "entered-in-error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """One code as it was sent."""

    code: str
    system: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What orders two versions of one fact (ruling 25); all None means the last received counts."""

    number: int | None = None
    """FHIR meta.versionId, when it is an integer."""
    updated: Moment | None = None
    """OBR-22 (else MSH-7), or FHIR meta.lastUpdated."""
    sent: Moment | None = None
    """MSH-7, the tie-break after the status rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityMeasured:
    """A laboratory reported (or corrected, or withdrew) an asparaginase activity."""

    patient: str
    source: str
    key: str
    """Sample key of CONTRACTS 2."""
    status: ResultStatus
    letter: str
    """OBX-11 (else OBR-25) as sent, empty when none."""
    version: Version
    activity: Activity | None
    """None when there is no value, or none that can be read."""
    reported: Reported
    remarks: tuple[str, ...] = ()
    """Modifier codes that reading the message already established: unit-missing, value-unreadable, ..."""
    promotes: bool = False
    """OBX-11 U without a value: the stored preliminary value becomes final."""
    collected: Moment | None = None
    received_by_laboratory: Moment | None = None
    resulted: Moment | None = None
    specimen: str | None = None
    """SPM-2; two keys with the same specimen id are one specimen."""
    specimen_type: str | None = None
    test: Coding | None = None
    lloq_iu_per_ml: Decimal | None = None
    method: str | None = None
    laboratory: str | None = None
    reference_range: str | None = None
    laboratory_flag: str | None = None
    comment: str | None = None
    filler: Coding | None = None
    placer: Coding | None = None
    """Order numbers; `code` is the number, `system` the assigning authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsparaginaseAdministered:
    """A dose of asparaginase (one MedicationAdministration row) was given, stopped, not given, or retracted."""

    patient: str
    source: str
    key: str
    """Dose key of CONTRACTS 2."""
    status: AdministrationStatus
    version: Version
    product: str
    """A product key of CONTRACTS 2."""
    started: Moment | None
    ended: Moment | None = None
    amount: Decimal | None = None
    unit: str | None = None
    ordered_amount: Decimal | None = None
    """In `unit` (ruling 8); None when no order was seen in the same unit."""
    route: Route | None = None
    route_text: str | None = None
    request: str | None = None
    part_of: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    """`<system>|<value>` of every identifier: copies of one dose share one."""
    medication: Coding | None = None
    lot: str | None = None
    status_reason: str | None = None
    remarks: tuple[str, ...] = ()
    """zone-missing, zone-assumed, weak-identity, ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PremedicationGiven:
    """A drug of the premedication list was given (or that record was retracted)."""

    patient: str
    source: str
    key: str
    status: AdministrationStatus
    version: Version
    role: PremedicationRole
    started: Moment | None
    ended: Moment | None = None
    medication: Coding | None = None
    route_text: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HypersensitivityRecorded:
    """One reaction row of an AllergyIntolerance that names an asparaginase (or that record's retraction)."""

    patient: str
    source: str
    key: str
    """`AllergyIntolerance/<id>/<row>`, rows from 1; a record without rows has row 1."""
    record: str
    """`AllergyIntolerance/<id>`: only the rows of its newest version count."""
    verification: Verification
    version: Version
    clinical_status: str | None = None
    product: str | None = None
    """A product key; unspecified-asparaginase for a generic record; None when the record was retracted unread."""
    occurred: Moment | None = None
    occurred_from: str | None = None
    """The element the time came from: reaction.onset, onset, lastOccurrence, recordedDate."""
    manifestations: tuple[Coding, ...] = ()
    concepts: tuple[str, ...] = ()
    """Manifestations as our words: anaphylaxis, urticaria, bronchospasm, nausea, ..."""
    severity: Literal["mild", "moderate", "severe"] | None = None
    grade: int | None = None
    """An explicit CTCAE grade, 1-5."""
    text: str | None = None
    recorder: str | None = None
    remarks: tuple[str, ...] = ()


Event = ActivityMeasured | AsparaginaseAdministered | PremedicationGiven | HypersensitivityRecorded

EVENT_TYPES: dict[str, type[Event]] = {
    "ActivityMeasured": ActivityMeasured,
    "AsparaginaseAdministered": AsparaginaseAdministered,
    "PremedicationGiven": PremedicationGiven,
    "HypersensitivityRecorded": HypersensitivityRecorded,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRecord:
    """What a FHIR Patient resource told: who `Patient/<id>` of one source is; an identity fact, not an event."""

    source: str
    reference: str
    """`Patient/<id>`"""
    patient: str | None
    """`<system>|<value>`, or None when no identifier system is mapped."""
    identifiers: tuple[str, ...] = ()
    deceased: bool = False
    born: Moment | None = None
    replaced_by: str | None = None
    version: Version = field(default_factory=Version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event with the order in which it reached us, which counts only where the event has no version."""

    arrival: int
    event: Event
    origin: str = ""
    """Digest of the message it was read from: the same message read again replaces what it said before."""
