"""`troughline bench wire`: what receiving costs, beside a bare echo and the plain way, all in one run."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from adapter.commands.bench_feed import Feed, feed_of
from adapter.commands.bench_filter import FilterCost, filter_cost
from adapter.commands.bench_load import Load, Measured
from adapter.commands.bench_measuring import Advance, bar, machine
from adapter.commands.bench_plain import commits_per_s, naive_per_s, syncs_us
from adapter.commands.bench_service import BenchService
from adapter.commands.bench_verdict import exit_status, verdict
from adapter.commands.bench_wire_goals import goals_of
from adapter.commands.bench_wire_runs import LoadBroke, Run, against, echo, send
from adapter.commands.bench_wire_text import told
from adapter.commands.demo_service import ServiceDied

CONNECTIONS = 64
NOISE_LIMIT = 0.3
"""A spread of the echo between its repetitions above which the machine counts as noisy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is sent."""

    unfiltered: int
    kept: int
    relevant: int
    naive: int
    rounds: int
    syncs: int = 300


QUICK = Extent(unfiltered=6_000, kept=1_500, relevant=200, naive=60, rounds=2)
FULL = Extent(unfiltered=50_000, kept=20_000, relevant=3_000, naive=200, rounds=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the machine gives at best, and what the plain way makes of it, in this run."""

    sync_p50_us: float
    sync_p99_us: float
    echo: tuple[Measured, ...]
    naive_per_s: float
    commits_per_s: float

    @property
    def echo_per_s(self) -> float:
        """Messages a second through the bare echo, the median of its repetitions."""
        return median(one.per_s for one in self.echo)

    @property
    def echo_p99_us(self) -> float:
        """The p99 of its answers, the median of its repetitions."""
        return median(one.p99_us for one in self.echo)

    @property
    def spread(self) -> float:
        """How far its repetitions lie apart, as a share of the median."""
        rates = [one.per_s for one in self.echo]
        return (max(rates) - min(rates)) / median(rates)


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when an answer or a kept message is wrong, or under --gate when a ratio misses; 2 when it broke off."""
    extent = QUICK if options.quick else FULL
    try:
        with tempfile.TemporaryDirectory(prefix="troughline-bench-") as folder, bar("bench wire", 7) as step:
            result = measured(Path(folder), extent, options.seed, step)
    except (LoadBroke, ServiceDied, TimeoutError, OSError) as fault:
        print(f"The bench broke off ({type(fault).__name__}): {fault}", file=sys.stderr)
        return 2
    limits, runs, filtering, kept = result
    goals = goals_of(limits, runs, filtering, kept_of_relevant=kept)
    printed = _printed(limits, runs, filtering, options.seed) | {"verdict": verdict(goals)}
    sys.stdout.write(json.dumps(printed, indent=2) + "\n" if options.json else told(printed, goals, gate=options.gate))
    return exit_status(goals, gate=options.gate)


def measured(
    folder: Path, extent: Extent, seed: int, step: Advance
) -> tuple[Limits, dict[str, list[Run]], FilterCost, tuple[int, int]]:
    """Limits of this run, its runs by name, the cost of the filter, and (kept, sent) messages that had to be kept."""
    limits = _limits(folder, extent, seed)
    step()
    runs: dict[str, list[Run]] = {}
    with BenchService(folder / "service") as service:
        for number in range(extent.rounds):
            load = _load(service.port, "unfiltered", extent.unfiltered, seed, f"U{number}N")
            runs.setdefault("unfiltered", []).append(against(service, "unfiltered", load))
        step()
        kept_before = service.kept()
        load = _load(service.port, "kept", extent.kept, seed, "K")
        runs["kept"] = [against(service, "kept", load, to_the_end=False)]
        kept = service.kept() - kept_before
        service.wait_until_understood()
        step()
        load = _load(service.port, "relevant", extent.relevant, seed, "R")
        runs["relevant"] = [against(service, "relevant", load)]
        step()
        with BenchService(folder / "target-down", delivery="on") as other:
            for number in range(extent.rounds):
                for name, one in (("target up", service), ("target down", other)):
                    load = _load(one.port, "unfiltered", extent.unfiltered // 2, seed, f"{name[7:]}{number}N")
                    runs.setdefault(name, []).append(against(one, name, load, to_the_end=False))
                    one.wait_until_understood()
        step()
    filtering = filter_cost(list(feed_of("unfiltered", 400, seed, "F")))
    step()
    return limits, runs, filtering, (kept, extent.kept)


def _limits(folder: Path, extent: Extent, seed: int) -> Limits:
    messages = list(feed_of("relevant", extent.naive, seed, "N"))
    p50, p99 = syncs_us(folder, extent.syncs)
    with echo() as port:
        load = _load(port, "unfiltered", extent.unfiltered, seed, "E", echoed=True)
        echoes = tuple(send(load) for _ in range(extent.rounds))
    return Limits(
        sync_p50_us=p50,
        sync_p99_us=p99,
        echo=echoes,
        naive_per_s=naive_per_s(folder, messages),
        commits_per_s=commits_per_s(folder, messages * 5),
    )


def _load(port: int, feed: Feed, count: int, seed: int, series: str, *, echoed: bool = False) -> Load:
    return Load(
        host="127.0.0.1",
        port=port,
        connections=CONNECTIONS,
        feed=feed,
        count=count,
        seed=seed,
        series=series.replace(" ", ""),
        echoed=echoed,
    )


def _printed(limits: Limits, runs: dict[str, list[Run]], filtering: FilterCost, seed: int) -> dict[str, Any]:
    return {
        "bench": "wire",
        "seed": seed,
        "connections": CONNECTIONS,
        "machine": machine() | {"noisy": limits.spread > NOISE_LIMIT, "echo_spread": round(limits.spread, 3)},
        "limits": {
            "sync_p50_us": limits.sync_p50_us,
            "sync_p99_us": limits.sync_p99_us,
            "echo_per_s": limits.echo_per_s,
            "echo_p99_us": limits.echo_p99_us,
            "load_cpu_us": median(one.cpu_us for one in limits.echo),
            "naive_per_s": limits.naive_per_s,
            "commits_per_s": limits.commits_per_s,
        },
        "runs": {name: _shown(limits, some) for name, some in runs.items()},
        "filter": asdict(filtering),
    }


def _shown(limits: Limits, runs: Sequence[Run]) -> dict[str, Any]:
    """The median of each figure over the repetitions of one run."""
    whole_per_s = median([run.whole_per_s for run in runs])
    return {
        "repetitions": len(runs),
        "messages": runs[0].measured.messages,
        "answered_per_s": median([run.measured.per_s for run in runs]),
        "whole_per_s": whole_per_s,
        **{
            name: median([getattr(run.measured, name) for run in runs])
            for name in ("p50_us", "p95_us", "p99_us", "p999_us", "most_us")
        },
        "cpu_us": {process: median([run.cpu_us[process] for run in runs]) for process in runs[0].cpu_us},
        "resident_mib": {process: runs[-1].resident_mib[process] for process in runs[0].resident_mib},
        "over_echo": whole_per_s / limits.echo_per_s,
        "over_naive": whole_per_s / limits.naive_per_s,
        "over_commits": median([run.measured.per_s for run in runs]) / limits.commits_per_s,
    }
