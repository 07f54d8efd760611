"""`troughline bench`: everything that is measured of receiving and what follows, in one run with one verdict."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from adapter.commands import bench_delivery, bench_growth, bench_slow_disk, bench_wire
from adapter.commands.bench_delivery import Delivery
from adapter.commands.bench_gate import NoBaseline
from adapter.commands.bench_growth import Growth, Probe
from adapter.commands.bench_machine import machine_with
from adapter.commands.bench_measuring import Advance, bar, tenths
from adapter.commands.bench_outcome import BROKE_OFF, before, broke_off, conclude, refused
from adapter.commands.bench_replay import Replay, archived, read_again
from adapter.commands.bench_rules_growth import SizeCost, cost_by_size
from adapter.commands.bench_service import BenchService, meanwhile
from adapter.commands.bench_slow_disk import CannotSlow, SlowDisk, slow_disk, slow_service
from adapter.commands.bench_verdict import Goal
from adapter.commands.bench_whole_text import told
from adapter.commands.bench_wire import CONNECTIONS, STEPS, Wire
from adapter.knowledge.policies import load_rulebook

OTHER_STEPS = 5 + bench_delivery.STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured."""

    wire: bench_wire.Extent
    slow_disk: bench_slow_disk.Extent
    growth: bench_growth.Extent
    replay: int
    delivery: bench_delivery.Extent
    events: tuple[int, ...] = (5, 50, 500)
    """Sizes of patients whose interpretation is measured."""
    rounds: int = 1


