"""A finding as plain JSON-ready values, keys in the order of the contract."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from adapter.domain.findings import PRINTED_KEYS, Finding
from adapter.domain.times import instant_text

_UNPRINTED_OF_REACTION = ("source", "records")


def printed(finding: Finding) -> dict[str, Any]:
    """One finding with every contract key, in order; times as ISO 8601 text, numbers as decimal text."""
    values = {
        **{key: getattr(finding, key) for key in PRINTED_KEYS},
        "dose": asdict(finding.dose) if finding.dose else None,
        "samples": [_listed(asdict(sample)) for sample in finding.samples],
        "reactions": [_listed(_public(asdict(reaction))) for reaction in finding.reactions],
        "premedication": [asdict(drug) for drug in finding.premedication],
        "modifiers": list(finding.modifiers),
        "rules": list(finding.rules),
        "next_check": instant_text(finding.next_check) if finding.next_check else None,
    }
    return {key: values[key] for key in PRINTED_KEYS}


def _public(reaction: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in reaction.items() if key not in _UNPRINTED_OF_REACTION}


def _listed(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in entry.items()}
