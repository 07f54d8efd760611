"""What `troughline bench rules` prints for a person: costs, ratios of this run, and the goals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from adapter.commands.bench_verdict import Goal, verdict_lines

WIDTH = 120
EVENTS_COLUMNS = (
    "events",
    "resolve us",
    "verdicts us",
    "words us",
    "together us",
    "us per event",
    "x sorted once",
    "x each with each",
    "x FHIR models",
)
SHAPE_COLUMNS = ("difficult history", "events", "us", "growth")


def told(result: Mapping[str, Any], goals: Sequence[Goal], *, strict: bool) -> str:
    """The whole result as text."""
    printed = StringIO()
    console = Console(file=printed, width=WIDTH, highlight=False, markup=False)
    console.print(_machine(result))
    console.print(_table(EVENTS_COLUMNS, (_size_row(size) for size in result["sizes"])))
    console.print(_growth(result["growth"]))
    console.print(_table(SHAPE_COLUMNS, (_shape_row(shape) for shape in result["shapes"])))
    console.print("\n".join(_crowd(result["patients"])))
    console.print(_digest(result["digest"]))
    console.print("\n".join(verdict_lines(goals, strict=strict)))
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines()) + "\n"


def _table(columns: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column == SHAPE_COLUMNS[0] else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _machine(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"Python {machine['python']}, {machine['processors']} processors, load {machine['load']}, "
        f"seed {result['seed']}; microseconds are processor time, medians over rounds"
    )


def _size_row(size: Mapping[str, Any]) -> tuple[str, ...]:
    together = size["together_us"]
    ratios = [together / size[other] for other in ("sorted_us", "each_with_each_us", "models_us")]
    costs = [f"{size[part]:,.0f}" for part in ("resolve_us", "verdicts_us", "words_us", "together_us")]
    return f"{size['events']:,}", *costs, f"{together / size['events']:.0f}", *(f"{ratio:,.2f}" for ratio in ratios)


def _growth(growth: Mapping[str, float]) -> str:
    return f"growth with events: n^{growth['exponent']:.2f}; n log n would be n^{growth['n_log_n']:.2f}"


def _shape_row(shape: Mapping[str, Any]) -> tuple[str, ...]:
    return shape["shape"], f"{shape['events']:,}", f"{shape['us']:,.0f}", f"n^{shape['exponent']:.2f}"


def _crowd(crowd: Mapping[str, Any]) -> Iterator[str]:
    mean = crowd["events"] / crowd["patients"]
    yield (
        f"{crowd['patients']:,} different patients of {mean:.1f} events: {crowd['us_per_patient']:,.0f} us each, "
        f"{crowd['patients_per_s']:,.0f} patients/s on one processor"
    )
    yield (
        f"first thousand {crowd['first_us_per_event']:.1f} us per event, "
        f"last thousand {crowd['last_us_per_event']:.1f}; "
        f"the machine itself x{crowd['machine_later_over_first']:.2f} meanwhile; "
        f"memory {crowd['memory_first_mib']:.1f} MiB, then {crowd['memory_last_mib']:.1f}"
    )


def _digest(digest: Mapping[str, Any]) -> str:
    same = "equal" if digest["equal"] else "DIFFERENT"
    return (
        f"findings of {digest['patients']} patients in {digest['readings']} readings, in order, backwards "
        f"and shuffled: {same}, digest {digest['digest'][:16]}"
    )
