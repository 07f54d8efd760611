"""What a run of `troughline bench wire` says of its goals: ratios within the run, and that nothing was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Protocol

from adapter.commands.bench_filter import FilterCost
from adapter.commands.bench_verdict import Goal, at_most
from adapter.commands.bench_wire_runs import Run

OF_ECHO, OF_NAIVE = 0.50, 1_000.0
TIMES_P99 = 3.0
TIMES_COMMITS = 5.0
RELEVANT_OF_NAIVE = 40.0
FILTER_US_PER_KB, FILTER_GROWTH = 3.0, 1.1
DOWN_DIFFERENCE = 0.10


class Limits(Protocol):
    """What the machine gave in this run."""

    @property
    def sync_p99_us(self) -> float:
        """The p99 of a sync."""

    @property
    def naive_per_s(self) -> float:
        """Messages a second the plain way."""

    @property
    def commits_per_s(self) -> float:
        """Messages a second with a commit each."""

    @property
    def echo_per_s(self) -> float:
        """Messages a second through the bare echo."""

    @property
    def echo_p99_us(self) -> float:
        """The p99 of the bare echo."""


def goals_of(
    limits: Limits, runs: Mapping[str, Sequence[Run]], filtering: FilterCost, *, kept_of_relevant: tuple[int, int]
) -> list[Goal]:
    """The goals P1 to P4, P6 and P9, as far as the run measured them, and P0, which is about results."""
    whole = median(run.whole_per_s for run in runs["unfiltered"])
    p99_us = median(run.measured.p99_us for run in runs["unfiltered"])
    durable = median(run.measured.per_s for run in runs["kept"]) / limits.commits_per_s
    relevant = median(run.whole_per_s for run in runs["relevant"]) / limits.naive_per_s
    return [
        _nothing_wrong(runs, kept_of_relevant),
        at_least("P1", "unfiltered feed, all that follows included / bare echo", whole / limits.echo_per_s, OF_ECHO),
        at_least("P1n", "the same / the plain way", whole / limits.naive_per_s, OF_NAIVE),
        at_most("P2", "p99 of its answers / (p99 of echo + sync)", p99_us / _unavoidable_us(limits), TIMES_P99),
        at_least("P3", "every message durable / a commit each", durable, TIMES_COMMITS),
        at_least("P4", "all relevant, up to outbox rows / the plain way", relevant, RELEVANT_OF_NAIVE),
        at_most("P6", "filter, us per KB", filtering.many_us_per_kb, FILTER_US_PER_KB),
        at_most("P6g", "5,000 codes / 5 codes", filtering.many_us_per_kb / filtering.few_us_per_kb, FILTER_GROWTH),
        *_target_down(runs),
    ]


def at_least(name: str, what: str, measured: float, limit: float) -> Goal:
    """A ratio that must reach a limit."""
    return Goal(id=name, goal=f"{what} >= {limit:.2f}", measured=f"{measured:.2f}", passed=measured >= limit)


def _unavoidable_us(limits: Limits) -> float:
    return limits.echo_p99_us + limits.sync_p99_us


def _nothing_wrong(runs: Mapping[str, Sequence[Run]], kept_of_relevant: tuple[int, int]) -> Goal:
    kept, sent = kept_of_relevant
    codes = [run.measured.codes for some in runs.values() for run in some]
    right = kept == sent and all(set(found) == {"AA"} for found in codes)
    return Goal(
        id="P0",
        goal="every answer AA, every message that had to be kept is on disk",
        measured=f"{kept} of {sent} kept, answers {'all AA' if right or kept != sent else 'WRONG'}",
        passed=right,
        correctness=True,
    )


def _target_down(runs: Mapping[str, Sequence[Run]]) -> list[Goal]:
    """A dead target may slow answers by a tenth, or by as much as the run itself varies."""
    up, down = runs["target up"], runs["target down"]
    rates_up, rates_down = ([run.measured.per_s for run in some] for some in (up, down))
    p99s_up, p99s_down = ([run.measured.p99_us for run in some] for some in (up, down))
    return [
        at_most(
            "P9", "answers a second, target up / down", median(rates_up) / median(rates_down), 1 + _spread(rates_up)
        ),
        at_most("P9p", "p99, target down / up", median(p99s_down) / median(p99s_up), 1 + _spread(p99s_up)),
    ]


def _spread(values: Sequence[float]) -> float:
    return max(DOWN_DIFFERENCE, (max(values) - min(values)) / median(values))
