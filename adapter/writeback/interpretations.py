"""The interpretation Observation: what the activities of one dose, or of one sample without a dose, mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from adapter.domain.findings import Finding, SampleInFinding
from adapter.fhir import Canonical
from adapter.writeback.codes import EXPOSURES, MECHANISMS, MONITORING
from adapter.writeback.elements import absent, concept, device, fhir_time, narrative, quantity, source_reference
from adapter.writeback.facts import Print

REVIEW = "For review by the treating team."
OVERDUE = ("sample-overdue", "result-overdue", "missed")
INACTIVATED = (
    "suspected-silent-inactivation",
    "confirmed-silent-inactivation",
    "suspected-neutralizing-hypersensitivity",
    "neutralizing-hypersensitivity",
)
LEVELS = {"N": "Normal", "L": "Low", "LL": "Critical low", "H": "High", "IND": "Indeterminate"}
"""http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"""
_LEVEL_OF_EXPOSURE = {"adequate": "N", "inadequate": "L", "above-band": "H", "indeterminate": "IND"}


def is_written(finding: Finding) -> bool:
    """Whether a finding says enough for an Observation: a result, an overdue level, or a linked reaction."""
    return finding.exposure != "no-result" or finding.monitoring in OVERDUE or bool(finding.reactions)


def interpretation_names(finding: Finding, references: Sequence[str], *, canonical: Canonical) -> dict[str, Any]:
    """What the template `observation-interpretation` can say, beside key and subject.

    `references`: the activity Observations (`Observation/<id>`) of the finding's samples.
    """
    headline = headline_sample(finding)
    return {
        "narrative": narrative([_summary(finding), finding.sentence, REVIEW]),
        "dose": source_reference(canonical, finding.source, finding.dose.key) if finding.dose else None,
        "status": status_of(finding),
        "effective": _effective(finding, headline),
        "mechanism": concept(finding.mechanism, MECHANISMS),
        "level": _level(finding),
        "notes": [{"text": f"{finding.sentence} {REVIEW}"}],
        "policy": finding.policy,
        "device": device(canonical),
        "samples": [{"reference": reference, "type": "Observation"} for reference in references],
        "exposure": concept(finding.exposure, EXPOSURES),
        "monitoring": concept(finding.monitoring, MONITORING) if finding.monitoring else {},
        "activity": _activity(headline),
        "hours": _hours(headline),
        "threshold": _threshold(finding.threshold_iu_per_ml),
        "premedicated": "premedicated" in finding.modifiers if finding.dose else None,
        "reaction": _reaction(finding),
    }


def status_of(finding: Finding) -> str:
    """`corrected` when a sample was corrected, else `preliminary`: made by rules, reviewed by nobody.

    A function of the facts, not of what was written before, so that every order of arrival gives the same status;
    that is why `amended` (fhir-interface 2.3) is not used: only the history of writing could tell it from the first.
    """
    return "corrected" if "corrected" in finding.modifiers else "preliminary"


def headline_sample(finding: Finding) -> SampleInFinding | None:
    """The sample whose exposure headlines the dose."""
    return next((sample for sample in finding.samples if sample.key == finding.headline_sample), None)


def verdict_of(finding: Finding, prints: Mapping[str, Print], *, key: str, earlier: Sequence[str]) -> dict[str, Any]:
    """What a reversal notice compares: the verdict, the value it rests on, and what each fact said.

    `earlier`: ids of the interpretations of the earlier doses of the family in whose light it was read.
    """
    headline = headline_sample(finding)
    return {
        "mechanism": finding.mechanism,
        "exposure": finding.exposure,
        "value": spoken_value(headline) if headline else None,
        "source": finding.source,
        "key": key,
        "family": finding.dose.family if finding.dose else "unknown",
        "of": time_of(finding),
        "facts": {name: dict(said) for name, said in prints.items()},
        "earlier": list(earlier),
    }


def time_of(finding: Finding) -> str | None:
    """The start of the dose, or the collection of a sample without one, as text."""
    return finding.dose.started if finding.dose else finding.samples[0].collected


def spoken_value(sample: SampleInFinding) -> str:
    """`<0.03 IU/mL`, or the text as the laboratory sent it."""
    if sample.value is None:
        return sample.reported.get("text") or "no value"
    return f"{sample.comparator or ''}{sample.value} IU/mL"


def _summary(finding: Finding) -> str:
    return f"{MECHANISMS[finding.mechanism]}. {EXPOSURES[finding.exposure]}."


def _level(finding: Finding) -> dict[str, str]:
    """Clinical rulebook 5.4: `LL` for lost activity, else by exposure; no result has no interpretation."""
    code = "LL" if finding.mechanism in INACTIVATED else _LEVEL_OF_EXPOSURE.get(finding.exposure)
    return concept(code, LEVELS) if code else {}


def _effective(finding: Finding, headline: SampleInFinding | None) -> str | None:
    if headline and headline.collected:
        return fhir_time(headline.collected)
    return fhir_time(finding.dose.started) if finding.dose else None


def _activity(sample: SampleInFinding | None) -> dict[str, Any]:
    if sample is None or sample.value is None:
        return {"absent": absent("as-text" if sample and sample.reported.get("text") else "unknown")}
    return quantity(Decimal(sample.value), "IU/mL", "[IU]/mL", sample.comparator)


def _hours(sample: SampleInFinding | None) -> dict[str, Any]:
    if sample is None:
        return {}
    if sample.hours_since_dose is not None:
        return {"quantity": quantity(Decimal(sample.hours_since_dose), "h", "h")}
    if sample.hours_range is None:
        return {}
    low, high = (quantity(Decimal(hours), "h", "h") for hours in sample.hours_range)
    return {"range": {"low": low, "high": high}}


def _threshold(threshold: Decimal | None) -> dict[str, Any] | None:
    return None if threshold is None else quantity(threshold, "IU/mL", "[IU]/mL")


def _reaction(finding: Finding) -> dict[str, Any]:
    """True: one that counts; false: only records that do not count (nausea alone); absent: no record.

    A missing record is never `false`: it does not say that there was no reaction (clinical rulebook 6.1).
    """
    if finding.dose is None:
        return {}
    if not finding.reactions:
        return {"absent": absent("unknown")}
    return {"recorded": any(reaction.counts for reaction in finding.reactions)}
