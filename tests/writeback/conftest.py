"""Synthetic facts and findings for write-back: one child, one pegaspargase dose, levels around the threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from adapter.domain.activity import Reported
from adapter.domain.events import (
    ActivityMeasured,
    AsparaginaseAdministered,
    Coding,
    HypersensitivityRecorded,
    Version,
)
from adapter.domain.findings import DoseInFinding, Finding, Interpretation, ReactionInFinding, SampleInFinding
from adapter.domain.history import History
from adapter.domain.outputs import Change, Written
from adapter.domain.times import iso_moment
from adapter.domain.values import activity_of, read_value
from adapter.fhir import Canonical, dumps, required_code_problems, validate
from adapter.knowledge.spec import OutputTemplate
from adapter.writeback.changes import changes_due
from adapter.writeback.elements import Subject

PATIENT = "https://hospital.example/mrn|1001"
OUTPUTS = Path(__file__).parents[2] / "mappings" / "outputs"


class Ledger:
    """A patient's outputs over time."""

    def __init__(self, **parts: Any) -> None:
        self.parts = parts
        self.written: dict[str, Written] = {}

    def reads(self, interpretation: Any, history: Any, now: datetime) -> list[Change]:
        changes = changes_due(interpretation, history, list(self.written.values()), now=now, **self.parts)
        self.written |= {change.after.id: change.after for change in changes}
        return list(changes)


@cache
def _templates() -> dict[str, OutputTemplate]:
    found = {}
    for path in sorted(OUTPUTS.glob("*.yaml")):
        parsed = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - text only
        found[parsed["output"]] = OutputTemplate(
            name=parsed["output"], version=parsed["version"], resource=parsed["resource"], file=path.name
        )
    return found


def _sample(
    text: str = "0.05", *, unit: str | None = "IU/mL", factor: str = "1", key: str = "L1", **changes: Any
) -> ActivityMeasured:
    value = read_value([text])
    plain = ActivityMeasured(
        patient=PATIENT,
        source="play",
        key=f"LAB/{key}/asparaginase-activity/1",
        status="final",
        letter="F",
        version=Version(),
        activity=activity_of(value, Decimal(factor)),
        reported=Reported(value=text.lstrip("<>= ") or None, unit=unit, text=text),
        collected=iso_moment("2025-03-10T11:30:00+00:00"),
        resulted=iso_moment("2025-03-11T08:00:00+00:00"),
        specimen=f"S-{key}",
        specimen_type="Serum",
        test=Coding(code="ASPACT", system="L", text="Asparaginase activity"),
        laboratory="Reference laboratory",
        filler=Coding(code=key, system="LAB"),
        placer=Coding(code=f"ORD-{key}", system="1.3.6.1.4.1.99999.1.7"),
    )
    return replace(plain, **changes)


def _dose(key: str = "d1", started: str = "2025-03-03T10:00:00+00:00", **changes: Any) -> AsparaginaseAdministered:
    plain = AsparaginaseAdministered(
        patient=PATIENT,
        source="play",
        key=f"MedicationAdministration/{key}",
        status="completed",
        version=Version(),
        product="pegaspargase",
        started=iso_moment(started),
        amount=Decimal(2500),
        unit="[IU]",
        route="IV",
    )
    return replace(plain, **changes)


def _reaction(key: str = "AllergyIntolerance/a1/1", **changes: Any) -> HypersensitivityRecorded:
    plain = HypersensitivityRecorded(
        patient=PATIENT,
        source="play",
        key=key,
        record=key.rpartition("/")[0],
        verification="confirmed",
        version=Version(),
        product="pegaspargase",
        concepts=("urticaria",),
        grade=2,
    )
    return replace(plain, **changes)


def _finding(
    mechanism: str = "suspected-silent-inactivation",
    exposure: str = "inadequate",
    *,
    dose: AsparaginaseAdministered | None = None,
    samples: tuple[ActivityMeasured, ...] = (),
    reactions: tuple[HypersensitivityRecorded, ...] = (),
    severe: bool = False,
    counts: bool = True,
    family: str = "ecoli",
    **changes: Any,
) -> Finding:
    plain = Finding(
        patient=PATIENT,
        source="play",
        dose=None if dose is None else _dose_in_finding(dose, family),
        samples=tuple(_sample_in_finding(sample) for sample in samples),
        reactions=tuple(_reaction_in_finding(row, severe=severe, counts=counts) for row in reactions),
        premedication=(),
        exposure=exposure,
        mechanism=mechanism,
        monitoring="complete",
        modifiers=(),
        priority="P1",
        policy="CONS16@1",
        policy_hash="0f" * 8,
        history_from="2025-03-03T10:00:00+00:00",
        rules=("D12",),
        next_check=None,
        sentence="Asparaginase activity 0.05 IU/mL is below the 0.10 IU/mL day-7 threshold of policy CONS16 v1.",
        evidence={},
        threshold_iu_per_ml=Decimal("0.10"),
        headline_sample=samples[-1].key if samples else None,
        sample_sources=tuple((sample.key, sample.source) for sample in samples),
    )
    return replace(plain, **changes)


