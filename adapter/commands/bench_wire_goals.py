"""What a run of `troughline bench wire` says of its goals: ratios within the run, and that nothing was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from adapter.commands.bench_filter import FilterCost
from adapter.commands.bench_limits import Limits
from adapter.commands.bench_validated import Validated
from adapter.commands.bench_verdict import Goal, at_least, at_most
from adapter.commands.bench_wire_runs import Run

OF_ECHO, OF_NAIVE = 0.50, 1_000.0
TIMES_P99 = 3.0
TIMES_COMMITS = 5.0
RELEVANT_OF_NAIVE, VALIDATED_OF_NAIVE = 40.0, 15.0
FILTER_US_PER_KB, FILTER_GROWTH = 3.0, 1.1
DOWN_DIFFERENCE = 0.10


def goals_of(
    limits: Limits,
    runs: Mapping[str, Sequence[Run]],
    filtering: FilterCost,
    validation: Validated,
    *,
    kept_of_relevant: tuple[int, int],
) -> list[Goal]:
    """The goals P1 to P4, P6 and P9, as far as the run measured them, and P0, which is about results."""
    whole = median(run.whole_per_s for run in runs["unfiltered"])
    p99_us = median(run.measured.p99_us for run in runs["unfiltered"])
    durable = median(run.measured.per_s for run in runs["kept"]) / limits.commits.per_s
    relevant = median(run.whole_per_s for run in runs["relevant"])
    checked = 1 / (1 / relevant + validation.message_s)
    return [
        _nothing_wrong(runs, kept_of_relevant),
        at_least("P1", "unfiltered feed, all that follows included / bare echo", whole / limits.echo_per_s, OF_ECHO),
        at_least("P1n", "the same / the plain way", whole / limits.naive_unfiltered.per_s, OF_NAIVE),
        at_most("P2", "p99 of its answers / (p99 of echo + sync)", p99_us / _unavoidable_us(limits), TIMES_P99),
        at_least("P3", "every message durable / a commit each", durable, TIMES_COMMITS),
        at_least(
            "P4", "all relevant, up to outbox rows / the plain way", relevant / limits.naive.per_s, RELEVANT_OF_NAIVE
        ),
        _nothing_invalid(validation),
        at_least(
            "P4v",
            "the same, and every output validated / the plain way",
            checked / limits.naive.per_s,
            VALIDATED_OF_NAIVE,
        ),
        at_most("P6", "filter, us per KB", filtering.many_us_per_kb, FILTER_US_PER_KB),
        at_most("P6g", "5,000 codes / 5 codes", filtering.many_us_per_kb / filtering.few_us_per_kb, FILTER_GROWTH),
        *_target_down(runs),
    ]


def _unavoidable_us(limits: Limits) -> float:
    return limits.echo_p99_us + limits.syncs.p99_us


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


def _nothing_invalid(validation: Validated) -> Goal:
    return Goal(
        id="P4d",
        goal="every resource written for them is valid FHIR R4, required codes included",
        measured=f"{validation.valid:,} of {validation.resources:,}",
        passed=validation.valid == validation.resources > 0,
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


def gated(
    limits: Limits, runs: Mapping[str, Sequence[Run]], filtering: FilterCost, validation: Validated
) -> dict[str, float]:
    """The ratios a later run is compared by, less is better: processor time, which a busy machine disturbs least."""
    kept, unfiltered, down = (
        _cpu_us(runs[name]) / limits.echo_cpu_us for name in ("kept", "unfiltered", "target down")
    )
    return {
        "unfiltered feed, processor time / echo": unfiltered,
        "every message kept, processor time / echo": kept,
        "target down, processor time / echo": down,
        "all relevant, processor time / plain way": _cpu_us(runs["relevant"]) / limits.naive.cpu_us,
        "validating every output, processor time / plain way": validation.message_us / limits.naive.cpu_us,
        "filter of a KB / echo of a message": filtering.many_us_per_kb / limits.echo_cpu_us,
        "filter, 5,000 codes / 5 codes": filtering.many_us_per_kb / filtering.few_us_per_kb,
    }


def _cpu_us(runs: Sequence[Run]) -> float:
    """Of all processes of the service, per message."""
    return median(sum(run.cpu_us.values()) for run in runs)
