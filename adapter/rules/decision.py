"""Which row of which decision table decides a situation (rulebook 2.8, rulings 11 to 15)."""

from __future__ import annotations

from functools import lru_cache

from adapter.domain.policy import DecisionTable
from adapter.rules.row import Rule
from adapter.rules.situation import Situation
from adapter.rules.table_erwinia import ERWINIA
from adapter.rules.table_pegylated import NATIVE, PEGYLATED

TABLES: dict[DecisionTable, tuple[Rule, ...]] = {"pegylated": PEGYLATED, "native": NATIVE, "erwinia": ERWINIA}


@lru_cache(maxsize=65536)
def decide(situation: Situation) -> Rule:
    """The one row that applies; `D0`, indeterminate, where the table is silent."""
    applying = (rule for rule in TABLES[situation.table] if rule.applies(situation))
    return next(applying, undecided(reacted=situation.reaction != "none"))


def undecided(*, reacted: bool, rule: str = "D0") -> Rule:
    """No verdict: indeterminate, and a reaction stays unresolved until a usable level comes (ruling 15)."""
    mechanism = "reaction-unresolved" if reacted else "not-assessable"
    return Rule(id=rule, needs=(), exposure="indeterminate", mechanism=mechanism)
