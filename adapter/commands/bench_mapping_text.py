"""What `troughline bench mapping` prints for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from adapter.commands.bench_verdict import Goal, verdict_lines

WIDTH = 120
COLUMNS = ("OBX", "bytes", "filter us", "mapping us", "hl7apy us", "x", "python-hl7 us", "x")


def told(result: Mapping[str, Any], goals: Sequence[Goal], *, strict: bool) -> str:
    """The whole result as text."""
    printed = StringIO()
    console = Console(file=printed, width=WIDTH, highlight=False, markup=False)
    machine = result["machine"]
    console.print(
        f"Python {machine['python']}, {machine['processors']} processors, load {machine['load']}, "
        f"seed {result['seed']}; microseconds are processor time, medians over rounds"
    )
    console.print("x: their parse alone over our filter and, where a message is relevant, mapping to events")
    table = Table(box=None, pad_edge=False)
    table.add_column("message")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for message in result["messages"]:
        table.add_row(*_row(message))
    console.print(table)
    if any(message["python_hl7_us"] is None for message in result["messages"]):
        console.print("python-hl7 is left out: it is not installed (pip install hl7)")
    console.print("\n".join(verdict_lines(goals, strict=strict)))
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines()) + "\n"


def _row(message: Mapping[str, Any]) -> tuple[str, ...]:
    whole, python_hl7 = message["whole_us"], message["python_hl7_us"]
    return (
        "relevant" if message["relevant"] else "irrelevant",
        f"{message['results']:,}",
        f"{message['size_bytes']:,}",
        f"{message['filter_us']:.1f}",
        f"{message['reading_us']:,.0f}",
        f"{message['hl7apy_us']:,.0f}",
        f"{message['hl7apy_us'] / whole:,.0f}",
        "-" if python_hl7 is None else f"{python_hl7:,.0f}",
        "-" if python_hl7 is None else f"{python_hl7 / whole:,.1f}",
    )
