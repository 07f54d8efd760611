"""`troughline bench --peers`: the same feed and the same seven checks for the programs of others and for this one."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapter.commands.bench_feed import Feed
from adapter.commands.bench_machine import machine_with
from adapter.commands.bench_measuring import Advance, bar
from adapter.commands.bench_outcome import BROKE_OFF, broke_off
from adapter.commands.bench_peers_environment import environment
from adapter.commands.bench_peers_known import PEERS
from adapter.commands.bench_peers_runs import Compared, Pace, ours_compared, peer_compared
from adapter.commands.bench_peers_servers import PeerDied
from adapter.commands.bench_peers_text import told
from adapter.commands.bench_wire_runs import LoadBroke

NOTHING_INSTALLED = (
    "None of the programs compared with could be installed or run, so nothing was compared:\n{reasons}\n"
    "Run it where pip can install packages, or name with --environment a folder in which it once did."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything compared, ours first, and why others are not among it."""

    compared: list[Compared]
    left_out: Mapping[str, str]


RUNS: tuple[tuple[Feed, int], ...] = (("unfiltered", 1), ("unfiltered", 64), ("relevant", 64))
EXTENTS: Mapping[str, Pace] = {
    "quick": Pace(runs=RUNS, seconds=1.5, probe=64, most=20_000, rounds=1),
    "full": Pace(runs=RUNS, seconds=10.0, probe=128, most=100_000, rounds=3),
}


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when one of our own checks is not met; 2 when nothing could be compared."""
    name, begun = options.extent or "quick", time.monotonic()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="troughline-bench-") as folder,
            bar("bench peers", 2 + len(PEERS)) as step,
        ):
            on = machine_with(Path(folder))
            outcome = measured(Path(folder), options.environment, EXTENTS[name], options.seed, step)
    except BROKE_OFF as fault:
        return broke_off(fault)
    if len(outcome.compared) < 2:
        reasons = "\n".join(f"- {peer}: {reason}" for peer, reason in outcome.left_out.items())
        print(NOTHING_INSTALLED.format(reasons=reasons), file=sys.stderr)
        return 2
    result = {
        "bench": "peers",
        "extent": name,
        "seed": options.seed,
        "machine": on,
        "compared": [one.as_dict() for one in outcome.compared],
        "left_out": [{"name": peer, "reason": reason} for peer, reason in outcome.left_out.items()],
        "seconds": round(time.monotonic() - begun, 1),
    }
    sys.stdout.write(json.dumps(result, indent=2) + "\n" if options.json else told(result))
    return int(any(check.answer != "yes" for check in outcome.compared[0].checks))


def measured(folder: Path, kept: Path | None, pace: Pace, seed: int, step: Advance) -> Outcome:
    """One after the other, so that none takes processor time from another; ours first, and not alone."""
    made = environment(kept.absolute() if kept else folder / "environments")
    step()
    left_out, compared = dict(made.left_out), []
    if made.pythons:
        compared.append(ours_compared(folder / "ours", pace, seed))
    step()
    for peer in PEERS:
        if peer.name in made.pythons:
            try:
                compared.append(peer_compared(peer, made.pythons[peer.name], folder / peer.name, pace, seed))
            except (PeerDied, LoadBroke, OSError) as fault:
                left_out[peer.name] = f"it could not be run to its end: {fault}"
        step()
    return Outcome(compared=compared, left_out=left_out)
