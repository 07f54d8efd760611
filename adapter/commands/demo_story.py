"""The vocabulary in which the demo hospital's patients are written down: doses, levels, reactions, expectations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AnswerCode = Literal["AA", "AE"]
Shape = Literal[
    "plain",
    "lf-line-ends",
    "latin-1",
    "latin-1-undeclared",
    "five-encoding-characters",
    "specimen-first",
    "version-2.3",
]
Delivery = Literal["once", "same-bytes-twice", "again-with-new-control-id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One report of an asparaginase activity, in hours after the end of its dose."""

    hours: float
    value: str
    unit: str = "IU/mL"
    status: str = "F"
    value_type: str = "NM"
    laboratory_flag: str = ""
    specimen: str = "A"
    """Reports of one specimen letter share filler order and specimen id: they are versions of one sample."""
    reported_after_h: float = 26
    """Hours from collection to the report (OBR-22): orders the versions of one sample."""
    without_collection_time: bool = False
    shape: Shape = "plain"
    delivery: Delivery = "once"
    answer: AnswerCode = "AA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Premedication:
    """One drug of the demo formulary given some hours before the start of the dose."""

    drug: str
    hours_before: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """One AllergyIntolerance with one reaction row, in hours after the start of the dose."""

    hours: float
    snomed: str
    words: str
    severity: Literal["mild", "moderate", "severe"]
    retracted: bool = False
    """Recorded, and marked entered-in-error after the laboratory feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One MedicationAdministration of the demo formulary, with all that hangs on it."""

    days_ago: int
    """Started that many days before the demo's day, at 10:00 UTC."""
    infusion_minutes: int = 120
    """0 for an injection."""
    drug: str = "PEGASP"
    status: Literal["completed", "stopped"] = "completed"
    given_iu_per_m2: int = 2500
    ordered_iu_per_m2: int | None = None
    intramuscular: bool = False
    after_feed: bool = False
    """The record reaches the adapter only after every laboratory message."""
    premedication: tuple[Premedication, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the rulebook says of one dose (or of one level without a dose); None where nothing is promised."""

    exposure: str | None
    mechanism: str | None
    monitoring: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedFlag:
    """A Flag that must be active at the end of the day."""

    topic: str
    priority: Literal["P1", "P2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One scripted patient: what happens, and what must come out, worked out by hand from the rulebook."""

    slug: str
    label: str
    """What the story shows, in plain words."""
    doses: tuple[Dose, ...] = ()
    levels_without_dose: tuple[Level, ...] = ()
    """Hours count from 10:00 UTC eight days before the demo's day."""
    verdicts: tuple[Verdict, ...]
    """One per dose in order of time, then one per level without a dose."""
    flags: tuple[RaisedFlag, ...] = ()
    closed_topics: tuple[str, ...] = ()
    """Topics raised and closed (or retracted) in the course of the day."""
