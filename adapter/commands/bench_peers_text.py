"""What `troughline bench --peers` prints for a person: who was compared, rates, and a row per check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from adapter.commands.bench_wire_text import WIDTH, tidied

LEFT = ("program", "feed", "check")
HOW_TO_READ = (
    "No two of these rates are of the same work: what an AA means stands above. Each got as much of one feed as it is\n"
    "done with in the same time. with all/s: until nothing is left to do; cpu us: of all processes of a server."
)


def told(result: Mapping[str, Any]) -> str:
    """The whole result as text."""
    printed = StringIO()
    console = Console(file=printed, width=WIDTH, highlight=False, markup=False, soft_wrap=True)
    compared = result["compared"]
    console.print(_machine(result))
    console.print("\n".join(f"{one['name']} {one['version']}: {one['what']}." for one in compared))
    console.print("\n".join(f"AA of {one['name']}: {one['an_answer_means']}." for one in compared))
    console.print(_rates(compared))
    console.print(HOW_TO_READ)
    console.print(_checks(compared))
    console.print("\n".join(_reasons(compared)))
    for one in result["left_out"]:
        console.print(f"left out: {one['name']}: {one['reason']}")
    return tidied(printed)


def _machine(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"{result['extent']} run of {result['seconds']:,.0f} s, seed {result['seed']}; Python {machine['python']}, "
        f"{machine['processors']} processors, load {machine['load']}, file system {machine['file_system']}"
    )


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in LEFT else "right")
    return table


def _rates(compared: Sequence[Mapping[str, Any]]) -> Table:
    table = _table(
        "program", "feed", "connections", "messages", "answered/s", "with all/s", "p50 us", "p99 us", "cpu us", "AA"
    )
    for one in compared:
        for run in one["runs"]:
            table.add_row(
                one["name"],
                run["feed"],
                f"{run['connections']}",
                f"{run['messages']:,}",
                *(f"{run[key]:,.0f}" for key in ("answered_per_s", "whole_per_s", "p50_us", "p99_us", "cpu_us")),
                f"{run['codes'].get('AA', 0) / run['messages']:.0%}",
            )
    return table


def _checks(compared: Sequence[Mapping[str, Any]]) -> Table:
    table = _table("check", *(one["name"] for one in compared))
    for rows in zip(*(one["checks"] for one in compared), strict=True):
        table.add_row(rows[0]["check"], *(row["answer"] for row in rows))
    return table


def _reasons(compared: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in compared:
        reasons: dict[tuple[str, str], list[str]] = {}
        for check in one["checks"]:
            reasons.setdefault((check["answer"], check["why"]), []).append(check["check"])
        for (answer, why), checks in reasons.items():
            yield f"{one['name']}: {', '.join(checks)}: {answer}, {why}"
