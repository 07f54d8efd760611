"""What would have changed a verdict, and the rows that nearly decided: one fact kept each of them from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from adapter.domain.events import Route
from adapter.domain.policy import Policy
from adapter.rules.conditions import STRADDLES
from adapter.rules.decision import TABLES, decide
from adapter.rules.reading import Reading
from adapter.rules.situation import Situation, in_first_window, situation_at

ROUTES: tuple[tuple[Route, str], ...] = (("IV", "intravenous"), ("IM", "intramuscular"))


def would_change(reading: Reading, *, severe_beside: bool) -> list[dict[str, str]]:
    """Each single other fact under which the table would say something else of a level with one elapsed time.

    `severe_beside`: a severe reaction record waits beside the dose, so a reaction that were linked would be that one.
    """
    asked, policy = reading.situation, reading.placement.episode.limits.policy
    assert asked  # noqa: S101 - a row decided this level, so the table was asked
    assert policy  # noqa: S101
    decided = decide(asked)
    changed: list[dict[str, str]] = []
    for fact, other in (*_others(asked, policy, severe_beside=severe_beside), *_with_a_route(reading, asked)):
        rule = decide(other)
        if (rule.exposure, rule.mechanism) != (decided.exposure, decided.mechanism):
            entry = {"if": fact, "rule": rule.id, "exposure": rule.exposure, "mechanism": rule.mechanism}
            changed.append(entry)
    return changed


def nearly(reading: Reading) -> list[dict[str, str]]:
    """Every other row that lacked one condition only, and what was so instead; no clear value is nearly unclear."""
    asked = reading.situation
    assert asked  # noqa: S101 - a row decided this level, so the table was asked
    found: list[dict[str, str]] = []
    decided = decide(asked)
    for rule in TABLES[asked.table]:
        lacking = [condition for condition in rule.needs if not condition.holds(asked)]
        if len(lacking) == 1 and lacking[0] is not STRADDLES and rule.id != decided.id:
            entry = {"rule": rule.id, "mechanism": rule.mechanism, "exposure": rule.exposure, "because": lacking[0].no}
            found.append(entry)
    return found


def _others(situation: Situation, policy: Policy, *, severe_beside: bool) -> Iterator[tuple[str, Situation]]:
    if situation.reaction == "none":
        what = "the severe reaction recorded beside it" if severe_beside else "a reaction"
        yield f"{what} were linked to the dose", replace(situation, reaction="present", severe=severe_beside)
    else:
        yield "no reaction were linked to the dose", replace(situation, reaction="none")
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
    yield "the sample had been taken in the first window", in_first_window(situation, policy)


def _with_a_route(reading: Reading, asked: Situation) -> Iterator[tuple[str, Situation]]:
    """Without a route the longer time of absorption counts; a route that were known could allow a reading."""
    if asked.route is not None:
        return
    for route, word in ROUTES:
        episode = replace(reading.placement.episode, route=route)
        elapsed = reading.placement.least
        reaction, severe, kept = asked.reaction, asked.severe, asked.ok_in_window
        told = f"the dose were known to be {word}"
        yield told, situation_at(reading.sample, episode, elapsed, reaction=reaction, severe=severe, ok_in_window=kept)
