"""What would have changed a verdict: the rules that nearly decided, and the one fact that kept each from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from adapter.rules.confirmation import JudgedDose
from adapter.rules.decision import decide
from adapter.rules.reactions import any_severe
from adapter.rules.reading import critical_times
from adapter.rules.situation import Situation, situation_at


def would_change(dose: JudgedDose) -> list[dict[str, str]]:
    """For the headline level: each single other fact under which the table would say something else."""
    headline = dose.combined.headline
    if headline is None or headline.level is None or not dose.episode.settled or headline.placement.inside:
        return []
    elapsed = critical_times(headline.placement)[0]
    situation = situation_at(
        headline.sample,
        dose.episode,
        elapsed,
        reaction=dose.reacted,
        severe=any_severe(dose.reactions),
    )
    decided = decide(situation)
    changed: list[dict[str, str]] = []
    for fact, other in _others(situation):
        rule = decide(other)
        if (rule.exposure, rule.mechanism) != (decided.exposure, decided.mechanism):
            entry = {"if": fact, "rule": rule.id, "exposure": rule.exposure, "mechanism": rule.mechanism}
            changed.append(entry)
    return changed


def _others(situation: Situation) -> Iterator[tuple[str, Situation]]:
    if situation.reaction == "none":
        yield "a reaction were linked to the dose", replace(situation, reaction="present")
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
        yield "the sample had been taken in the first window", replace(situation, phase="first-window")
