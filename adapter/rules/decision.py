"""The decision table of rulebook 2.8 for pegylated E. coli asparaginases, as ruled: first match wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapter.rules.qualify import LOSS
from adapter.rules.situation import BEFORE_WINDOWS, Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the decision table: its id, when it applies, and what it says."""

    id: str
    when: Callable[[Situation], bool]
    exposure: str
    mechanism: str


def decide(situation: Situation) -> Rule:
    """The first row that applies; `D0`, indeterminate, when the table is silent."""
    return next((rule for rule in RULES if rule.when(situation)), undecided(reacted=situation.reaction != "none"))


def undecided(*, reacted: bool, rule: str = "D0") -> Rule:
    """No verdict: indeterminate, and a reaction stays unresolved until a usable level comes (ruling 15)."""
    mechanism = "reaction-unresolved" if reacted else "not-assessable"
    return Rule(id=rule, when=lambda _: True, exposure="indeterminate", mechanism=mechanism)


def _loss(s: Situation) -> bool:
    return s.level in LOSS


def _reaction(s: Situation) -> bool:
    return s.reaction != "none"


def _inactivating(s: Situation) -> bool:
    """Loss that normal decline cannot explain: early or day-7 low, or nothing measurable up to the last window."""
    if s.phase in ("absorbing", "expired"):
        return False
    return s.level == "blq" or (_loss(s) and s.phase in ("early", "first-window"))


def _judged_low(s: Situation) -> bool:
    return _loss(s) and s.phase not in ("absorbing", "expired")


def _kept(s: Situation) -> bool:
    return s.level == "ok" and s.phase not in BEFORE_WINDOWS


def _kept_early(s: Situation) -> bool:
    return s.level == "ok" and s.phase in BEFORE_WINDOWS


def _in_last_hours_low(s: Situation) -> bool:
    return _loss(s) and s.phase in ("between", "later-window")


def _kept_before(s: Situation) -> bool:
    """Full dose, reaction, a detectable late low, and activity shown inside a window before (ruling 14)."""
    return _reaction(s) and s.portion == "full" and s.ok_in_window and _in_last_hours_low(s)


RULES: tuple[Rule, ...] = (
    Rule(
        id="D3",
        when=lambda s: s.level == "straddles" and not _reaction(s),
        exposure="indeterminate",
        mechanism="not-assessable",
    ),
    Rule(
        id="D3",
        when=lambda s: s.level == "straddles",
        exposure="indeterminate",
        mechanism="reaction-unresolved",
    ),
    Rule(
        id="D3b",
        when=lambda s: (
            _reaction(s) and s.portion == "full" and s.route == "IV" and s.level == "blq" and s.phase == "absorbing"
        ),
        exposure="indeterminate",
        mechanism="suspected-neutralizing-hypersensitivity",
    ),
    Rule(
        id="D3c",
        when=lambda s: _reaction(s) and _loss(s) and s.phase == "absorbing",
        exposure="indeterminate",
        mechanism="reaction-unresolved",
    ),
    Rule(
        id="D3c",
        when=lambda s: _loss(s) and s.phase == "absorbing",
        exposure="indeterminate",
        mechanism="not-assessable",
    ),
    Rule(
        id="D3d",
        when=lambda s: _reaction(s) and _loss(s) and s.phase == "expired",
        exposure="indeterminate",
        mechanism="reaction-unresolved",
    ),
    Rule(
        id="D4a",
        when=lambda s: s.reaction == "unconfirmed" and s.portion == "full" and _inactivating(s),
        exposure="inadequate",
        mechanism="neutralizing-hypersensitivity",
    ),
    Rule(
        id="D4",
        when=lambda s: _reaction(s) and s.portion == "full" and _inactivating(s),
        exposure="inadequate",
        mechanism="neutralizing-hypersensitivity",
    ),
    Rule(
        id="D8",
        when=lambda s: s.severe and _kept_before(s) and s.phase == "later-window",
        exposure="inadequate",
        mechanism="severe-reaction-activity-preserved",
    ),
    Rule(
        id="D8",
        when=lambda s: s.severe and _kept_before(s),
        exposure="indeterminate",
        mechanism="severe-reaction-activity-preserved",
    ),
    Rule(
        id="D9",
        when=lambda s: _kept_before(s) and s.phase == "later-window",
        exposure="inadequate",
        mechanism="reaction-activity-preserved",
    ),
    Rule(
        id="D9",
        when=_kept_before,
        exposure="indeterminate",
        mechanism="reaction-activity-preserved",
    ),
    Rule(
        id="D4b",
        when=lambda s: _reaction(s) and s.portion == "full" and _in_last_hours_low(s),
        exposure="inadequate",
        mechanism="suspected-neutralizing-hypersensitivity",
    ),
    Rule(
        id="D5",
        when=lambda s: _reaction(s) and s.portion == "partial" and _judged_low(s),
        exposure="inadequate",
        mechanism="suspected-neutralizing-hypersensitivity",
    ),
    Rule(
        id="D6",
        when=lambda s: _reaction(s) and _judged_low(s),
        exposure="indeterminate",
        mechanism="reaction-unresolved",
    ),
    Rule(
        id="D8",
        when=lambda s: _reaction(s) and s.severe and _kept(s),
        exposure="adequate",
        mechanism="severe-reaction-activity-preserved",
    ),
    Rule(
        id="D9",
        when=lambda s: _reaction(s) and _kept(s),
        exposure="adequate",
        mechanism="reaction-activity-preserved",
    ),
    Rule(
        id="D10",
        when=lambda s: _reaction(s) and _kept_early(s),
        exposure="indeterminate",
        mechanism="reaction-unresolved",
    ),
    Rule(
        id="D12",
        when=lambda s: s.portion == "full" and _inactivating(s),
        exposure="inadequate",
        mechanism="suspected-silent-inactivation",
    ),
    Rule(
        id="D14",
        when=lambda s: s.portion == "full" and _loss(s) and s.phase == "later-window",
        exposure="inadequate",
        mechanism="below-target-not-inactivation",
    ),
    Rule(
        id="D15",
        when=lambda s: s.portion != "full" and _judged_low(s),
        exposure="inadequate",
        mechanism="below-target-not-inactivation",
    ),
    Rule(
        id="D16",
        when=_kept,
        exposure="adequate",
        mechanism="no-evidence-of-inactivation",
    ),
    Rule(
        id="D17",
        when=_kept_early,
        exposure="indeterminate",
        mechanism="no-evidence-of-inactivation",
    ),
    Rule(
        id="D18",
        when=lambda s: _loss(s) and s.phase == "between",
        exposure="indeterminate",
        mechanism="below-target-not-inactivation",
    ),
    Rule(
        id="D18b",
        when=lambda s: _loss(s) and s.phase == "expired",
        exposure="indeterminate",
        mechanism="not-assessable",
    ),
)
