"""How benches measure: processor time, medians over rounds, growth, memory, and a bar for the waiting."""

from __future__ import annotations

import math
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[], None]
LONG = 100_000
"""So many things take long enough to be told of on the way."""


def cpu_us(work: Callable[[], object]) -> float:
    """Microseconds of processor time one call takes; what other programs do meanwhile counts less than in seconds."""
    before = time.process_time_ns()
    work()
    return (time.process_time_ns() - before) / 1000


def mean_cpu_us(work: Callable[[], object], calls: int) -> float:
    """Microseconds of processor time per call, over some calls in a row."""
    return cpu_us(lambda: [work() for _ in range(calls)]) / calls


def growth(points: Sequence[tuple[int, float]]) -> float:
    """The exponent of growth: the slope of the line through sizes and costs, both as logarithms."""
    sizes = [math.log(size) for size, _ in points]
    costs = [math.log(cost) for _, cost in points]
    return statistics.linear_regression(sizes, costs).slope


def n_log_n_growth(sizes: Sequence[int]) -> float:
    """The exponent the same fit gives for n log n."""
    return growth([(size, size * math.log(size)) for size in sizes])


def memory_mib() -> float:
    """The memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def machine() -> dict[str, str | int | float]:
    """What the figures were measured on, as far as it says how to read them."""
    return {
        "python": platform.python_version(),
        "processors": os.cpu_count() or 1,
        "load": round(os.getloadavg()[0], 2),
    }


@contextmanager
def bar(what: str, steps: int) -> Iterator[Advance]:
    """A progress bar on stderr where a person is watching."""
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=steps)
        yield lambda: progress.advance(task)


def tenths(what: str, total: int) -> Callable[[int], None]:
    """Say on stderr after every tenth of something long how far it is, and after how many minutes; it hears of more."""
    begun, done = time.monotonic(), 0

    def more(count: int) -> None:
        nonlocal done
        before, done = done, done + count
        if total >= LONG and before * 10 // total < done * 10 // total:
            minutes = (time.monotonic() - begun) / 60
            print(f"{what}: {done:,} of {total:,} after {minutes:.1f} min", file=sys.stderr, flush=True)

    return more
