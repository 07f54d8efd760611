"""`troughline bench --peers` for real and small: every program is installed, started, sent to and asked."""

from __future__ import annotations

import json

import pytest

from adapter.cli import main
from adapter.commands import bench_peers
from adapter.commands.bench_peers import RUNS
from adapter.commands.bench_peers_runs import Pace

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]

TINY = Pace(runs=RUNS, seconds=0.2, probe=8, most=200, rounds=1)
NOT_DONE = {
    "Troughline": set(),
    "python-hl7": {"resend", "late-final", "withdrawn"},
    "hl7apy": {"resend", "late-final", "withdrawn"},
    "hl7v2-fhir-bridge": {"number", "comparator", "withdrawn"},
}


def test_every_program_answers_the_same_feed_and_is_asked_the_same(monkeypatch, peers_folder, capsys):
    monkeypatch.setitem(bench_peers.EXTENTS, "quick", TINY)
    code = main(["bench", "--peers", "--environment", str(peers_folder / "bench"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["left_out"] == []
    assert [one["name"] for one in told["compared"]] == list(NOT_DONE)
    for one in told["compared"]:
        assert [(run["feed"], run["connections"]) for run in one["runs"]] == list(RUNS)
        assert all(run["codes"] == {"AA": run["messages"]} and run["cpu_us"] > 0 for run in one["runs"])
        assert {check["id"] for check in one["checks"] if check["answer"] == "does not do this"} == NOT_DONE[
            one["name"]
        ]
        assert {check["answer"] for check in one["checks"]} <= {"yes", "does not do this"}
    assert code == 0


def test_without_anything_to_install_from_it_compares_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert main(["bench", "--peers", "--environment", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "- python-hl7: hl7==0.4.5 could not be installed (ERROR: No matching distribution found" in told
    assert "- hl7v2-fhir-bridge: hl7v2-fhir-bridge==0.1.0 could not be installed" in told
