"""A finding as plain JSON-ready values, keys in the order of the contract."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from adapter.domain.findings import (
    PRINTED_KEYS,
    DoseInFinding,
    Finding,
    PremedicationInFinding,
    ReactionInFinding,
    SampleInFinding,
)
from adapter.domain.times import instant_text

_UNPRINTED_OF_REACTION = ("source", "records")
_Part = DoseInFinding | SampleInFinding | ReactionInFinding | PremedicationInFinding
_NAMES: dict[type[_Part], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind))
    for kind in (DoseInFinding, SampleInFinding, ReactionInFinding, PremedicationInFinding)
}


def printed(finding: Finding) -> dict[str, Any]:
    """One finding with every contract key, in order; times as ISO 8601 text, numbers as decimal text."""
    values = {
        **{key: getattr(finding, key) for key in PRINTED_KEYS},
        "dose": _entry(finding.dose) if finding.dose else None,
        "samples": [_entry(sample) for sample in finding.samples],
        "reactions": [_public(_entry(reaction)) for reaction in finding.reactions],
        "premedication": [_entry(drug) for drug in finding.premedication],
        "modifiers": list(finding.modifiers),
        "rules": list(finding.rules),
        "next_check": instant_text(finding.next_check) if finding.next_check else None,
    }
    return {key: values[key] for key in PRINTED_KEYS}


def _public(reaction: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in reaction.items() if key not in _UNPRINTED_OF_REACTION}


def _entry(part: _Part) -> dict[str, Any]:
    """A part of a finding, one level deep as it is: what may be changed is copied, and a tuple is a list."""
    return {name: _own(getattr(part, name)) for name in _NAMES[type(part)]}


def _own(value: Any) -> Any:  # noqa: ANN401 - whatever a field may hold
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, dict) else value
