"""How a bench ends: what it prints, the run it keeps, the run it is compared with, and its exit code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from subprocess import SubprocessError
from typing import Any

from adapter.commands.bench_gate import SCHEMA, NoBaseline, baseline, compared, gate_lines
from adapter.commands.bench_verdict import Goal, exit_status, verdict
from adapter.commands.bench_wire_runs import LoadBroke
from adapter.commands.demo_service import ServiceDied
from adapter.commands.whole_file import replace_whole
from adapter.store.faults import CannotKeep, StoreBroken

BROKE_OFF = (LoadBroke, ServiceDied, CannotKeep, StoreBroken, SubprocessError, OSError)
"""What ends a run before it has measured anything to tell; a time-out is an OSError."""
Told = Callable[[Mapping[str, Any], Sequence[Goal]], str]


def before(options: argparse.Namespace, *, bench: str, extent: str) -> Mapping[str, float] | None:
    """The ratios of `--gate`, read before anything is measured; None without it. Raises NoBaseline."""
    if options.save is not None and not options.save.absolute().parent.is_dir():
        text = f"{options.save} cannot be written: there is no folder {options.save.absolute().parent}; make it first."
        raise NoBaseline(text)
    return None if options.gate is None else baseline(options.gate, bench=bench, extent=extent)


def conclude(
    result: Mapping[str, Any],
    goals: Sequence[Goal],
    options: argparse.Namespace,
    was: Mapping[str, float] | None,
    told: Told,
) -> int:
    """Print the result, keep it under `--save`; 1 when it is wrong, strictly missed or worse, 2 when not kept."""
    rows = None if was is None else compared(was, result["gated"])
    whole = {"schema": SCHEMA, **result, "verdict": verdict(goals)}
    if rows is not None:
        whole["compared"] = [row.as_dict() for row in rows]
    if options.json:
        sys.stdout.write(json.dumps(whole, indent=2) + "\n")
    else:
        sys.stdout.write(told(whole, goals))
        if rows is not None:
            sys.stdout.write("\n".join(gate_lines(rows, options.gate)) + "\n")
    if options.save is not None:
        try:
            replace_whole(options.save, (json.dumps(whole, indent=2) + "\n").encode())
        except OSError as fault:
            print(f"{options.save} cannot be written ({fault.strerror}): this run is not kept.", file=sys.stderr)
            return 2
    worse = any(row.worse for row in rows or ())
    return max(exit_status(goals, strict=options.strict), int(worse))


def broke_off(fault: Exception) -> int:
    """Say what ended the run."""
    print(f"The bench broke off ({type(fault).__name__}): {fault}", file=sys.stderr)
    return 2


def refused(fault: NoBaseline) -> int:
    """Say why nothing was measured."""
    print(fault, file=sys.stderr)
    return 2
