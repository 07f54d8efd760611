"""How urgent a finding is: the most urgent Flag it calls for (CONTRACTS 4); P3 is written but raises none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapter.domain.findings import Priority
from adapter.rules.combine import SILENT_INACTIVATION

JUDGED = ("adequate", "above-band", "inadequate")
SUFFICIENT = ("adequate", "above-band")
NEUTRALIZING = ("suspected-neutralizing-hypersensitivity", "neutralizing-hypersensitivity")
OVERDUE = ("sample-overdue", "result-overdue")
BELOW_TARGET = "below-target-not-inactivation"
DATA_CHECKS = (
    "unit-suspect",
    "unit-missing",
    "value-unreadable",
    "discordant",
    "no-dose-known",
    "product-ambiguous",
    "sample-time-missing",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The parts of a finding its priority depends on."""

    exposure: str
    mechanism: str
    monitoring: str | None
    modifiers: tuple[str, ...]
    rules: tuple[str, ...]
    severe: bool
    reacted_before: bool
    """An earlier dose of the patient was followed by a reaction."""
    severe_unlinked: bool
    """A severe reaction record could concern this dose, and nothing ties it to the dose."""

    @property
    def reaction_open(self) -> bool:
        """A reaction still waits for a usable level."""
        return self.mechanism == "reaction-unresolved"


def priority_of(verdict: Verdict, later: Sequence[Verdict]) -> Priority | None:
    """The priority of one dose; `later` are the verdicts of later doses of its family, which may have closed a Flag."""
    if _first(verdict, later):
        return "P1"
    if _second(verdict, later):
        return "P2"
    return "P3" if verdict.mechanism == BELOW_TARGET and verdict.exposure not in JUDGED else None


def _first(verdict: Verdict, later: Sequence[Verdict]) -> bool:
    judged_later = any(new.exposure in JUDGED for new in later)
    return (
        _inactivation_stands(verdict, later, SILENT_INACTIVATION)
        or _inactivation_stands(verdict, later, NEUTRALIZING)
        or verdict.severe
        or (verdict.mechanism == "reaction-unresolved" and not _replaced(verdict, later))
        or (_overdue(verdict) and (verdict.reaction_open or _masked_again(verdict)))
        or (_data_check(verdict) and verdict.reaction_open)
        or ("prior-inactivation" in verdict.modifiers and verdict.exposure == "no-result" and not judged_later)
    )


def _second(verdict: Verdict, later: Sequence[Verdict]) -> bool:
    in_window_low = verdict.mechanism == BELOW_TARGET and verdict.exposure == "inadequate"
    preserved = verdict.mechanism == "reaction-activity-preserved"
    open_until_next = (in_window_low or preserved) and not _replaced(verdict, later)
    return open_until_next or _overdue(verdict) or _data_check(verdict) or verdict.severe_unlinked


def _inactivation_stands(verdict: Verdict, later: Sequence[Verdict], mechanisms: tuple[str, ...]) -> bool:
    if verdict.mechanism not in mechanisms:
        return False
    return not any(new.exposure in SUFFICIENT and new.mechanism not in mechanisms for new in later)


def _replaced(verdict: Verdict, later: Sequence[Verdict]) -> bool:
    """Whether a later dose with a judged level and another verdict has closed the Flag."""
    return any(new.exposure in JUDGED and not _same_topic(verdict, new) for new in later)


def _same_topic(verdict: Verdict, new: Verdict) -> bool:
    below_in_window = new.mechanism != BELOW_TARGET or new.exposure == "inadequate"
    return new.mechanism == verdict.mechanism and below_in_window


def _overdue(verdict: Verdict) -> bool:
    return verdict.monitoring in OVERDUE


def _masked_again(verdict: Verdict) -> bool:
    return "premedicated" in verdict.modifiers and verdict.reacted_before


def priority_of_unlinked(*, reaction_open: bool) -> Priority:
    """The priority of a sample without a dose: dose record, patient or sample must be checked (CONTRACTS 4)."""
    return "P1" if reaction_open else "P2"


def _data_check(verdict: Verdict) -> bool:
    straddling = "D3" in verdict.rules and verdict.exposure == "indeterminate"
    return straddling or any(code in verdict.modifiers for code in DATA_CHECKS)
