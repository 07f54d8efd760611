"""Every judged dose with its clock, its modifiers and the rules that decided, before its priority is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapter.domain.history import History
from adapter.rules.clock import Clock, clock_of
from adapter.rules.confirmation import JudgedDose
from adapter.rules.courses import not_awaited
from adapter.rules.families import FamilyBefore, afters, befores
from adapter.rules.modifiers import modifiers_of
from adapter.rules.priority import Verdict
from adapter.rules.reactions import any_severe


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A judged dose with its clock, before its priority is known."""

    dose: JudgedDose
    family_before: FamilyBefore
    later: tuple[JudgedDose, ...]
    """The later doses of its family that bear on it."""
    clock: Clock | None
    monitoring: str | None
    modifiers: tuple[str, ...]
    rules: tuple[str, ...]
    reacted_before: bool

    @property
    def verdict(self) -> Verdict:
        """What the priority of this dose, and of doses before it, depends on."""
        dose = self.dose
        return Verdict(
            exposure=dose.combined.exposure,
            mechanism=dose.combined.mechanism,
            monitoring=self.monitoring,
            modifiers=self.modifiers,
            rules=self.rules,
            severe=any_severe(dose.reactions),
            reacted_before=self.reacted_before,
            severe_unlinked=any(entry.urgent for entry in dose.unlinked),
        )


def drafts_of(doses: Sequence[JudgedDose], history: History, as_of: datetime) -> list[Drafted]:
    """One draft per dose, in the order of the doses."""
    families: dict[str, list[JudgedDose]] = {}
    for dose in doses:
        families.setdefault(dose.episode.family, []).append(dose)
    passive = {name: not_awaited(family) for name, family in families.items()}
    before = {name: befores(family) for name, family in families.items()}
    later = {name: iter(afters(family)) for name, family in families.items()}
    drafts: list[Drafted] = []
    reacted_before = False
    for dose in doses:
        family = dose.episode.family
        earlier, following = next(before[family]), next(later[family])
        awaited = len(earlier) not in passive[family]
        clock = clock_of(dose, following, deceased=history.deceased, awaited=awaited)
        drafts.append(_draft(dose, earlier, following, history, as_of, clock, reacted_before=reacted_before))
        reacted_before = reacted_before or dose.reacted != "none"
    return drafts


def _draft(
    dose: JudgedDose,
    before: FamilyBefore,
    later: tuple[JudgedDose, ...],
    history: History,
    as_of: datetime,
    clock: Clock | None,
    *,
    reacted_before: bool,
) -> Drafted:
    monitoring = clock.state(as_of) if clock else None
    return Drafted(
        dose=dose,
        family_before=before,
        later=later,
        clock=clock,
        monitoring=monitoring,
        modifiers=modifiers_of(dose, before, history.corrected),
        rules=(*(reading.rule for reading in dose.readings), dose.combined.rule or _rule_of_clock(monitoring)),
        reacted_before=reacted_before,
    )


def _rule_of_clock(monitoring: str | None) -> str:
    return "D20" if monitoring in ("sample-overdue", "missed") else "D19"
