"""A disk whose every sync takes five milliseconds more: what group commit and the filter make of it.

The delay is a small library preloaded into the processes that are measured, ours and the one that commits each message.
So every sync is as slow as a slow disk would make it, whoever asks for it (commit, checkpoint, migration), and the
product holds nothing for it.  A pause in our own code would slow those syncs only that we thought of.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from adapter.commands.bench_feed import RELEVANT_SHARE, Feed
from adapter.commands.bench_load import Load, Measured
from adapter.commands.bench_plain import Pace, Syncs
from adapter.commands.bench_processes import maps
from adapter.commands.bench_service import BenchService
from adapter.commands.bench_verdict import Goal, at_least
from adapter.commands.bench_wire_runs import Run, against, echo, send

DELAY_US = 5_000
COMPILERS = ("gcc", "cc")
LIBRARY = "slow-disk.so"
SOURCE = Path(__file__).with_suffix(".c")
CONNECTIONS = 64
OF_COMMITS_MANY, OF_COMMITS_ONE = 25.0, 40.0
PLAIN_LIMIT_S = 120.0


class CannotSlow(Exception):  # noqa: N818 - named by what cannot be done
    """No disk can be made slow here; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is sent."""

    kept: int
    unfiltered: int
    commits: int
    rounds: int
    syncs: int = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowDisk:
    """What was measured on the slow disk, the commit for each message among it."""

    syncs: Syncs
    commits: Pace
    many: list[Run]
    """64 connections, every message kept on disk."""
    one: list[Run]
    """One connection, unfiltered feed."""
    echoed: Measured
    """The same feed over one connection, against a bare echo."""
    kept: int
    to_keep: int

    @property
    def many_over_commits(self) -> float:
        """Messages a second over 64 connections, each durable, over those of a commit each."""
        return median(run.measured.per_s for run in self.many) / self.commits.per_s

    @property
    def one_over_commits(self) -> float:
        """Messages a second of one connection over those of a commit each."""
        return median(run.measured.per_s for run in self.one) / self.commits.per_s

    @property
    def echo_over_commits(self) -> float:
        """The same of an echo that would wait for a sync, and nothing else, at each message that concerns us."""
        seconds = 1 / self.echoed.per_s + RELEVANT_SHARE * self.syncs.p50_us / 1e6
        return 1 / seconds / self.commits.per_s

    def goals(self) -> list[Goal]:
        """What this run says of P5."""
        added = f"slow disk (+{DELAY_US / 1000:.0f} ms a sync)"
        many = f"{added}, every message durable, {CONNECTIONS} connections / a commit each"
        one = f"{added}, unfiltered feed, one connection / a commit each"
        codes = {code for run in (*self.many, *self.one) for code in run.measured.codes}
        right = self.kept == self.to_keep and codes == {"AA"}
        return [
            Goal(
                id="P5d",
                goal=f"{added}, every answer AA, every message that had to be kept is on disk",
                measured=f"{self.kept} of {self.to_keep} kept, answers {', '.join(sorted(codes)) or 'none'}",
                passed=right,
                correctness=True,
            ),
            at_least("P5", many, self.many_over_commits, OF_COMMITS_MANY),
            at_least("P5o", one, self.one_over_commits, OF_COMMITS_ONE),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "added_us": DELAY_US,
            "sync_p50_us": self.syncs.p50_us,
            "sync_p99_us": self.syncs.p99_us,
            "commits_per_s": self.commits.per_s,
            "many_over_commits": self.many_over_commits,
            "one_over_commits": self.one_over_commits,
            "echo_over_commits": self.echo_over_commits,
        }


def library(folder: Path, compilers: tuple[str, ...] = COMPILERS) -> Path:
    """Compile the delay into a folder; raises CannotSlow where there is no compiler, or it cannot."""
    compiler = next((found for name in compilers if (found := shutil.which(name))), None)
    if compiler is None:
        raise CannotSlow(f"there is no C compiler ({', '.join(compilers)}) to build the delay with")
    built = folder / LIBRARY
    command = [compiler, "-O1", "-Wall", "-shared", "-fPIC", "-o", str(built), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a compiler of this machine
    if done.returncode:
        raise CannotSlow(f"{compiler} could not build the delay (exit code {done.returncode})")
    return built


def slow_service(folder: Path) -> BenchService:
    """A service on a slow disk; raises CannotSlow."""
    built = library(folder)
    service = BenchService(folder / "slow-disk", environment=_environment(built))
    if not all(maps(pid, built) for pid in service.pids.values()):
        service.end()
        raise CannotSlow("the delay was not loaded into the service")
    return service


def _environment(built: Path) -> dict[str, str]:
    return {"LD_PRELOAD": str(built), "TROUGHLINE_BENCH_SYNC_DELAY_US": str(DELAY_US)}


def slow_disk(folder: Path, running: BenchService, extent: Extent, seed: int) -> SlowDisk:
    """Both runs and the plain way under the same delay; raises CannotSlow, or LoadBroke as the other runs do."""
    syncs, commits = _plain(folder, extent, seed, _environment(folder / LIBRARY))
    with running as service:
        many, one = [], []
        for number in range(extent.rounds):
            load = _load(service.port, CONNECTIONS, "kept", extent.kept, seed, f"S{number}K")
            many.append(against(service, "slow disk, kept", load, to_the_end=False))
        kept = service.kept()
        service.wait_until_understood()
        for number in range(extent.rounds):
            load = _load(service.port, 1, "unfiltered", extent.unfiltered, seed, f"S{number}U")
            one.append(against(service, "slow disk, one connection", load, to_the_end=False))
            service.wait_until_understood()
    with echo() as bare:
        echoed = send(replace(_load(bare.port, 1, "unfiltered", extent.unfiltered, seed, "SE"), echoed=True))
    to_keep = extent.kept * extent.rounds
    return SlowDisk(syncs=syncs, commits=commits, many=many, one=one, echoed=echoed, kept=kept, to_keep=to_keep)


def _load(port: int, connections: int, feed: Feed, count: int, seed: int, series: str) -> Load:
    return Load(host="127.0.0.1", port=port, connections=connections, feed=feed, count=count, seed=seed, series=series)


def _plain(folder: Path, extent: Extent, seed: int, environment: Mapping[str, str]) -> tuple[Syncs, Pace]:
    place = folder / "slow-plain"
    place.mkdir()
    given = {"folder": str(place), "messages": extent.commits, "syncs": extent.syncs, "seed": seed}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "adapter.commands.bench_plain"],
        input=json.dumps(given) + "\n",
        capture_output=True,
        text=True,
        timeout=PLAIN_LIMIT_S,
        env={**os.environ, **environment},
        check=False,
    )
    if done.returncode:
        raise CannotSlow(f"a process with the delay ended with exit code {done.returncode}")
    told = json.loads(done.stdout)
    syncs, commits = Syncs(**told["syncs"]), Pace(**told["commits"])
    if syncs.p50_us < DELAY_US:
        raise CannotSlow("the delay had no effect on syncs")
    return syncs, commits
