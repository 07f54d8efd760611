"""One row of a decision table."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.rules.conditions import Condition
from adapter.rules.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of a decision table: its id, all it needs, and what it says; no two rows of a table hold at once."""

    id: str
    needs: tuple[Condition, ...]
    exposure: str
    mechanism: str

    def applies(self, situation: Situation) -> bool:
        """Whether everything it needs is so."""
        return all(condition.holds(situation) for condition in self.needs)


def row(rule: str, *needs: Condition, says: tuple[str, str]) -> Rule:
    """A row that says (exposure, mechanism)."""
    exposure, mechanism = says
    return Rule(id=rule, needs=needs, exposure=exposure, mechanism=mechanism)
