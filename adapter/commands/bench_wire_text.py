"""What `troughline bench wire` prints for a person: limits, runs, ratios of this run, and the goals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from adapter.commands.bench_verdict import Goal, verdict_lines

WIDTH = 140
COLUMNS = (
    "run",
    "messages",
    "answered/s",
    "with all/s",
    "p50 us",
    "p99 us",
    "most us",
    "intake us",
    "core us",
    "written B",
    "x echo",
    "x syncs",
    "x plain way",
)


def told(result: Mapping[str, Any], goals: Sequence[Goal], *, strict: bool) -> str:
    """The whole result as text."""
    printed = StringIO()
    console = Console(file=printed, width=WIDTH, highlight=False, markup=False)
    console.print(_machine(result))
    console.print(limits_lines(result["limits"]))
    console.print(runs_table(result["runs"]))
    console.print(validation_line(result["validation"]))
    console.print(filter_line(result["filter"]))
    console.print("\n".join(verdict_lines(goals, strict=strict)))
    return tidied(printed)


def tidied(printed: StringIO) -> str:
    """What was printed, without blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines()) + "\n"


def _machine(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"Python {machine['python']}, {machine['processors']} processors, load {machine['load']}, "
        f"seed {result['seed']}, {result['connections']} connections; {spreads(machine)}"
    )


def spreads(machine: Mapping[str, Any]) -> str:
    """How far repetitions lay apart, and whether that says to read with care."""
    noisy = "; NOISY: read ratios with care" if machine["noisy"] else ""
    return f"spread of echo {machine['echo_spread']:.0%}, of syncs {machine['sync_spread']:.0%}{noisy}"


def limits_lines(limits: Mapping[str, float]) -> str:
    """What the machine gives, and what plain ways make of it."""
    return (
        f"limits: {limits['syncs_per_s']:,.0f} syncs/s, p50 {limits['sync_p50_us']:,.0f} "
        f"p99 {limits['sync_p99_us']:,.0f} us; echo {limits['echo_per_s']:,.0f}/s, "
        f"p99 {limits['echo_p99_us']:,.0f} us, {limits['echo_cpu_us']:.1f} us per message; "
        f"the load itself {limits['load_cpu_us']:.1f} us per message\n"
        f"plain ways: hl7apy, a model and a commit each {limits['naive_per_s']:,.0f}/s, "
        f"{limits['naive_cpu_us']:,.0f} us per message of one result, {limits['naive_unfiltered_per_s']:,.0f}/s, "
        f"{limits['naive_unfiltered_cpu_us']:,.0f} us of the unfiltered feed; "
        f"a commit each {limits['commits_per_s']:,.0f}/s"
    )


def runs_table(runs: Mapping[str, Mapping[str, Any]]) -> Table:
    """A line per run, medians over its repetitions."""
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == COLUMNS[0] else "right")
    for name, run in runs.items():
        table.add_row(
            name,
            f"{run['messages']:,}",
            f"{run['answered_per_s']:,.0f}",
            f"{run['whole_per_s']:,.0f}",
            *(f"{run[key]:,.0f}" for key in ("p50_us", "p99_us", "most_us")),
            *(f"{run['cpu_us'][process]:,.0f}" for process in ("intake", "core")),
            f"{run['written_bytes']:,.0f}",
            f"{run['over_echo']:.2f}",
            f"{run['over_syncs']:.1f}",
            f"{run['over_naive']:,.0f}",
        )
    return table


def validation_line(validation: Mapping[str, float]) -> str:
    """What validating every output costs."""
    return (
        f"validation: {validation['valid']:,} of {validation['resources']:,} resources written for "
        f"{validation['messages']:,} results are valid; {validation['message_us']:,.0f} us for those of one result"
    )


def filter_line(cost: Mapping[str, float]) -> str:
    """What the filter costs."""
    return f"filter: {cost['few_us_per_kb']:.2f} us per KB with 5 codes, {cost['many_us_per_kb']:.2f} with 5,000"
