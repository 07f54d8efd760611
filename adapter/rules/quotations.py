"""Which statements of others a policy lists for a finding: by mechanism, and by route, window and grade."""

from __future__ import annotations

from collections.abc import Sequence

from adapter.domain.policy import Policy, Quotation
from adapter.rules.confirmation import JudgedDose
from adapter.rules.limits import window_at


def quoted(dose: JudgedDose) -> tuple[Quotation, ...]:
    """The statements that apply to a dose, in the order of the policy file."""
    policy = dose.episode.limits.policy
    if policy is None:
        return ()
    return tuple(quotation for quotation in policy.quotations if _applies(quotation, dose, policy))


def grade_unknown(dose: JudgedDose, told: Sequence[Quotation]) -> bool:
    """Whether a statement on reactions from a grade upwards is told for a reaction whose grade nobody sent."""
    return any(quotation.from_grade is not None for quotation in told) and None in _grades(dose)


def _applies(quotation: Quotation, dose: JudgedDose, policy: Policy) -> bool:
    if quotation.situation != dose.combined.mechanism:
        return False
    if quotation.route is not None and dose.episode.route not in (quotation.route, None):
        return False
    return _in_window(quotation, dose, policy) and _of_grade(quotation, dose)


def _in_window(quotation: Quotation, dose: JudgedDose, policy: Policy) -> bool:
    deciding = dose.combined.deciding
    if quotation.window is None:
        return True
    window = window_at(policy, deciding.placement.least) if deciding else None
    return window is not None and window.name == quotation.window


def _of_grade(quotation: Quotation, dose: JudgedDose) -> bool:
    least = quotation.from_grade
    return least is None or any(grade is None or grade >= least for grade in _grades(dose))


def _grades(dose: JudgedDose) -> list[int | None]:
    return [reaction.grade for reaction in dose.reactions if reaction.counts]
