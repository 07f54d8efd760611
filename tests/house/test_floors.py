"""The floors of the house hold, and the check that says so notices when they do not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECK = Path(sys.executable).with_name("lint-imports")


def checked(folder):
    done = subprocess.run([CHECK, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path):
    """The source tree somewhere else, to be spoiled."""
    shutil.copytree(ROOT / "adapter", tmp_path / "adapter", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_only_go_down():
    code, told = checked(ROOT)
    assert code == 0, told


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        ("import adapter.store.faults", ("Imports only go down",)),
        ("import sqlite3", ("Domain and rules touch nothing outside",)),
        ("import adapter.pipeline.process", ("Imports only go down",)),
    ],
)
def test_a_rule_that_reaches_out_is_found(copy, line, broken):
    rule = copy / "adapter" / "rules" / "decision.py"
    rule.write_text(f"{rule.read_text()}\n{line}  # spoiled\n")
    code, told = checked(copy)
    assert code == 1
    assert all(f"{name} BROKEN" in told for name in broken)


def test_a_room_without_a_place_is_found(copy):
    (copy / "adapter" / "attic.py").write_text('"""Nobody said on which floor this is."""\n')
    code, told = checked(copy)
    assert code == 1
    assert "attic" in told
