"""Goals of a bench: ratios within one run, never seconds, and what must be right whatever it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One goal with what this run measured for it."""

    id: str
    goal: str
    measured: str
    passed: bool
    correctness: bool = False
    """Wrong results fail every run; a missed ratio fails under --strict only."""


def at_most(name: str, what: str, measured: float, limit: float) -> Goal:
    """A ratio that must not exceed a limit."""
    return Goal(id=name, goal=f"{what} <= {limit:.2f}", measured=f"{measured:.2f}", passed=measured <= limit)


def at_least(name: str, what: str, measured: float, limit: float) -> Goal:
    """A ratio that must reach a limit."""
    return Goal(id=name, goal=f"{what} >= {limit:.2f}", measured=f"{measured:.2f}", passed=measured >= limit)


def exit_status(goals: Sequence[Goal], *, strict: bool) -> int:
    """1 when a result is wrong, or under --strict when a ratio missed its goal; else 0."""
    return int(any(not goal.passed for goal in goals if strict or goal.correctness))


def verdict(goals: Sequence[Goal]) -> list[dict[str, Any]]:
    """The goals as JSON-ready values."""
    return [{"id": goal.id, "goal": goal.goal, "measured": goal.measured, "pass": goal.passed} for goal in goals]


def verdict_lines(goals: Sequence[Goal], *, strict: bool) -> list[str]:
    """The goals for a person; without --strict a missed ratio is only told."""
    missed = "FAILED" if strict else "missed"
    return [
        f"{goal.id:<4}{'ok' if goal.passed else 'WRONG' if goal.correctness else missed:<8}{goal.goal}: {goal.measured}"
        for goal in goals
    ]
