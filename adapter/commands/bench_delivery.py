"""`troughline bench delivery`: results a second to a FHIR server, beside bare requests and the plain way."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from adapter.app.collecting import leave_out_what_is_loaded
from adapter.commands.bench_delivery_text import told
from adapter.commands.bench_delivery_ways import (
    Pace,
    Sent,
    bare,
    copy_of,
    held,
    naive,
    ours,
    owed,
    recorded,
    stand_in,
)
from adapter.commands.bench_gate import NoBaseline
from adapter.commands.bench_machine import machine_with
from adapter.commands.bench_measuring import Advance, bar
from adapter.commands.bench_outcome import BROKE_OFF, before, broke_off, conclude, refused
from adapter.commands.bench_verdict import Goal, at_least, at_most

WORKERS = (1, 4)
AT_ONCE = (1, 50)
SLOW_S = 0.02
"""What a stand-in takes that answers as slowly as a good FHIR server."""
TURNS = 3
"""Each way takes its turn so many times, and its median run counts: ways that are compared meet the same machine."""
STEPS = 2 + len(WORKERS) * (TURNS * (len(AT_ONCE) + 1) + 1) + TURNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured."""

    patients: int
    slow_patients: int
    naive_patients: int


FULL = Extent(patients=2_000, slow_patients=400, naive_patients=200)
QUICK = Extent(patients=48, slow_patients=32, naive_patients=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One measured delivery of ours, and what the server held afterwards."""

    workers: int
    at_once: int
    delay_ms: float
    pace: Pace
    right: bool
    """Whether everything is confirmed, and each resource was written once with just the content it should have."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), **_figures(self.pace)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Everything measured."""

    delivered: list[Delivered]
    bare: Mapping[int, Pace]
    """By how many threads."""
    naive: Pace

    def of(self, *, workers: int, at_once: int = 50, slow: bool = False) -> Delivered:
        """One of the measured deliveries."""
        wanted = (workers, at_once, slow)
        return next(one for one in self.delivered if (one.workers, one.at_once, one.delay_ms > 0) == wanted)

    def goals(self) -> list[Goal]:
        """What this run says of every goal."""
        one = self.of(workers=1).pace
        right = all(delivered.right for delivered in self.delivered)
        slow = [self.of(workers=workers, slow=True).pace.patients_per_s for workers in WORKERS]
        return [
            Goal(
                id="D0",
                goal="every resource stands there, written once, with its digits; nothing else does",
                measured="all" if right else "WRONG",
                passed=right,
                correctness=True,
            ),
            at_least(
                "D1", "patients a second / bare posts of the same bytes", one.patients_per_s / self._bare(1), 0.25
            ),
            at_most("D2", "processor time per resource / the plain way", one.resource_us / self.naive.resource_us, 0.5),
            at_least("D3", "four threads / one, where the server takes 20 ms", slow[1] / slow[0], 2.5),
        ]

    def _bare(self, workers: int) -> float:
        return self.bare[workers].patients_per_s

    def gated(self) -> dict[str, float]:
        """The ratios a later run is compared by: processor time of one thing over that of another."""
        bare_us = self.bare[1].resource_us
        ratios = {
            f"{one.workers} threads, {one.at_once} at once, processor time / bare posts": one.pace.resource_us / bare_us
            for one in self.delivered
            if not one.delay_ms
        }
        return ratios | {"processor time / the plain way": self.of(workers=1).pace.resource_us / self.naive.resource_us}

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "delivered": [one.as_dict() for one in self.delivered],
            "bare": [{"workers": workers, **_figures(pace)} for workers, pace in self.bare.items()],
            "naive": _figures(self.naive),
        }


def _figures(pace: Pace) -> dict[str, float]:
    return {
        "patients_per_s": pace.patients_per_s,
        "resources_per_s": pace.resources / pace.seconds,
        "resource_us": pace.resource_us,
    }


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when something stands wrongly, or a ratio is strictly missed or worse, 2 when it broke off."""
    name, extent = ("quick", QUICK) if options.quick else ("full", FULL)
    try:
        was = before(options, bench="delivery", extent=name)
        with tempfile.TemporaryDirectory(prefix="troughline-bench-") as folder, bar("delivery", STEPS) as step:
            machine = machine_with(Path(folder))
            delivery = measured(Path(folder), extent, options.seed, step)
    except NoBaseline as fault:
        return refused(fault)
    except BROKE_OFF as fault:
        return broke_off(fault)
    result = {"bench": "delivery", "extent": name, "seed": options.seed, "machine": machine, **delivery.as_dict()}
    result["gated"] = delivery.gated()
    return conclude(result, delivery.goals(), options, was, partial(told, strict=options.strict))


def measured(folder: Path, extent: Extent, seed: int, step: Advance) -> Delivery:
    """Our delivery in every setting, bare posts of the same bytes beside each number of threads, and the plain way."""
    state_file = owed(folder / "owed", extent.patients, seed)
    step()
    delivered: list[Delivered] = []
    bares: dict[int, Pace] = {}
    with stand_in() as url:
        with copy_of(state_file, folder / "copy") as state:
            sent = recorded(state, url)
        leave_out_what_is_loaded()  # as core does
        step()
        for workers in WORKERS:
            turns: list[Delivered] = []
            beside: list[Pace] = []
            for _ in range(TURNS):
                for at_once in AT_ONCE:
                    turns.append(_one(state_file, folder, url, sent, workers=workers, at_once=at_once))
                    step()
                beside.append(bare(sent, url, workers=workers))
                step()
            delivered += [_median_of([one for one in turns if one.at_once == at_once]) for at_once in AT_ONCE]
            bares[workers] = _median(beside)
        plain = _median([_plainly(sent, url, extent, step) for _ in range(TURNS)])
    slow_file = owed(folder / "slow", extent.slow_patients, seed)
    with stand_in(SLOW_S) as url:
        with copy_of(slow_file, folder / "copy") as state:
            few = recorded(state, url)
        for workers in WORKERS:
            delivered.append(_one(slow_file, folder, url, few, workers=workers, at_once=50, delay_s=SLOW_S))
            step()
    return Delivery(delivered=delivered, bare=bares, naive=plain)


def _plainly(sent: Sent, url: str, extent: Extent, step: Advance) -> Pace:
    pace = naive(sent, url, extent.naive_patients)
    step()
    return pace


def _median(paces: Sequence[Pace]) -> Pace:
    return sorted(paces, key=lambda pace: pace.patients_per_s)[len(paces) // 2]


def _median_of(turns: Sequence[Delivered]) -> Delivered:
    """The median run, which is right only if all of them are."""
    pace = _median([one.pace for one in turns])
    return replace(turns[0], pace=pace, right=all(one.right for one in turns))


def _one(
    state_file: Path, folder: Path, url: str, sent: Sent, *, workers: int, at_once: int, delay_s: float = 0.0
) -> Delivered:
    with copy_of(state_file, folder / "copy") as state:
        pace, ended = ours(state, url, workers=workers, at_once=at_once)
    confirmed = {state_name: number for state_name, number in ended.items() if number}
    once = {reference: (1, digest) for reference, digest in sent.wanted.items()}
    right = held(url) == once and confirmed == {"confirmed": len(sent.wanted)}
    return Delivered(workers=workers, at_once=at_once, delay_ms=delay_s * 1000, pace=pace, right=right)
