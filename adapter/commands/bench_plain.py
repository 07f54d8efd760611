"""What receiving is compared with: a sync per message, and the plain way through hl7apy, fhir.resources, SQLite."""

from __future__ import annotations

import os
import sqlite3
import time
import warnings
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import quantiles
from typing import Any

from adapter.fhir import dumps, validate

SYNC_BYTES = 4096


def syncs_us(folder: Path, count: int) -> tuple[float, float]:
    """Median and p99 of writing 4 KiB and syncing it, in microseconds."""
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
    return cuts[49], cuts[98]


def commits_per_s(folder: Path, messages: Sequence[bytes]) -> float:
    """Messages a second when each is inserted and committed alone, as durably as ours."""
    path = folder / "commit.db"
    with closing(_database(path)) as connection:
        begun = time.perf_counter()
        for message in messages:
            connection.execute("INSERT INTO messages (raw) VALUES (?)", (message,))
            connection.commit()
        return len(messages) / (time.perf_counter() - begun)


def naive_per_s(folder: Path, messages: Sequence[bytes]) -> float:
    """Messages a second the plain way: parsed whole, one Observation model and one commit each; no network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hl7apy's own
        with closing(_database(folder / "naive.db")) as connection:
            begun = time.perf_counter()
            for message in messages:
                connection.execute("INSERT INTO messages (raw) VALUES (?)", (_observation(message),))
                connection.commit()
            return len(messages) / (time.perf_counter() - begun)


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