SLOW_FULL = bench_slow_disk.Extent(kept=10_000, unfiltered=10_000, commits=300, rounds=2)
EXTENTS: Mapping[str, Extent] = {
    "quick": Extent(
        wire=bench_wire.QUICK,
        slow_disk=bench_slow_disk.Extent(kept=2_000, unfiltered=2_000, commits=60, rounds=1),
        growth=bench_growth.Extent(sizes=(300, 3_000), rounds=15, sent=1_000),
        replay=2_000,
        delivery=bench_delivery.QUICK,
    ),
    "full": Extent(
        wire=bench_wire.FULL,
        slow_disk=SLOW_FULL,
        growth=bench_growth.Extent(sizes=(10_000, 100_000), rounds=40, sent=10_000),
        replay=100_000,
        delivery=bench_delivery.FULL,
        rounds=3,
    ),
    "nightly": Extent(
        wire=bench_wire.FULL,
        slow_disk=SLOW_FULL,
        growth=bench_growth.Extent(sizes=(10_000, 1_000_000), rounds=40, sent=10_000),
        replay=1_000_000,
        delivery=bench_delivery.FULL,
        rounds=3,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Everything measured."""

    machine: Mapping[str, Any]
    wire: Wire
    slow_disk: SlowDisk | None
    left_out: Mapping[str, str]
    """Goal -> why it was not measured."""
    interpretation: list[SizeCost]
    growth: Growth
    replay: Replay
    delivery: Delivery
    seconds: float

    def goals(self) -> list[Goal]:
        """What this run says of every goal it measured, in their order."""
        slow = self.slow_disk.goals() if self.slow_disk else []
        parts = (self.growth, self.replay, self.delivery)
        goals = (*self.wire.goals(), *slow, *(goal for part in parts for goal in part.goals()))
        return sorted(goals, key=lambda goal: (goal.id[0] != "P", goal.id))

    def gated(self) -> dict[str, float]:
        """The ratios a later run is compared by: processor time of one thing over that of another."""
        return {
            **self.wire.gated(),
            **{
                f"{size.events} events, interpretation / FHIR models": size.together_us / size.models_us
                for size in self.interpretation
            },
            "a message in the largest store / in the smallest": self.growth.ratio,
            "reading an archive again / filtering it": self.replay.replay.cpu_s / self.replay.filtering.cpu_s,
            **{f"delivery, {name}": ratio for name, ratio in self.delivery.gated().items()},
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, in the order of the page."""
        wire = self.wire.as_dict()
        return {
            "connections": CONNECTIONS,
            "machine": {**self.machine, **self.wire.limits.noise()},
            "limits": wire["limits"],
            "runs": wire["runs"],
            "validation": wire["validation"],
            "slow_disk": self.slow_disk.as_dict() if self.slow_disk else None,
            "left_out": [{"id": name, "reason": reason} for name, reason in self.left_out.items()],
            "filter": wire["filter"],
            "interpretation": [asdict(size) | {"together_us": size.together_us} for size in self.interpretation],
            "growth": self.growth.as_dict(),
            "replay": self.replay.as_dict(),
            "delivery": self.delivery.as_dict(),
            "seconds": round(self.seconds, 1),
            "gated": self.gated(),
        }


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when a result is wrong, or a ratio strictly missed or worse; 2 when it broke off."""
    name = options.extent or "quick"
    extent = EXTENTS[name]
    if options.growth:
        extent = replace(extent, growth=replace(extent.growth, sizes=options.growth))
        # Ratios of other sizes are others, so a gate must not compare them.
        name += f", growth {','.join(map(str, options.growth))}"
    try:
        was = before(options, bench="whole", extent=name)
        with (
            tempfile.TemporaryDirectory(prefix="troughline-bench-") as folder,
            bar("bench", STEPS + OTHER_STEPS) as step,
        ):
            whole = measured(Path(folder), extent, options.seed, step)
    except NoBaseline as fault:
        return refused(fault)
    except BROKE_OFF as fault:
        return broke_off(fault)
    result = {"bench": "whole", "extent": name, "seed": options.seed, **whole.as_dict()}
    return conclude(result, whole.goals(), options, was, partial(told, strict=options.strict))


def measured(folder: Path, extent: Extent, seed: int, step: Advance) -> Whole:
    """One part after the other; each on stores of its own."""
    begun = time.monotonic()
    on = machine_with(folder)
    wire_folder = folder / "wire"
    wire_folder.mkdir()
    wire = bench_wire.measured(wire_folder, extent.wire, seed, step)
    with _prepared(folder, extent, seed) as (slow_disk_running, probes):
        step()
        slow, left_out = _slow_disk(folder, slow_disk_running, extent, seed)
        step()
        costs = bench_growth.asked(folder / "growth", probes, extent.growth)
    growth = Growth(stores=costs, peak_mib=bench_growth.peak_mib(folder / "growth", extent.growth, seed))
    step()
    rulebook, faults = load_rulebook()
    assert rulebook, faults  # noqa: S101 - shipped files are checked by the tests
    interpretation = cost_by_size(rulebook, seed, rounds=extent.rounds, sizes=extent.events)
    step()
    replay = read_again(folder / "replay")
    step()
    delivery_folder = folder / "delivery"
    delivery_folder.mkdir()
    delivery = bench_delivery.measured(delivery_folder, extent.delivery, seed, step)
    return Whole(
        machine=on,
        wire=wire,
        slow_disk=slow,
        left_out=left_out,
        interpretation=interpretation,
        growth=growth,
        replay=replay,
        delivery=delivery,
        seconds=time.monotonic() - begun,
    )


@contextmanager
def _prepared(folder: Path, extent: Extent, seed: int) -> Iterator[tuple[Future[BenchService], list[Probe]]]:
    """What is measured later is made ready side by side, for none of that is measured; the live run among it."""
    with (
        meanwhile(partial(slow_service, folder)) as slow,
        ThreadPoolExecutor(1, thread_name_prefix="archiving") as beside,
    ):
        heard = tenths("archive, messages sent and understood", extent.replay)
        live = beside.submit(archived, folder / "replay", extent.replay, seed, heard)
        stored = tenths("growth, patients stored", sum(extent.growth.sizes))
        with bench_growth.grown(folder / "growth", extent.growth, seed, stored) as probes:
            live.result()
            wait([slow])
            yield slow, probes


def _slow_disk(
    folder: Path, running: Future[BenchService], extent: Extent, seed: int
) -> tuple[SlowDisk | None, dict[str, str]]:
    """What cannot be measured here is left out by name, with the reason."""
    try:
        return slow_disk(folder, running.result(), extent.slow_disk, seed), {}
    except CannotSlow as fault:
        return None, {"P5": str(fault)}
