"""How far a long comparison is: a bar where a person looks on, else a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

SAY_EVERY = 5_000
Advance = Callable[[int], None]


@contextmanager
def progress(what: str, total: int) -> Iterator[Advance]:
    """Tell on stderr how much of `total` is done; each call is one thing done, and how much of the total it was."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda amount: bar.advance(task, amount)


def _lines(what: str) -> Advance:
    done = 0

    def advance(_amount: int) -> None:
        nonlocal done
        done += 1
        if done % SAY_EVERY == 0:
            print(f"{done:,} {what}", file=sys.stderr)

    return advance
