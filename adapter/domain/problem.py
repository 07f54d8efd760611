"""One problem of input, and one kind of problem, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """One registered problem: its HL7 table 0357 code and what to tell a person."""

    code: str
    severity: Severity
    hl7_code: str
    title: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong or unclear at one place of a message; never holds field content."""

    code: str
    severity: Severity
    where: str | None
    """`OBX[2]-6`, `MedicationAdministration.subject`, or None for the whole message."""
    location: str | None
    """The same as ERR-2: `OBX^2^6`; None for FHIR."""
    text: str
    hl7_code: str
