"""What receiving is compared with: a sync per message, and the plain way through hl7apy, fhir.resources, SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median, quantiles
from typing import Any

from adapter.commands.bench_feed import feed_of
from adapter.fhir import dumps, validate

SYNC_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Syncs:
    """What writing 4 KiB and syncing it takes."""

    p50_us: float
    p99_us: float
    per_s: float
    spread: float
    """How far the medians of its thirds lie apart, as a share of the median."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast something went, and what it cost."""

    per_s: float
    cpu_us: float
    """Processor time per message."""


def syncs(folder: Path, count: int) -> Syncs:
    """Write 4 KiB and sync it, so many times."""
    costs: list[float] = []
    path = folder / "sync"
    with path.open("wb") as file:
        for _ in range(count):
            begun = time.perf_counter()
            file.write(bytes(SYNC_BYTES))
            file.flush()
            os.fdatasync(file.fileno())
            costs.append((time.perf_counter() - begun) * 1e6)
    path.unlink()
    cuts = quantiles(costs, n=100)
    third = len(costs) // 3
    medians = [median(costs[begin : begin + third]) for begin in (0, third, 2 * third)]
    spread = (max(medians) - min(medians)) / cuts[49]
    return Syncs(p50_us=cuts[49], p99_us=cuts[98], per_s=1e6 / fmean(costs), spread=spread)


def commits(folder: Path, messages: Sequence[bytes]) -> Pace:
    """Each message inserted and committed alone, as durably as ours."""
    return _paced(folder / "commit.db", messages, bytes)


def naive(folder: Path, messages: Sequence[bytes]) -> Pace:
    """The plain way: parsed whole, one Observation model and one commit each; no network. Makes the folder."""
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hl7apy's own
        return _paced(folder / "naive.db", messages, _observation)


def _paced(path: Path, messages: Sequence[bytes], made: Callable[[bytes], bytes]) -> Pace:
    made(messages[0])  # imports and first calls are no cost of a message
    with closing(_database(path)) as connection:
        begun, cpu_s = time.perf_counter(), time.process_time()
        for message in messages:
            connection.execute("INSERT INTO messages (raw) VALUES (?)", (made(message),))
            connection.commit()
        seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_s
    return Pace(per_s=len(messages) / seconds, cpu_us=cpu_s / len(messages) * 1e6)


def _database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE messages (seq INTEGER PRIMARY KEY, raw BLOB)")
    connection.commit()
    return connection


def _observation(message: bytes) -> bytes:
    from hl7apy.parser import parse_message

    parsed = parse_message(message.decode("utf-8", "replace"), find_groups=True)
    group = parsed.oru_r01_patient_result
    result = group.oru_r01_order_observation.oru_r01_observation.obx
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "subject": {"identifier": {"value": group.oru_r01_patient.pid.pid_3.pid_3_1.to_er7()}},
        "code": {"coding": [{"code": result.obx_3.obx_3_1.to_er7()}], "text": result.obx_3.obx_3_2.to_er7()},
        "valueString": f"{result.obx_5.to_er7()} {result.obx_6.obx_6_1.to_er7()}",
    }
    validate(resource)
    return dumps(resource)


def main() -> int:
    """Read a folder and numbers as JSON from stdin; print how fast syncs and commits of this very process are."""
    given = json.loads(sys.stdin.readline())
    folder = Path(given["folder"])
    messages = list(feed_of("kept", given["messages"], given["seed"], "C"))
    told = {"syncs": asdict(syncs(folder, given["syncs"])), "commits": asdict(commits(folder, messages))}
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
