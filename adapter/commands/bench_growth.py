"""Whether a message gets dearer, or a process larger, once a store holds many messages and patients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from gc import collect
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

from adapter.commands.bench_corridor import Corridor, corridor
from adapter.commands.bench_feed import result_of
from adapter.commands.bench_growth_store import Told, grow, name_of, pattern_of, quietly
from adapter.commands.bench_load import Load
from adapter.commands.bench_measuring import cpu_us
from adapter.commands.bench_service import BenchService
from adapter.commands.bench_verdict import Goal, at_most
from adapter.commands.bench_wire_runs import against

GROWTH_LIMIT = 1.5
MEMORY_LIMIT_MIB = 150.0
CONNECTIONS = 64
GROUP = 10
"""Messages kept and understood together in one measurement: half of new patients, half of patients of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How large the stores are, and how often each is asked."""

    sizes: tuple[int, ...]
    rounds: int
    sent: int
    """Messages sent to the service on the largest store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCost:
    """What a message costs, kept and understood, in a store of so many messages and patients."""

    size: int
    us: float
    """Processor time."""
    clock_us: float
    """By the clock, waiting for the disk included."""
    store_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The cost in every store, and what the processes of the service held on the largest."""

    stores: list[StoreCost]
    peak_mib: dict[str, float]

    @property
    def ratio(self) -> float:
        """The cost in the largest store over that in the smallest."""
        return self.stores[-1].us / self.stores[0].us

    @property
    def clock_ratio(self) -> float:
        """The same by the clock; told and no goal, for other programs and the disk have their part in it."""
        return self.stores[-1].clock_us / self.stores[0].clock_us

    def goals(self) -> list[Goal]:
        """What this run says of P7."""
        few, many = self.stores[0].size, self.stores[-1].size
        what = f"processor time of a message at {many:,} stored messages and patients / at {few:,}"
        memory = f"most memory of a process at {many:,}, MiB"
        return [
            at_most("P7", what, self.ratio, GROWTH_LIMIT),
            at_most("P7m", memory, max(self.peak_mib.values()), MEMORY_LIMIT_MIB),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "stores": [asdict(one) for one in self.stores],
            "ratio": self.ratio,
            "clock_ratio": self.clock_ratio,
            "peak_mib": self.peak_mib,
        }


@contextmanager
def grown(folder: Path, extent: Extent, seed: int, told: Told = quietly) -> Iterator[list[Probe]]:
    """Stores of every size, filled; `told` hears of how many patients were added each time."""
    folder.mkdir()
    with ExitStack() as stack:
        yield [
            Probe(size, stack.enter_context(corridor(place)), extent, seed, told)
            for size, place in _places(folder, extent).items()
        ]


def asked(folder: Path, probes: Sequence[Probe], extent: Extent) -> list[StoreCost]:
    """Stores of every size are asked in turn, so that a slow minute of the machine touches all of them."""
    places = _places(folder, extent)
    collect()
    for _ in range(extent.rounds):
        for probe in probes:
            probe.measure()
    return [
        StoreCost(
            size=probe.size,
            us=median(probe.costs),
            clock_us=median(probe.clock_costs),
            store_mib=_size_mib(places[probe.size]),
        )
        for probe in probes
    ]


def _places(folder: Path, extent: Extent) -> dict[int, Path]:
    return {size: folder / f"of-{size}" for size in extent.sizes}


class Probe:
    """One store, filled, and what a group of messages costs in it."""

    def __init__(self, size: int, store: Corridor, extent: Extent, seed: int, told: Told = quietly) -> None:
        self.size = size
        self.costs: list[float] = []
        self.clock_costs: list[float] = []
        self._store = store
        self._random = Random(seed)  # noqa: S311 - repeatable, not secret
        self._numbers = count()
        stored = [name_of(number, "stored") for number in range(extent.rounds * GROUP // 2)]
        self._stored = iter(stored)
        pattern = pattern_of(store, seed)
        half = max(size - len(stored) - 1, 0) // 2
        grow(store, pattern, 1, half, told)
        self._take(self._messages(stored))
        grow(store, pattern, 1 + half, max(size - len(stored) - 1, 0) - half, told)

    def measure(self) -> None:
        """Keep and understand one more group."""
        known = [next(self._stored) for _ in range(GROUP // 2)]
        new = [name_of(next(self._numbers), "new") for _ in range(GROUP // 2)]
        messages = list(self._messages([*known, *new]))
        begun = perf_counter()
        self.costs.append(cpu_us(lambda: self._take(messages)) / len(messages))
        self.clock_costs.append((perf_counter() - begun) / len(messages) * 1e6)

    def _take(self, messages: Sequence[bytes] | Iterator[bytes]) -> None:
        self._store.keep(list(messages))
        self._store.understand()

    def _messages(self, patients: Sequence[str]) -> Iterator[bytes]:
        for patient in patients:
            control_id = name_of(next(self._numbers), "message")
            yield result_of(self._random, patient=patient, control_id=control_id)


def peak_mib(folder: Path, extent: Extent, seed: int) -> dict[str, float]:
    """The most each process of a service on the largest of these stores holds while it gets a feed."""
    with BenchService(_places(folder, extent)[extent.sizes[-1]]) as service:
        load = Load(
            host="127.0.0.1",
            port=service.port,
            connections=CONNECTIONS,
            feed="unfiltered",
            count=extent.sent,
            seed=seed,
            series="G",
        )
        against(service, "grown store", load)
        return service.peak_mib()


def _size_mib(place: Path) -> float:
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) / 2**20
