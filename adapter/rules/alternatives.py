"""What would have changed a verdict, and the rows that nearly decided: one fact kept each of them from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from adapter.domain.policy import Policy
from adapter.rules.confirmation import JudgedDose
from adapter.rules.decision import TABLES, decide
from adapter.rules.reactions import any_severe
from adapter.rules.reading import Reading, critical_times
from adapter.rules.row import Rule
from adapter.rules.situation import Situation, in_first_window, situation_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The situation of the headline level, and the row that decided it."""

    situation: Situation
    policy: Policy
    rule: Rule


def asked_of(dose: JudgedDose) -> Asked | None:
    """What the decision table was asked for the headline level; None when it was not asked, or not for one time."""
    headline, policy = dose.combined.headline, dose.episode.limits.policy
    if headline is None or headline.level is None or policy is None:
        return None
    if not dose.episode.settled or headline.placement.inside:
        return None
    situation = situation_at(
        headline.sample,
        dose.episode,
        critical_times(headline.placement)[0],
        reaction=dose.reacted,
        severe=any_severe(dose.reactions),
        ok_in_window=any(
            other.good_in_window and not other.placement.ambiguous for other in _others_of(dose, headline)
        ),
    )
    return Asked(situation=situation, policy=policy, rule=decide(situation))


def would_change(dose: JudgedDose) -> list[dict[str, str]]:
    """For the headline level: each single other fact under which the table would say something else."""
    asked = asked_of(dose)
    if asked is None:
        return []
    changed: list[dict[str, str]] = []
    severe = any(entry.reaction.severe and entry.reaction.counts for entry in dose.unlinked)
    for fact, other in _others(asked.situation, asked.policy, severe=severe):
        rule = decide(other)
        if (rule.exposure, rule.mechanism) != (asked.rule.exposure, asked.rule.mechanism):
            entry = {"if": fact, "rule": rule.id, "exposure": rule.exposure, "mechanism": rule.mechanism}
            changed.append(entry)
    return changed


def nearly(dose: JudgedDose) -> list[dict[str, str]]:
    """For the headline level: every row of the table that lacked one condition only, and what was so instead."""
    asked = asked_of(dose)
    if asked is None:
        return []
    found: list[dict[str, str]] = []
    for rule in TABLES[asked.situation.table]:
        lacking = [condition for condition in rule.needs if not condition.holds(asked.situation)]
        if len(lacking) == 1 and rule.id != asked.rule.id:
            entry = {"rule": rule.id, "mechanism": rule.mechanism, "exposure": rule.exposure, "because": lacking[0].no}
            found.append(entry)
    return found


def _others_of(dose: JudgedDose, headline: Reading) -> Iterator[Reading]:
    return (reading for reading in dose.readings if reading is not headline)


def _others(situation: Situation, policy: Policy, *, severe: bool) -> Iterator[tuple[str, Situation]]:
    """`severe`: a severe reaction record waits beside the dose, so a reaction that were linked would be that one."""
    if situation.reaction == "none":
        what = "the severe reaction recorded beside it" if severe else "a reaction"
        yield f"{what} were linked to the dose", replace(situation, reaction="present", severe=severe)
    else:
        yield "no reaction were linked to the dose", replace(situation, reaction="none", severe=False)
    if situation.portion == "full":
        yield "less than half of the dose had been given", replace(situation, portion="partial")
    else:
        yield "the dose were known to be full", replace(situation, portion="full")
    if situation.level == "ok":
        yield "the level were detectable and below the threshold", replace(situation, level="low")
    else:
        yield "the level were at or above the threshold", replace(situation, level="ok")
    if situation.level in ("low", "low-unquantified"):
        yield "the level were below the quantification limit", replace(situation, level="blq")
    if situation.phase != "first-window":
        yield "the sample had been taken in the first window", in_first_window(situation, policy)
