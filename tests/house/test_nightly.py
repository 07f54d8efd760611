"""The script of the night: it asks for as much as was said, runs everything whatever fails, and says so at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "nightly"
NAMES = ["bench", "kills", "power-cuts", "fuzz", "nightly-tests"]
TOOL = """#!/bin/sh
echo "$0 $*" >&2
echo "kills $TROUGHLINE_KILLS cuts $TROUGHLINE_POWER_CUTS fuzz $TROUGHLINE_FUZZ_S"
{said}
case "$*" in *"{failing}"*) exit {code} ;; esac
"""
VERDICT = '{"verdict": [{"id": "P0", "pass": true}, {"id": "P1", "pass": false}]}'


@pytest.fixture
def night(tmp_path):
    def run(*, failing="nothing", code=1, bench=VERDICT, **asked):
        tools = tmp_path / "venv" / "bin"
        tools.mkdir(parents=True)
        for name, said in (("pytest", "echo '== 7 passed in 1.2s =='"), ("troughline", f"echo '{bench}'")):
            tool = TOOL.format(said=said, failing=failing, code=code)
            if name == "troughline":
                tool = tool.replace('echo "kills', '# echo "kills')
            (tools / name).write_text(tool)
            (tools / name).chmod(0o755)
        plain = {name: value for name, value in os.environ.items() if not name.startswith("TROUGHLINE_")}
        done = subprocess.run(
            [sys.executable, SCRIPT, tmp_path / "logs", tmp_path / "venv"],
            capture_output=True,
            text=True,
            env={**plain, **asked},
            check=False,
        )
        return done.returncode, [line.split("  ") for line in done.stdout.splitlines()]

    return run


def cells(row):
    return [cell.strip() for cell in row if cell.strip()]


def test_it_asks_for_as_much_as_a_night_takes_and_leaves_a_log_of_each(night, tmp_path):
    code, rows = night()
    assert code == 0
    told = [cells(row) for row in rows]
    assert told[0] == ["what", "asked", "done", "result"]
    assert [row[0] for row in told[1:]] == NAMES
    assert [row[1] for row in told[1:5]] == ["bench --nightly", "200 kill -9", "10000 images", "600 s"]
    assert [row[2] for row in told[1:]] == ["1 of 2 goals met", *["7 passed in 1.2s"] * 4]
    assert all(row[3].startswith("ok after ") for row in told[1:])
    logs = tmp_path / "logs"
    assert sorted(one.name for one in logs.iterdir()) == sorted(["bench.json", *(f"{name}.log" for name in NAMES)])
    assert "bench --nightly --json" in (logs / "bench.log").read_text()
    for name in NAMES[1:]:
        assert "kills 200 cuts 10000 fuzz 600" in (logs / f"{name}.log").read_text()


def test_how_much_is_asked_may_be_said(night, tmp_path):
    asked = {"TROUGHLINE_KILLS": "8", "TROUGHLINE_POWER_CUTS": "30", "TROUGHLINE_FUZZ_S": "4"}
    code, rows = night(TROUGHLINE_NIGHTLY_BENCH="--full --growth 500,600", **asked)
    assert code == 0
    assert [cells(row)[1] for row in rows[1:5]] == ["bench --full --growth 500,600", "8 kill -9", "30 images", "4 s"]
    assert "kills 8 cuts 30 fuzz 4" in (tmp_path / "logs" / "kills.log").read_text()
    assert "bench --full --growth 500,600 --json" in (tmp_path / "logs" / "bench.log").read_text()


@pytest.mark.parametrize(
    ("failing", "name"), [("test_kill", "kills"), ("bench", "bench"), ("-m nightly", "nightly-tests")]
)
def test_what_fails_is_told_and_the_others_are_tried_all_the_same(night, failing, name):
    code, rows = night(failing=failing, code=3)
    assert code == 1
    assert {cells(row)[0]: cells(row)[3].split(" after")[0] for row in rows[1:]} == {
        one: "FAILED (3)" if one == name else "ok" for one in NAMES
    }


def test_a_bench_that_breaks_off_is_told(night):
    code, rows = night(failing="bench", code=2, bench="")
    assert (code, cells(rows[1])[2]) == (1, "broke off")


def test_without_its_tools_or_a_folder_it_says_what_it_needs(tmp_path):
    def said(*words):
        done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    code, told = said(tmp_path / "logs", tmp_path / "nowhere")
    assert code == 2
    assert "pip install '.[test]' into" in told
    code, told = said()
    assert code == 2
    assert ".ci/nightly LOGS [VENV]" in told
    assert not (tmp_path / "logs").exists()


def test_everything_it_names_is_there():
    text = SCRIPT.read_text(encoding="utf-8")
    for path in ("tests/faults/test_kill.py", "tests/faults/test_import_killed.py", "tests/faults/test_power_cut.py"):
        assert f'"{path}"' in text
        assert (SCRIPT.parents[1] / path).is_file()
    read = "".join(path.read_text(encoding="utf-8") for path in (SCRIPT.parents[1] / "tests").glob("f*/test_*.py"))
    for name in ("TROUGHLINE_KILLS", "TROUGHLINE_POWER_CUTS", "TROUGHLINE_FUZZ_S"):
        assert f'os.environ.get("{name}"' in read
