"""Clinical stories told in code: doses, levels, reactions and drugs of one patient, then what the rules say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapter.domain.activity import Activity, Reported
from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    Coding,
    Event,
    HypersensitivityRecorded,
    PremedicationGiven,
    Recorded,
    Version,
)
from adapter.domain.findings import Finding, Interpretation
from adapter.domain.history import History, resolve
from adapter.domain.policy import RuleBook
from adapter.domain.times import Moment, exact_moment, iso_moment
from adapter.knowledge.policies import load_rulebook
from adapter.rules import interpret

PATIENT = "https://hospital.example/mrn|4711"
ANCHOR = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
SHIPPED, FAULTS = load_rulebook()
LETTERS = {
    "F": "final",
    "C": "corrected",
    "P": "preliminary",
    "W": "entered-in-error",
    "X": "cancelled",
    "I": "pending",
}


def at(text: str | datetime | Moment) -> Moment:
    """`3 10:00` is a day of March 2025 in UTC; a longer text is ISO 8601."""
    if isinstance(text, Moment):
        return text
    if isinstance(text, datetime):
        return exact_moment(text)
    if "-" in text:
        return iso_moment(text, default_zone=UTC)
    day, _, clock = text.partition(" ")
    return iso_moment(f"2025-03-{int(day):02d}" + (f"T{clock}:00Z" if clock else ""), default_zone=UTC)


def activity(text: str, factor: str = "1") -> Activity:
    """A value as the laboratory may send it, in IU/mL after the factor."""
    scale = Decimal(factor)
    if text == "ND":
        return Activity(kind="below-quantification", low=Decimal(0), high=None, high_included=False, factor=scale)
    for sign in ("<=", ">=", "<", ">"):
        if text.startswith(sign):
            number = Decimal(text.removeprefix(sign)) * scale
            below = sign.startswith("<")
            return Activity(
                kind="below" if below else "above",
                low=Decimal(0) if below else number,
                high=number if below else None,
                low_included=below or sign == ">=",
                high_included=sign == "<=",
                comparator=sign,
                number=number,
                factor=scale,
            )
    low, dash, high = text.partition("..")
    if dash:
        return Activity(kind="range", low=Decimal(low) * scale, high=Decimal(high) * scale, factor=scale)
    number = Decimal(text) * scale
    kind = "number" if number > 0 else "below-quantification"
    return Activity(kind=kind, low=number, high=number if number > 0 else None, number=number, factor=scale)


class Story:
    """The facts of one patient, in the order they became known."""

    def __init__(self, rulebook: RuleBook | None = None) -> None:
        self.rulebook = rulebook or SHIPPED
        self.events: list[Event] = []
        self.records = []

    def dose(self, started="3 10:00", ended="3 12:00", *, key="MedicationAdministration/d1", **parts) -> Story:
        values = {
            "source": "ehr",
            "status": "completed",
            "version": Version(number=1),
            "product": "pegaspargase",
            "amount": Decimal(2500),
            "unit": "[IU]/m2",
            "route": "IV",
        }
        self.events.append(
            AsparaginaseAdministered(
                patient=PATIENT,
                key=key,
                started=at(started) if started else None,
                ended=at(ended) if ended else None,
                **{**values, **parts},
            )
        )
        return self

    def level(self, collected, value, *, letter="F", key=None, reported="10 20:00", factor="1", **parts) -> Story:
        number = sum(isinstance(event, ActivityMeasured) for event in self.events) + 1
        read = None if value is None or value in ("TNP", "pending", "unreadable") else activity(value, factor)
        values = {
            "source": "lab",
            "letter": letter,
            "status": LETTERS[letter],
            "version": Version(updated=at(reported), sent=at(reported)),
            "specimen": f"S{number}",
            "lloq_iu_per_ml": Decimal("0.03"),
        }
        self.events.append(
            ActivityMeasured(
                patient=PATIENT,
                key=key or f"LAB/{number}/asparaginase-activity/1",
                activity=read,
                reported=Reported(value=value, unit="IU/mL" if factor == "1" else "IU/L", text=value or ""),
                collected=at(collected) if collected else None,
                **{**values, **parts},
            )
        )
        return self

    def reaction(self, occurred="3 10:20", *, row=1, record="AllergyIntolerance/a1", **parts) -> Story:
        values = {
            "source": "ehr",
            "verification": "confirmed",
            "version": Version(number=1),
            "product": "pegaspargase",
            "occurred_from": "reaction.onset",
            "manifestations": (Coding(code="126485001", text="Urticaria"),),
            "concepts": ("urticaria",),
        }
        self.events.append(
            HypersensitivityRecorded(
                patient=PATIENT,
                key=f"{record}/{row}",
                record=record,
                occurred=at(occurred) if occurred else None,
                **{**values, **parts},
            )
        )
        return self

    def drug(self, started="3 09:30", role="h1-antihistamine", *, key=None, **parts) -> Story:
        number = sum(isinstance(event, PremedicationGiven) for event in self.events) + 1
        values = {"source": "ehr", "status": "completed", "version": Version(number=1)}
        self.events.append(
            PremedicationGiven(
                patient=PATIENT,
                key=key or f"MedicationAdministration/p{number}",
                role=role,
                started=at(started) if started else None,
                **{**values, **parts},
            )
        )
        return self

    def premedicated(self, started="3 09:30") -> Story:
        return self.drug(started, "corticosteroid").drug(started, "h1-antihistamine").drug(started, "h2-antihistamine")

    def history(self) -> History:
        recorded = [Recorded(arrival=number, event=event) for number, event in enumerate(self.events, start=1)]
        return resolve(PATIENT, recorded, self.records)

    def read(self, as_of="18 12:00") -> Interpretation:
        when = at(as_of).latest
        return interpret(self.history(), self.rulebook, when)

    def only(self, as_of="18 12:00") -> Finding:
        (finding,) = self.read(as_of).findings
        return finding


def hours_after(hours: str | Decimal) -> datetime:
    """An instant so many hours after the end of the usual dose."""
    return ANCHOR + timedelta(microseconds=int(Decimal(hours) * 3_600_000_000))


@pytest.fixture(scope="session")
def story():
    """Begin a story."""
    return Story


@pytest.fixture(scope="session")
def after():
    """An instant so many hours after the end of the usual dose (3 March 2025 12:00 UTC)."""
    return hours_after


@pytest.fixture(scope="session")
def rulebook() -> RuleBook:
    """The rule book that is shipped."""
    assert FAULTS == []
    assert SHIPPED is not None
    return SHIPPED


@pytest.fixture(scope="session")
def pegaspargase_only() -> RuleBook:
    """The rule book of a site that reads pegaspargase only."""
    assert SHIPPED is not None
    return replace(SHIPPED, chosen={"pegaspargase": "CONS16"})


@pytest.fixture(scope="session")
def moment_at():
    """A moment from `3 10:00` (March 2025) or ISO 8601."""
    return at


@pytest.fixture(scope="session")
def said():
    """The verdict of a finding, without its words and facts."""

    def verdict(finding: Finding) -> dict[str, object]:
        return {
            "exposure": finding.exposure,
            "mechanism": finding.mechanism,
            "monitoring": finding.monitoring,
            "modifiers": finding.modifiers,
            "priority": finding.priority,
            "rules": finding.rules,
            "hours": tuple(sample.hours_since_dose for sample in finding.samples),
        }

    return verdict
