"""Findings before and after: paired by their dose, or by their sample without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VERDICT = ("exposure", "mechanism", "monitoring", "modifiers", "priority")
"""What a change of a finding is told by; its sentence and evidence are `troughline explain`'s."""
NOTHING = "no finding"
NO_WINDOW = "no sampling window"
"""Without a policy or a time, and for a sample without a dose, nothing is said about monitoring."""
Finding = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingChange:
    """One finding before and after; None where there was, or will be, none."""

    patient: str
    key: str
    before: Finding | None
    after: Finding | None

    @property
    def changes_verdict(self) -> bool:
        """Whether more than its words and its grounds is another."""
        return verdict_of(self.before) != verdict_of(self.after)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "patient": self.patient,
            "key": self.key,
            "before": verdict_of(self.before),
            "after": verdict_of(self.after),
        }


def paired(patient: str, before: Sequence[Finding], after: Sequence[Finding]) -> Iterator[FindingChange]:
    """Every finding of a patient beside the one that takes its place, changed or not."""
    old, new = ({finding_key(finding): finding for finding in findings} for findings in (before, after))
    for key in dict.fromkeys((*old, *new)):
        yield FindingChange(patient=patient, key=key, before=old.get(key), after=new.get(key))


def verdict_changes(patient: str, before: Sequence[Finding], after: Sequence[Finding]) -> Iterator[FindingChange]:
    """The findings of a patient whose verdict changes."""
    return (change for change in paired(patient, before, after) if change.changes_verdict)


def finding_key(finding: Finding) -> str:
    """The key of the dose, or of the sample without one."""
    return str(finding["dose"]["key"] if finding["dose"] else finding["samples"][0]["key"])


def verdict_of(finding: Finding | None) -> dict[str, Any] | None:
    """The part of a finding that is its verdict."""
    return {name: finding[name] for name in VERDICT} if finding else None


def verdict_words(finding: Finding | None) -> str:
    """`inadequate / suspected-silent-inactivation / confirmation-due [first-dose]`"""
    if finding is None:
        return NOTHING
    modifiers = f" [{', '.join(finding['modifiers'])}]" if finding["modifiers"] else ""
    monitoring = finding["monitoring"] or NO_WINDOW
    return f"{finding['exposure']} / {finding['mechanism']} / {monitoring}{modifiers}"
