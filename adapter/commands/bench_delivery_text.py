"""What `troughline bench delivery` prints for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from adapter.commands.bench_verdict import Goal, verdict_lines
from adapter.commands.bench_wire_text import WIDTH, tidied

COLUMNS = ("threads", "at once", "answer ms", "patients/s", "resources/s", "cpu us", "x bare", "x plain")


def told(result: Mapping[str, Any], goals: Sequence[Goal], *, strict: bool) -> str:
    """The whole result as text."""
    printed = StringIO()
    console = Console(file=printed, width=WIDTH, highlight=False, markup=False, soft_wrap=True)
    machine = result["machine"]
    console.print(
        f"{result['extent']} run, seed {result['seed']}; Python {machine['python']}, SQLite {machine['sqlite']}, "
        f"{machine['processors']} processors, load {machine['load']}, file system {machine['file_system']}"
    )
    console.print("one transaction is one patient; cpu us: processor time of the sender per resource")
    table = Table(box=None, pad_edge=False)
    table.add_column("way")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    bare_per_s = {one["workers"]: one["patients_per_s"] for one in result["bare"]}
    for one in result["delivered"]:
        table.add_row(*_ours(one, bare_per_s, result["naive"]["patients_per_s"]))
    for one in result["bare"]:
        table.add_row("bare posts", str(one["workers"]), "-", "0", *_figures(one), "", "")
    table.add_row("plain way", "1", "-", "0", *_figures(result["naive"]), "", "")
    console.print(table)
    console.print("\n".join(verdict_lines(goals, strict=strict)))
    return tidied(printed)


def _ours(one: Mapping[str, Any], bare_per_s: Mapping[int, float], plain_per_s: float) -> tuple[str, ...]:
    slow = bool(one["delay_ms"])
    return (
        "Troughline",
        str(one["workers"]),
        str(one["at_once"]),
        f"{one['delay_ms']:.0f}",
        *_figures(one),
        "" if slow else f"{one['patients_per_s'] / bare_per_s[one['workers']]:.2f}",
        "" if slow else f"{one['patients_per_s'] / plain_per_s:.1f}",
    )


def _figures(one: Mapping[str, Any]) -> tuple[str, ...]:
    return f"{one['patients_per_s']:,.0f}", f"{one['resources_per_s']:,.0f}", f"{one['resource_us']:,.0f}"
