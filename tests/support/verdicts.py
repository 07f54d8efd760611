"""A whole verdict as the clinical rulebook writes one, to be compared with what a finding says."""

from __future__ import annotations


def verdict(
    exposure: str,
    mechanism: str,
    monitoring: str | None,
    modifiers: str,
    priority: str | None,
    rules: str,
    *hours: str | None,
) -> dict[str, object]:
    """Exposure, mechanism, monitoring, modifiers, priority, rules (one per sample, then the dose's) and hours."""
    return {
        "exposure": exposure,
        "mechanism": mechanism,
        "monitoring": monitoring,
        "modifiers": tuple(modifiers.split()),
        "priority": priority,
        "rules": tuple(rules.split()),
        "hours": hours,
    }
