"""Counters of two processes in one folder: a dead one's open connections are forgotten, a full disk stops nobody."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys

import pytest

from adapter.app.observing import COUNTERS_BYTES, METRICS_VARIABLE, forget_live_gauges

COUNTING = """
import sys
from adapter.app.observing import configure_logging, share_counters
configure_logging("intake")
share_counters("intake")
from adapter.app.counters import ACKS, CONNECTIONS
CONNECTIONS.labels("default").inc()
ACKS.labels("default", "AA").inc()
"""
TELLING = """
from adapter.app.observing import exposition
print(exposition()[0].decode())
"""
PART_OF_THE_ROOM = COUNTERS_BYTES // 2
"""A limit on the size of files stands for the full disk: taking the room fails in the same way."""


def no_room():
    resource.setrlimit(resource.RLIMIT_FSIZE, (PART_OF_THE_ROOM, PART_OF_THE_ROOM))


@pytest.fixture
def run(tmp_path):
    def run(program, **more):
        environment = {**os.environ, METRICS_VARIABLE: str(tmp_path)}
        return subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, **more
        )

    return run


@pytest.mark.slow
def test_a_dead_process_has_no_open_connections_and_keeps_its_counts_and_its_room(run, tmp_path):
    run(COUNTING)
    assert 'troughline_connections{listener="default"} 1.0' in run(TELLING).stdout
    forget_live_gauges("intake", tmp_path)
    told = run(TELLING).stdout
    assert "troughline_connections{" not in told
    assert 'troughline_acks_total{code="AA",listener="default"} 1.0' in told
    assert {file.stat().st_size for file in tmp_path.glob("*_intake.db")} == {COUNTERS_BYTES}
    run(COUNTING)
    told = run(TELLING).stdout
    assert 'troughline_connections{listener="default"} 1.0' in told
    assert 'troughline_acks_total{code="AA",listener="default"} 2.0' in told


def test_without_room_for_counters_the_process_works_and_says_that_nobody_sees_them(run):
    done = run(COUNTING, preexec_fn=no_room)
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["counters-not-shared"]


def test_forgetting_a_process_that_never_counted_is_no_fault(tmp_path):
    forget_live_gauges("intake", tmp_path)
    assert list(tmp_path.iterdir()) == []