def _dose_in_finding(dose: AsparaginaseAdministered, family: str) -> DoseInFinding:
    return DoseInFinding(
        key=dose.key,
        product=dose.product,
        family=family,
        started=dose.started.text if dose.started else None,
        ended=None,
        amount=None if dose.amount is None else str(dose.amount),
        unit=dose.unit,
        route=dose.route,
        fraction="1",
    )


def _sample_in_finding(sample: ActivityMeasured) -> SampleInFinding:
    number = sample.activity.number if sample.activity else None
    return SampleInFinding(
        key=sample.key,
        specimen=sample.specimen,
        collected=sample.collected.text if sample.collected else None,
        hours_since_dose="167.5",
        hours_range=None,
        value=None if number is None else format(number, "f"),
        comparator=sample.activity.comparator if sample.activity else None,
        unit="[IU]/mL",
        reported={"value": sample.reported.value, "unit": sample.reported.unit, "text": sample.reported.text},
        status=sample.status,
    )


def _reaction_in_finding(row: HypersensitivityRecorded, *, severe: bool, counts: bool) -> ReactionInFinding:
    return ReactionInFinding(
        key=row.key,
        occurred=None,
        occurred_from=None,
        hours_after_start=None,
        grade=row.grade,
        grade_from="explicit",
        severe=severe,
        verification=row.verification,
        manifestations=row.concepts,
        counts=counts,
    )


def _interpretation(*findings: Finding, unlinked: tuple[Finding, ...] = ()) -> Interpretation:
    return Interpretation(patient=PATIENT, findings=findings, unlinked=unlinked)


def _history(
    *,
    doses: tuple[AsparaginaseAdministered, ...] = (),
    samples: tuple[ActivityMeasured, ...] = (),
    reactions: tuple[HypersensitivityRecorded, ...] = (),
    withdrawn: frozenset[str] = frozenset(),
) -> History:
    return History(patient=PATIENT, doses=doses, samples=samples, reactions=reactions, withdrawn=withdrawn)


def _check(resource: dict[str, Any]) -> None:
    assert b'"family"' not in dumps(resource), "a name of a person"
    assert validate(resource) == []
    assert required_code_problems(resource) == []


@pytest.fixture
def templates() -> dict[str, OutputTemplate]:
    return _templates()


@pytest.fixture
def canonical() -> Canonical:
    return Canonical()


@pytest.fixture
def subject() -> Subject:
    return Subject(patient=PATIENT, reference="Patient/p1")


@pytest.fixture
def make() -> SimpleNamespace:
    """Builders of facts and findings."""
    return SimpleNamespace(
        sample=_sample,
        dose=_dose,
        reaction=_reaction,
        finding=_finding,
        interpretation=_interpretation,
        history=_history,
    )


@pytest.fixture
def site(templates: dict[str, OutputTemplate], canonical: Canonical, subject: Subject) -> dict[str, Any]:
    """What rendering needs beside the facts."""
    return {"templates": templates, "canonical": canonical, "subject": subject}


@pytest.fixture
def ledger(site: dict[str, Any]) -> Ledger:
    return Ledger(**site)


@pytest.fixture
def story(make: SimpleNamespace) -> Callable[..., Any]:
    """(interpretation, history) of one dose with its samples, and further doses that are only facts."""

    def of(
        verdict: tuple[str, str], *samples: Any, later: tuple[Any, ...] = (), reactions: tuple[Any, ...] = ()
    ) -> Any:
        dose = make.dose()
        finding = make.finding(*verdict, dose=dose, samples=samples, reactions=reactions)
        return make.interpretation(finding), make.history(doses=(dose, *later), samples=samples, reactions=reactions)

    return of


@pytest.fixture
def check_resource() -> Callable[[dict[str, Any]], None]:
    return _check
