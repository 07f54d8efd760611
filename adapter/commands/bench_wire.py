"""`troughline bench wire`: what receiving costs, beside a bare echo and the plain way, all in one run."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from adapter.commands.bench_feed import Feed, feed_of
from adapter.commands.bench_filter import FilterCost, filter_cost
from adapter.commands.bench_gate import NoBaseline
from adapter.commands.bench_limits import Echoes, Limits, plain_limits
from adapter.commands.bench_load import Load
from adapter.commands.bench_measuring import Advance, bar, machine
from adapter.commands.bench_outcome import BROKE_OFF, before, broke_off, conclude, refused
from adapter.commands.bench_service import BenchService, meanwhile
from adapter.commands.bench_validated import Validated, outputs, validated
from adapter.commands.bench_verdict import Goal
from adapter.commands.bench_wire_goals import gated, goals_of
from adapter.commands.bench_wire_runs import Run, against, echo
from adapter.commands.bench_wire_text import told

CONNECTIONS = 64
STEPS = 6
PLAIN_FEEDS: tuple[Feed, Feed] = ("relevant", "unfiltered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is sent."""

    unfiltered: int
    kept: int
    relevant: int
    naive: int
    rounds: int
    syncs: int = 300


QUICK = Extent(unfiltered=10_000, kept=4_000, relevant=200, naive=50, rounds=2, syncs=200)
FULL = Extent(unfiltered=50_000, kept=20_000, relevant=3_000, naive=200, rounds=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Everything measured."""

    limits: Limits
    runs: dict[str, list[Run]]
    """By name, in the order of the page."""
    validation: Validated
    filtering: FilterCost
    kept: int
    """Of the messages that had to be kept, those that are on disk."""
    to_keep: int

    def goals(self) -> list[Goal]:
        """What this run says of every goal."""
        return goals_of(
            self.limits, self.runs, self.filtering, self.validation, kept_of_relevant=(self.kept, self.to_keep)
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "limits": self.limits.as_dict(),
            "runs": {name: shown(self.limits, name, some) for name, some in self.runs.items()},
            "validation": self.validation.as_dict(),
            "filter": asdict(self.filtering),
        }

    def gated(self) -> dict[str, float]:
        """The ratios a later run is compared by."""
        return gated(self.limits, self.runs, self.filtering, self.validation)


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when an answer or a kept message is wrong, or a ratio strictly missed or worse; 2 when it broke off."""
    name, extent = ("quick", QUICK) if options.quick else ("full", FULL)
    try:
        was = before(options, bench="wire", extent=name)
        with tempfile.TemporaryDirectory(prefix="troughline-bench-") as folder, bar("bench wire", STEPS) as step:
            wire = measured(Path(folder), extent, options.seed, step)
    except NoBaseline as fault:
        return refused(fault)
    except BROKE_OFF as fault:
        return broke_off(fault)
    result = {
        "bench": "wire",
        "extent": name,
        "seed": options.seed,
        "connections": CONNECTIONS,
        "machine": machine() | wire.limits.noise(),
        **wire.as_dict(),
        "gated": wire.gated(),
    }
    return conclude(result, wire.goals(), options, was, partial(told, strict=options.strict))


def measured(folder: Path, extent: Extent, seed: int, step: Advance) -> Wire:
    """Limits of this run, its runs by name, the cost of the filter, and what was kept; steps STEPS times."""
    relevant, unfiltered = (list(feed_of(kind, extent.naive, seed, "N")) for kind in PLAIN_FEEDS)
    plain = plain_limits(folder, relevant, unfiltered, extent.syncs)
    step()
    with echo() as running:
        echoes = Echoes(running, _load(running.port, "unfiltered", extent.unfiltered, seed, "E", echoed=True))
        runs, kept, validation = _runs(folder, extent, seed, echoes, step)
    filtering = filter_cost(list(feed_of("unfiltered", 400, seed, "F")))
    step()
    limits = Limits(
        syncs=plain.syncs,
        naive=plain.naive,
        naive_unfiltered=plain.naive_unfiltered,
        commits=plain.commits,
        echo=tuple(echoes.measured),
        echo_costs_us=tuple(echoes.costs_us),
    )
    return Wire(limits=limits, runs=runs, validation=validation, filtering=filtering, kept=kept, to_keep=extent.kept)


def _runs(
    folder: Path, extent: Extent, seed: int, echoes: Echoes, step: Advance
) -> tuple[dict[str, list[Run]], int, Validated]:
    """The runs by name, the echo between them, how many of the near misses were kept, and what validating costs."""
    with (
        meanwhile(partial(BenchService, folder / "target-down", delivery="on")) as starting,
        BenchService(folder / "service") as service,
    ):
        with starting.result() as other:
            beside = _up_and_down(service, other, extent, seed, echoes)
        step()
        runs: dict[str, list[Run]] = {}
        for number in range(extent.rounds):
            echoes.measure()
            load = _load(service.port, "unfiltered", extent.unfiltered, seed, f"U{number}N")
            runs.setdefault("unfiltered", []).append(against(service, "unfiltered", load))
        step()
        echoes.measure()
        kept_before = service.kept()
        load = _load(service.port, "kept", extent.kept, seed, "K")
        runs["kept"] = [against(service, "kept", load, to_the_end=False)]
        kept = service.kept() - kept_before
        service.wait_until_understood()
        step()
        before = {one.id for one in outputs(service.store)}
        load = _load(service.port, "relevant", extent.relevant, seed, "R")
        runs["relevant"] = [against(service, "relevant", load)]
        written = outputs(service.store, before)
    validation = validated(written, extent.relevant)
    step()
    return runs | beside, kept, validation


def _up_and_down(
    up: BenchService, down: BenchService, extent: Extent, seed: int, echoes: Echoes
) -> dict[str, list[Run]]:
    """First of all, while both stores are as new as each other."""
    runs: dict[str, list[Run]] = {}
    for number in range(extent.rounds):
        echoes.measure()
        for name, one in (("target up", up), ("target down", down)):
            load = _load(one.port, "unfiltered", extent.unfiltered // 2, seed, f"{name[7:]}{number}N")
            runs.setdefault(name, []).append(against(one, name, load, to_the_end=False))
            one.wait_until_understood()
    return runs


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


def shown(limits: Limits, name: str, runs: Sequence[Run]) -> dict[str, Any]:
    """The median of each figure over the repetitions of one run."""
    naive = limits.naive if name in ("kept", "relevant") else limits.naive_unfiltered
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
        "written_bytes": median([run.written_bytes for run in runs]),
        "over_echo": whole_per_s / limits.echo_per_s,
        "over_syncs": whole_per_s / limits.syncs.per_s,
        "over_naive": whole_per_s / naive.per_s,
        "over_commits": median([run.measured.per_s for run in runs]) / limits.commits.per_s,
    }
