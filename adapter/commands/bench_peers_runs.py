"""The runs of `troughline bench --peers`: rates over some connection counts, then the seven checks, for each alike."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from adapter import __version__
from adapter.commands.bench_feed import Feed
from adapter.commands.bench_load import END, PATIENCE_S, READ_BYTES, Load, Measured
from adapter.commands.bench_peers_cases import CASES, messages, patient_of
from adapter.commands.bench_peers_checks import Checked, Held, checked, held_in_fhir
from adapter.commands.bench_peers_known import OUR_ANSWER_MEANS, OURS, OURS_IS, Peer
from adapter.commands.bench_processes import cpu_s
from adapter.commands.bench_service import BenchService
from adapter.commands.bench_wire_runs import send
from adapter.store.state_reader import SqliteStateReader

RECORD_NUMBERS = "https://hospital.example/mrn"


class NoAnswer(Exception):  # noqa: N818 - named by what did not come
    """A connection was closed where an answer was due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long each is sent to: as much of one feed as it is done with in that time."""

    runs: tuple[tuple[Feed, int], ...]
    """What is sent over how many connections."""
    seconds: float
    probe: int
    """Messages that find out how fast it is; not counted."""
    most: int
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRun:
    """One feed over so many connections."""

    feed: Feed
    connections: int
    measured: Measured
    whole_s: float
    """Until nothing of it is left to do."""
    cpu_us: float
    """Processor time of all processes of the server per message, with all that follows from it."""

    @property
    def whole_per_s(self) -> float:
        """Messages a second, all that follows from them included."""
        return self.measured.messages / self.whole_s

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "feed": self.feed,
            "connections": self.connections,
            "messages": self.measured.messages,
            "answered_per_s": self.measured.per_s,
            "whole_per_s": self.whole_per_s,
            "p50_us": self.measured.p50_us,
            "p99_us": self.measured.p99_us,
            "cpu_us": self.cpu_us,
            "codes": self.measured.codes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One program with its rates and its checks."""

    name: str
    version: str
    what: str
    an_answer_means: str
    runs: Sequence[PeerRun]
    checks: Sequence[Checked]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "what": self.what,
            "an_answer_means": self.an_answer_means,
            "runs": [run.as_dict() for run in self.runs],
            "checks": [check.as_dict() for check in self.checks],
        }


def ours_compared(folder: Path, pace: Pace, seed: int) -> Compared:
    """The service: rates on one store, checks on another."""
    folder.mkdir()
    with BenchService(folder / "rate") as service:
        used = partial(_used_by, service)
        runs = rates(service.port, used, pace, seed, after=service.wait_until_understood)
    with BenchService(folder / "checks") as service:
        checks = answers(service.port, partial(_held_by, service), {})
    return Compared(
        name=OURS, version=__version__, what=OURS_IS, an_answer_means=OUR_ANSWER_MEANS, runs=runs, checks=checks
    )


def peer_compared(peer: Peer, python: Path, folder: Path, pace: Pace, seed: int) -> Compared:
    """A program of others; raises PeerDied, LoadBroke or OSError when its server does not see it through."""
    for part in ("rate", "checks"):
        (folder / part).mkdir(parents=True)
    with peer.start(python, folder / "rate", for_checks=False) as server:
        runs = rates(server.port, partial(cpu_s, server.pid), pace, seed, closes=peer.closes)
    with peer.start(python, folder / "checks", for_checks=True) as server:
        checks = answers(server.port, server.held, peer.not_claimed)
    return Compared(
        name=peer.name,
        version=peer.version,
        what=peer.what,
        an_answer_means=peer.an_answer_means,
        runs=runs,
        checks=checks,
    )


def rates(
    port: int,
    used_s: Callable[[], float],
    pace: Pace,
    seed: int,
    *,
    closes: bool = False,
    after: Callable[[], None] | None = None,
) -> list[PeerRun]:
    """One run for each that is named, of its rounds the one in the middle; `after`: wait for what still follows."""
    load = Load(
        host="127.0.0.1",
        port=port,
        connections=1,
        feed="unfiltered",
        count=pace.probe,
        seed=seed,
        series="P",
        closed_after_each=closes,
    )
    runs: list[PeerRun] = []
    for number, (feed, connections) in enumerate(pace.runs):
        probe = replace(load, feed=feed, connections=connections, series=f"P{number}N")
        count = count_for(_measured(probe, used_s, after).whole_per_s, pace)
        loads = [replace(probe, count=count, series=f"R{number}C{one}N") for one in range(pace.rounds)]
        rounds = sorted((_measured(one, used_s, after) for one in loads), key=lambda run: run.measured.per_s)
        runs.append(rounds[len(rounds) // 2])
    return runs


def count_for(per_s: float, pace: Pace) -> int:
    """As many messages as it is done with in the time given, no fewer than the probe had."""
    return min(max(round(per_s * pace.seconds), pace.probe), pace.most)


def _measured(load: Load, used_s: Callable[[], float], after: Callable[[], None] | None) -> PeerRun:
    before = used_s()
    measured = send(load)
    if after:
        after()
    return PeerRun(
        feed=load.feed,
        connections=load.connections,
        measured=measured,
        whole_s=time.monotonic() - measured.begun_at if after else measured.seconds,
        cpu_us=(used_s() - before) / measured.messages * 1e6,
    )


def answers(port: int, held: Callable[[], Held], not_claimed: Mapping[str, str]) -> list[Checked]:
    """The seven checks, each with a patient and an order of its own."""
    return [_asked(check, port, held, not_claimed) for check in CASES]


def _asked(check: str, port: int, held: Callable[[], Held], not_claimed: Mapping[str, str]) -> Checked:
    before, after = held(), []
    for message in messages(check):
        try:
            exchanged(port, message)
        except NoAnswer:
            return Checked(id=check, answer="no", why="it closed the connection and gave no answer")
        after.append(held().without(before))
    return checked(check, after, not_claimed)


def exchanged(port: int, message: bytes) -> bytes:
    """Send one message over a connection of its own; its answer. Raises NoAnswer, or OSError when nobody listens."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"\x0b" + message + END)
        while not received.endswith(END):
            data = connection.recv(READ_BYTES)
            if not data:
                raise NoAnswer
            received += data
    return received


def _used_by(service: BenchService) -> float:
    return sum(service.cost().cpu_s.values())


def _held_by(service: BenchService) -> Held:
    service.wait_until_understood()
    state = SqliteStateReader(service.store / "state.db")
    try:
        written = [one for check in CASES for one in state.written_of(f"{RECORD_NUMBERS}|{patient_of(check)}")]
    finally:
        state.close()
    stored = [f"{one.resource_type}/{one.id} {one.content_hash}" for one in written]
    return held_in_fhir([one.body for one in written], stored)
