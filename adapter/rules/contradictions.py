"""Samples of one dose that cannot both be true (rulebook 2.7.9, ruling 10)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import accumulate

from adapter.domain.events import ActivityMeasured
from adapter.domain.policy import Policy
from adapter.rules.episodes import Episode
from adapter.rules.limits import threshold_at
from adapter.rules.linking import Placement
from adapter.rules.qualify import LOSS, level_class, upper_bound, usability
from adapter.rules.situation import absorption

Placed = tuple[ActivityMeasured, Placement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparable:
    """A usable level of a dose, reduced to what a comparison needs."""

    name: str
    """`<source>|<key>`"""
    earliest: datetime
    latest: datetime
    method: str | None
    good: bool
    low_iu_per_ml: Decimal
    ceiling_iu_per_ml: Decimal | None
    """The most a later level may show; None when it may show anything."""


def contradictions(episode: Episode, placed: Sequence[Placed]) -> dict[str, str]:
    """`discordant` or `straddles` by `<source>|<key>`, for the samples of one dose in the order of collection.

    Discordant: without a dose between, a later level exceeds an earlier one by more than the policy's ratio.
    Straddles: two tubes of one instant lie on opposite sides of the threshold.
    """
    found = {f"{sample.source}|{sample.key}": "discordant" for sample, _ in placed if "discordant" in sample.remarks}
    policy = episode.limits.policy
    if policy is None:
        return found
    for name, verdict in contradicting(tuple(_comparables(episode, policy, placed))):
        found.setdefault(name, verdict)
    return found


def contradicting(levels: Sequence[Comparable]) -> Iterator[tuple[str, str]]:
    """Every level that contradicts another one, by name, without comparing each with each.

    Two levels are discordant when the later one exceeds the ceiling of the earlier one, by the same method; two tubes
    of one instant are never discordant.  What an earlier level says goes before the other tube, and that before what
    a later one says.
    """
    sides: dict[datetime, set[bool]] = defaultdict(set)
    by_method: dict[str | None, list[Comparable]] = defaultdict(list)
    for level in levels:
        by_method[level.method].append(level)
        if level.earliest == level.latest:
            sides[level.earliest].add(level.good)
    for own in by_method.values():
        exceeds, is_exceeded = _above_earlier(own), _below_later(own)
        for level in own:
            straddles = level.earliest == level.latest and len(sides[level.earliest]) > 1
            if exceeds(level) or (is_exceeded(level) and not straddles):
                yield level.name, "discordant"
            elif straddles:
                yield level.name, "straddles"


def _above_earlier(levels: Sequence[Comparable]) -> Callable[[Comparable], bool]:
    """Whether a level exceeds the lowest ceiling of those certainly taken before it."""
    known = sorted((each.latest, each.ceiling_iu_per_ml) for each in levels if each.ceiling_iu_per_ml is not None)
    taken_by = [latest for latest, _ in known]
    lowest = list(accumulate((ceiling for _, ceiling in known), min))

    def exceeds(level: Comparable) -> bool:
        before = bisect_left(taken_by, level.earliest)
        return before > 0 and level.low_iu_per_ml > lowest[before - 1]

    return exceeds


def _below_later(levels: Sequence[Comparable]) -> Callable[[Comparable], bool]:
    """Whether the highest of the levels certainly taken after one exceeds its ceiling."""
    known = sorted((each.earliest, each.low_iu_per_ml) for each in levels)
    taken_from = [earliest for earliest, _ in known]
    highest = list(accumulate((low for _, low in reversed(known)), max))[::-1]

    def is_exceeded(level: Comparable) -> bool:
        after = bisect_right(taken_from, level.latest)
        ceiling = level.ceiling_iu_per_ml
        return ceiling is not None and after < len(highest) and highest[after] > ceiling

    return is_exceeded


def _comparables(episode: Episode, policy: Policy, placed: Sequence[Placed]) -> Iterator[Comparable]:
    for sample, placement in placed:
        if sample.collected is None or placement.ambiguous or placement.inside:
            continue
        if usability(sample, episode.limits) != "usable":
            continue
        assert sample.activity  # noqa: S101 - usable samples have one
        threshold = threshold_at(policy, placement.least)
        level = level_class(sample.activity, threshold, sample.lloq_iu_per_ml)
        if level != "ok" and level not in LOSS:
            continue
        most = upper_bound(sample, threshold) if placement.least >= absorption(episode) else None
        yield Comparable(
            name=f"{sample.source}|{sample.key}",
            earliest=sample.collected.earliest,
            latest=sample.collected.latest,
            method=sample.method,
            good=level == "ok",
            low_iu_per_ml=sample.activity.low,
            ceiling_iu_per_ml=None if most is None else policy.discordance_ratio.value * most,
        )
