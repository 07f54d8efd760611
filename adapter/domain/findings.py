"""Findings: the interpretation of one dose episode, or of one sample that no dose explains (CONTRACTS 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

Priority = Literal["P1", "P2", "P3"]

EXPOSURES = ("adequate", "inadequate", "above-band", "indeterminate", "no-result")
MECHANISMS = (
    "no-evidence-of-inactivation",
    "below-target-not-inactivation",
    "suspected-silent-inactivation",
    "confirmed-silent-inactivation",
    "suspected-neutralizing-hypersensitivity",
    "neutralizing-hypersensitivity",
    "reaction-activity-preserved",
    "severe-reaction-activity-preserved",
    "reaction-unresolved",
    "not-assessable",
)
MONITORING = (
    "not-due",
    "due",
    "sample-overdue",
    "result-overdue",
    "missed",
    "complete",
    "confirmation-due",
)
MODIFIERS = (
    "near-threshold",
    "unquantified-below",
    "early",
    "late",
    "partial-dose",
    "dose-unknown",
    "premedicated",
    "systemic-steroid",
    "cross-family-residual",
    "same-family-carryover",
    "discordant",
    "unit-suspect",
    "unit-missing",
    "sample-time-missing",
    "date-only",
    "same-day-ambiguous",
    "preliminary",
    "corrected",
    "specimen-quality",
    "grade-mapped",
    "product-ambiguous",
    "method-bias",
    "prior-inactivation",
    "first-dose",
    "value-unreadable",
    "unit-assumed",
    "zone-assumed",
    "no-dose-known",
    "reaction-unconfirmed",
    "reaction-refuted",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseInFinding:
    """The dose episode a finding speaks of."""

    key: str
    product: str
    family: str
    started: str | None
    ended: str | None
    amount: str | None
    unit: str | None
    route: str | None
    fraction: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleInFinding:
    """One sample of the dose, with the elapsed time and the value in IU/mL."""

    key: str
    specimen: str | None
    collected: str | None
    hours_since_dose: str | None
    hours_range: tuple[str, str] | None
    value: str | None
    comparator: str | None
    unit: str | None
    reported: dict[str, str | None]
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionInFinding:
    """One reaction event linked to the dose."""

    key: str
    occurred: str | None
    occurred_from: str | None
    hours_after_start: str | None
    grade: int | None
    grade_from: str | None
    """`explicit`, `severity`, `manifestation`, `text` (adrenaline named as given) or None (ungraded)."""
    severe: bool
    verification: str
    manifestations: tuple[str, ...]
    counts: bool
    """False for a note only: nausea, vomiting, headache or somnolence alone."""
    source: str = ""
    """Source of the record; not printed."""
    records: tuple[str, ...] = ()
    """`<source>|<key>` of every record of this one event, this one included; not printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PremedicationInFinding:
    """One drug given before the dose, inside the policy's search window."""

    key: str
    role: str
    drug: str | None
    started: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the history of one patient says about one dose episode, or about one unlinked sample."""

    patient: str
    source: str
    """Source of the dose (or of the unlinked sample); prefixes output keys, is not printed."""
    dose: DoseInFinding | None
    samples: tuple[SampleInFinding, ...]
    reactions: tuple[ReactionInFinding, ...]
    premedication: tuple[PremedicationInFinding, ...]
    exposure: str
    mechanism: str
    monitoring: str | None
    modifiers: tuple[str, ...]
    priority: Priority | None
    policy: str | None
    policy_hash: str | None
    history_from: str | None
    rules: tuple[str, ...]
    next_check: datetime | None
    sentence: str
    evidence: dict[str, Any] = field(hash=False)
    threshold_iu_per_ml: Decimal | None = None
    """Headline threshold, for the Observation component; not printed as a key of its own."""
    headline_sample: str | None = None
    """Key of the sample whose exposure headlines the dose; not printed."""
    sample_sources: tuple[tuple[str, str], ...] = ()
    """(sample key, source) pairs; not printed."""


PRINTED_KEYS = (
    "patient",
    "dose",
    "samples",
    "reactions",
    "premedication",
    "exposure",
    "mechanism",
    "monitoring",
    "modifiers",
    "priority",
    "policy",
    "policy_hash",
    "history_from",
    "rules",
    "next_check",
    "sentence",
    "evidence",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpretation:
    """All findings of one patient at one time, and what could not be placed."""

    patient: str
    findings: tuple[Finding, ...]
    unlinked: tuple[Finding, ...]
    problems: tuple[str, ...] = ()
    """`reaction-unlinked` once per reaction no dose explains."""

    @property
    def next_check(self) -> datetime | None:
        """The earliest time at which anything here can change by itself."""
        times = [f.next_check for f in (*self.findings, *self.unlinked) if f.next_check]
        return min(times) if times else None
