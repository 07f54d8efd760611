"""What the machine gives at best in this run, and what plain ways make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from adapter.commands.bench_load import Load, Measured
from adapter.commands.bench_plain import Pace, Syncs, commits, naive, syncs
from adapter.commands.bench_processes import cpu_s
from adapter.commands.bench_wire_runs import Echo, send

NOISE_LIMIT = 0.3
"""A spread of the echo or of syncs between repetitions above which the machine counts as noisy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits and plain ways."""

    syncs: Syncs
    echo: tuple[Measured, ...]
    echo_costs_us: tuple[float, ...]
    """Processor time of the echo per message, in each of its repetitions."""
    naive: Pace
    """The plain way with messages of one result, as `relevant` and `kept` are."""
    naive_unfiltered: Pace
    """The plain way with the unfiltered feed."""
    commits: Pace

    @property
    def echo_per_s(self) -> float:
        """Messages a second through the bare echo, the median of its repetitions."""
        return median(one.per_s for one in self.echo)

    @property
    def echo_cpu_us(self) -> float:
        """Processor time of the echo per message, the median of its repetitions."""
        return median(self.echo_costs_us)

    @property
    def echo_p99_us(self) -> float:
        """The p99 of its answers, the median of its repetitions."""
        return median(one.p99_us for one in self.echo)

    @property
    def spread(self) -> float:
        """How far its repetitions lie apart, as a share of the median."""
        rates = [one.per_s for one in self.echo]
        return (max(rates) - min(rates)) / median(rates)

    @property
    def noisy(self) -> bool:
        """Whether ratios of this run say little."""
        return max(self.spread, self.syncs.spread) > NOISE_LIMIT

    def noise(self) -> dict[str, Any]:
        """What the line about the machine says of it."""
        return {
            "noisy": self.noisy,
            "echo_spread": round(self.spread, 3),
            "sync_spread": round(self.syncs.spread, 3),
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "sync_p50_us": self.syncs.p50_us,
            "sync_p99_us": self.syncs.p99_us,
            "syncs_per_s": self.syncs.per_s,
            "echo_per_s": self.echo_per_s,
            "echo_p99_us": self.echo_p99_us,
            "echo_cpu_us": self.echo_cpu_us,
            "load_cpu_us": median(one.cpu_us for one in self.echo),
            "naive_per_s": self.naive.per_s,
            "naive_cpu_us": self.naive.cpu_us,
            "naive_unfiltered_per_s": self.naive_unfiltered.per_s,
            "naive_unfiltered_cpu_us": self.naive_unfiltered.cpu_us,
            "commits_per_s": self.commits.per_s,
        }


class Echoes:
    """An echo that is measured again and again between the runs, so that a slow minute touches it as it does them."""

    def __init__(self, running: Echo, load: Load) -> None:
        self._running = running
        self._load = load.towards(running.port)
        self.measured: list[Measured] = []
        self.costs_us: list[float] = []

    def measure(self) -> None:
        """Send the load once more."""
        before = cpu_s(self._running.pid)
        self.measured.append(send(self._load))
        self.costs_us.append((cpu_s(self._running.pid) - before) / self._load.count * 1e6)


class Plain(NamedTuple):
    """What plain ways make of two feeds."""

    syncs: Syncs
    naive: Pace
    naive_unfiltered: Pace
    commits: Pace


def plain_limits(folder: Path, relevant: Sequence[bytes], unfiltered: Sequence[bytes], sync_count: int) -> Plain:
    """Syncs, the plain way with messages of one result and with a whole laboratory's, and a commit each."""
    return Plain(
        syncs(folder, sync_count),
        naive(folder / "plain-relevant", relevant),
        naive(folder / "plain-unfiltered", unfiltered),
        commits(folder, list(relevant) * 5),
    )
