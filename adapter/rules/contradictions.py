"""Samples of one dose that cannot both be true (rulebook 2.7.9, ruling 10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import combinations

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
    for first, second in combinations(_comparables(episode, policy, placed), 2):
        verdict = _against(first, second)
        if verdict:
            found.setdefault(first.name, verdict)
            found.setdefault(second.name, verdict)
    return found


def _against(first: Comparable, second: Comparable) -> str | None:
    if first.earliest == first.latest == second.earliest == second.latest:
        return "straddles" if first.good != second.good else None
    if first.latest >= second.earliest or first.method != second.method or first.ceiling_iu_per_ml is None:
        return None
    return "discordant" if second.low_iu_per_ml > first.ceiling_iu_per_ml else None


def _comparables(episode: Episode, policy: Policy, placed: Sequence[Placed]) -> Iterator[Comparable]:
    for sample, placement in placed:
        if sample.collected is None or placement.ambiguous or placement.inside:
            continue
        if sample.activity is None or usability(sample, episode.limits) != "usable":
            continue
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
