"""What comes in and what the corridor hands from room to room."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from adapter.domain.events import Event, PatientRecord, Recorded
from adapter.domain.identities import IdentityTold, Membership, Statements
from adapter.domain.outputs import Change
from adapter.domain.people import Person
from adapter.domain.problems import Problem

Kind = Literal["hl7v2", "fhir", "hint"]
"""A hint is what a source told of its resources: kept, never read as one of them."""
Relevance = Literal["relevant", "near-miss", "irrelevant"]
IMPORT = "import"
"""The door of files that are imported: nobody waits there for an answer."""
HOOK, POLL, HTTP = "hook", "poll", "http"
"""The doors of notifications, of what is read at a source, and of pushes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Bytes as they came through a door, before anything was understood."""

    kind: Kind
    source: str
    """Name of the configured source the door belongs to: prefixes output keys."""
    listener: str
    """The door: `mllp`, `http`, `file`, ..."""
    raw: bytes
    received_at: datetime
    sender: str = ""
    """`MSH-3|MSH-4` of an HL7 message, as sent; empty for FHIR."""
    control_id: str = ""
    """MSH-10; empty for FHIR or when missing."""
    message_type: str = ""
    """`ORU^R01`, or the FHIR resource type."""
    digest: str = ""
    """sha256 of `raw`, hex."""
    relevance: Relevance = "relevant"
    method: str = "POST"
    """HTTP method of a FHIR push (`DELETE` is a retraction); POST otherwise."""
    target: str | None = None
    """`Type/id` taken from the URL of a FHIR push; of an imported resource that has no version."""
    file: str | None = None
    """Name of the file it was read from, for `play` and file intake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What keeping one arrival gave: its place in the inbox, or the earlier message it repeats."""

    seq: int
    repeat_of: int | None = None
    """Set when the same bytes were already kept and accepted: nothing new was stored."""
    answer: str | None = None
    """The stored answer code of that earlier message, when it is known."""
    control_id_reused: bool = False
    """The same sender used this control id before for other content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One message as the inbox holds it."""

    seq: int
    arrival: Arrival


class Header(NamedTuple):
    """All that is kept of an irrelevant message under `archive_irrelevant: headers`."""

    received_at: datetime
    listener: str
    sender: str
    message_type: str
    control_id: str
    sent: str
    """MSH-7 as it was sent."""
    size: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The acknowledgment a message deserves (HL7 table 0008): AA, AE, AR; CA, CE, CR in enhanced mode; "" for none."""

    code: Literal["AA", "AE", "AR", "CA", "CE", "CR", ""]
    errors: tuple[Problem, ...] = ()
    """Problems of severity error, in the order of the message; behind them warnings, for a sender who wants them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """What ingest understood of one HL7 message, or of one FHIR body."""

    relevance: Relevance
    control_id: str | None = None
    events: tuple[Event, ...] = ()
    identities: tuple[IdentityTold, ...] = ()
    """Patient records that a merge joins or an unlink parts."""
    patients: tuple[PatientRecord, ...] = ()
    people: tuple[Person, ...] = ()
    """Whom each record number stands for, where a birth date and a family name tell."""
    known: tuple[tuple[str, dict[str, Any]], ...] = ()
    """(`Type/id`, resource) of supporting FHIR resources: Patient, Medication, MedicationRequest."""
    problems: tuple[Problem, ...] = ()
    parked: str | None = None
    """Problem code for which (a part of) the message waits in the work list."""
    waits_for: tuple[str, ...] = ()
    """FHIR references (`Patient/p1`) whose arrival may resolve what is parked."""
    answer: Answer = field(default_factory=lambda: Answer(code="AA"))
    stamp: datetime | None = None
    """MSH-7 as an instant, or the stamp of a FHIR body (CONTRACTS 5); drives the clock of `play`."""
    turn: int = 0
    """When it happened among the entries of a history Bundle; they are told in the order of the entries."""
    codes_seen: tuple[tuple[str, str, str], ...] = ()
    """(system, code, text) of codes no table knows, for the census."""
    mapping_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """Where a message lies: which inbox, which row, and what Provenance may say of it."""

    inbox: str
    seq: int
    source: str
    sender: str = ""
    control_id: str = ""
    digest: str = ""
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A message that waits for a person, a table row, or a resource."""

    message: MessageRef
    reason: str
    problems: tuple[Problem, ...]
    waits_for: tuple[str, ...] = ()
    parked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientResult:
    """The outcome of one interpretation of one patient, to be committed with its cause."""

    patient: str
    members: tuple[str, ...] = ()
    """All identifiers of the patient, his own first; empty for one who was never merged."""
    findings: tuple[dict[str, Any], ...] = field(hash=False)
    """Printed findings (CONTRACTS 3), dose findings then unlinked ones."""
    unlinked: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    changes: tuple[Change, ...] = ()
    owners: tuple[tuple[str, str], ...] = ()
    """(resource id, patient) of resources about a dose or sample of another of his identifiers: after an unlink they
    are that patient's."""
    problems: tuple[str, ...] = ()
    """Problem codes of the interpretation itself: reaction-unlinked, once per reaction."""
    provenance: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    """Provenance resources for those changes."""
    next_check: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Everything one message (or one timer tick) changes, committed in one transaction."""

    at: datetime
    message: MessageRef | None = None
    """None for a reassessment; otherwise its inbox's cursor moves to its seq."""
    events: tuple[Recorded, ...] = ()
    superseded: tuple[Recorded, ...] = ()
    """Events that an earlier reading of the same messages gave and this one does not: they are removed."""
    patients: tuple[PatientRecord, ...] = ()
    statements: tuple[Statements, ...] = ()
    """What origins say of identities now, in place of what they said before."""
    people: tuple[Person, ...] = ()
    memberships: tuple[Membership, ...] = ()
    """Patients who are read under another record from now on, or under their own again."""
    known: tuple[tuple[str, dict[str, Any]], ...] = field(default=(), hash=False)
    results: tuple[PatientResult, ...] = ()
    parked: Parked | None = None
    waiting: tuple[Parked, ...] = ()
    """Messages read again that must wait on, now for what is still missing."""
    resolved: tuple[MessageRef, ...] = ()
    """Messages that leave the work list with this commit."""
    problems: tuple[Problem, ...] = ()
    deliver_to: tuple[str, ...] = ()
    """Names of the targets every change becomes an outbox row for (shadow targets included)."""
    withheld: frozenset[tuple[str, str]] = frozenset()
    """(target, resource id) pairs that get no outbox row, unless the target may hold the resource already."""
    owed_again: tuple[OwedAgain, ...] = ()
    """Unchanged resources of patients who were joined or parted: which targets may hold them has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedAgain:
    """One resource that a target has to be told again, though it reads as before."""

    target: str
    patient: str
    """Whom it is about: the surviving record of merged ones."""
    resource_type: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientState:
    """All that is remembered of one patient."""

    patient: str
    recorded: tuple[Recorded, ...]
    """Every distinct version of every event of every key this patient holds."""
    records: tuple[PatientRecord, ...]
    written: tuple[Any, ...]
    """`Written` rows, all states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One resource one target should hold, in its present state."""

    target: str
    patient: str
    resource_type: str
    id: str
    body: dict[str, Any] = field(hash=False)
    content_hash: str
    attempts: int
    generation: int
    """Rises with every newer state of the resource: settling an older one changes nothing."""
    strategy: str | None = None
    """How the target came to hold it; `left-out` when it holds another copy, or none on purpose; None: not yet."""
    remote_id: str | None = None
    """The id under which the target holds it, or the other copy."""
    remote_version: str | None = None
    """The version it had there when we last wrote it."""
    remote_hash: str | None = None
    """What the target last confirmed, as a comparable hash."""
    sent_hash: str | None = None
    """Hashes of what was sent there since an answer told what it holds, separated by spaces, the newest last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one delivery attempt of one row ended."""

    row: OutboxRow
    state: Literal["confirmed", "pending", "parked"]
    reason: str | None = None
    retry_at: datetime | None = None
    strategy: str | None = None
    """This and what follows: None leaves the ledger as it was."""
    remote_id: str | None = None
    remote_version: str | None = None
    remote_hash: str | None = None
    sent_hash: str | None = None
