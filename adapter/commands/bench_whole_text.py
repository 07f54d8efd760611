"""What `troughline bench` prints for a person, in one order: machine, limits, runs, parts, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console

from adapter.commands.bench_verdict import Goal, verdict_lines
from adapter.commands.bench_wire_text import (
    WIDTH,
    filter_line,
    limits_lines,
    runs_table,
    spreads,
    tidied,
    validation_line,
)


def told(result: Mapping[str, Any], goals: Sequence[Goal], *, strict: bool) -> str:
    """The whole result as text."""
    printed = StringIO()
    console = Console(file=printed, width=WIDTH, highlight=False, markup=False, soft_wrap=True)
    console.print("\n".join(_machine(result)))
    console.print(limits_lines(result["limits"]))
    console.print(runs_table(result["runs"]))
    console.print(validation_line(result["validation"]))
    if result["slow_disk"]:
        console.print(_slow_disk(result["slow_disk"]))
    console.print(filter_line(result["filter"]))
    console.print("\n".join(map(_interpretation, result["interpretation"])))
    console.print("\n".join(_growth(result["growth"])))
    console.print(_replay(result["replay"]))
    console.print(_delivery(result["delivery"]))
    console.print("\n".join(verdict_lines(goals, strict=strict)))
    for part in result["left_out"]:
        console.print(f"{part['id']:<4}left out: {part['reason']}")
    return tidied(printed)


def _machine(result: Mapping[str, Any]) -> list[str]:
    machine = result["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    run = f"{result['extent']} run of {result['seconds']:,.0f} s, seed {result['seed']}, "
    place = f"{machine['processors']} processors, load {machine['load']}, file system {machine['file_system']}; "
    return [
        f"{run}{result['connections']} connections; {place}{spreads(machine)}",
        f"Python {machine['python']}, SQLite {machine['sqlite']}, {libraries}",
    ]


def _slow_disk(slow: Mapping[str, Any]) -> str:
    return (
        f"slow disk: +{slow['added_us'] / 1000:.0f} ms a sync (p50 {slow['sync_p50_us']:,.0f} us), "
        f"a commit each {slow['commits_per_s']:,.0f}/s; "
        f"every message kept, 64 connections x {slow['many_over_commits']:.1f}; "
        f"unfiltered feed, one connection x {slow['one_over_commits']:.1f}, "
        f"a bare echo that syncs as often x {slow['echo_over_commits']:.1f}"
    )


def _interpretation(size: Mapping[str, Any]) -> str:
    return (
        f"interpretation of a patient with {size['events']:,} events: {size['together_us']:,.0f} us, "
        f"x {size['together_us'] / size['models_us']:.2f} of reading them into FHIR models"
    )


def _growth(growth: Mapping[str, Any]) -> list[str]:
    lines = [
        f"growth: at {store['size']:,} stored messages and patients {store['us']:,.0f} us of processor time "
        f"per message ({store['store_mib']:,.0f} MiB)"
        for store in growth["stores"]
    ]
    peak = ", ".join(f"{name} {mib:.0f}" for name, mib in growth["peak_mib"].items())
    ratios = f"x {growth['ratio']:.2f} of processor time, x {growth['clock_ratio']:.2f} by the clock"
    return [*lines, f"growth: {ratios}; most memory of the service on the largest store, MiB: {peak}"]


def _replay(replay: Mapping[str, Any]) -> str:
    return (
        f"replay: {replay['messages']:,} archived messages ({replay['relevant']:,} relevant) read again "
        f"{replay['replay_per_s']:,.0f}/s, merely filtered {replay['filtering_per_s']:,.0f}/s; "
        f"state digest equal: {'yes' if replay['equal'] else 'NO'}"
    )


def _delivery(delivery: Mapping[str, Any]) -> str:
    ours = {(one["workers"], one["at_once"]): one for one in delivery["delivered"] if not one["delay_ms"]}
    bare, plain = delivery["bare"][0], delivery["naive"]
    one = ours[1, 50]
    return (
        f"delivery: {one['patients_per_s']:,.0f} patients/s with one thread, "
        f"x {one['patients_per_s'] / bare['patients_per_s']:.2f} of bare posts, "
        f"x {one['patients_per_s'] / plain['patients_per_s']:.1f} of the plain way; "
        f"{one['resource_us']:,.0f} us of processor time per resource"
    )
