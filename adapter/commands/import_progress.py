"""How far an import is: a bar where a person looks on, else a line every ten seconds; on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from adapter.commands.import_plan import Plan
from adapter.store.imports import Mark

SAY_EVERY_S = 10.0


class Telling:
    """Tells how far one file is, then how much is still to be understood."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._name = ""
        self._total: int | None = None
        self._begun_at = self._said_at = time.monotonic()
        self._begun_number = 0

    def begin(self, plan: Plan) -> None:
        """A file is read from where its plan says; how large a compressed one is nobody knows before its end."""
        self._name, self._begun_number = plan.name, plan.mark.number
        self._total = None if plan.path is None or plan.path.name.endswith(".gz") else plan.mark.size
        self._begun_at = self._said_at = time.monotonic()
        if self._bar:
            self._task = self._bar.add_task(
                self._name, total=self._total, completed=plan.mark.offset, lines=plan.mark.number, rate=0
            )

    def told(self, mark: Mark) -> None:
        """Everything up to this mark is on disk."""
        rate = round((mark.number - self._begun_number) / max(time.monotonic() - self._begun_at, 0.001))
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=mark.offset, lines=mark.number, rate=rate)
        elif self._due():
            size = f" of {self._total:,}" if self._total else ""
            print(
                f"{self._name}: {mark.number:,} lines, {mark.offset:,}{size} bytes, {rate:,} lines/s", file=sys.stderr
            )

    def waiting(self, count: int) -> None:
        """So many kept lines are not understood yet."""
        if self._bar:
            if self._task is None or self._name:
                self._name, self._begun_number = "", count
                self._task = self._bar.add_task("being understood", total=None, lines=count, rate=0)
            self._bar.update(self._task, lines=count)
        elif self._due():
            print(f"{count:,} kept and not understood yet", file=sys.stderr)

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._said_at < SAY_EVERY_S:
            return False
        self._said_at = now
        return True


@contextmanager
def telling() -> Iterator[Telling]:
    """A bar on a terminal, lines elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Telling(None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TextColumn("{task.fields[rate]:,}/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield Telling(bar)
