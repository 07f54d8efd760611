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


def copied(folder):
    """The source tree somewhere else, to be spoiled."""
    shutil.copytree(ROOT / "adapter", folder / "adapter", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_imports_only_go_down():
    code, told = checked(ROOT)
    assert code == 0, told


OUT_OF_A_RULE = [
    ("adapter.store.faults", "Imports only go down"),
    ("sqlite3", "Domain and rules touch nothing outside"),
    ("adapter.pipeline.process", "Imports only go down"),
]


@pytest.fixture(scope="module")
def told_of_a_rule(tmp_path_factory):
    """What is told of a rule that imports all of these at once, each on a line of its own."""
    copy = copied(tmp_path_factory.mktemp("floors"))
    rule = copy / "adapter" / "rules" / "decision.py"
    lines = [f"import {imported}  # spoiled" for imported, _ in OUT_OF_A_RULE]
    rule.write_text("\n".join([rule.read_text(), *lines, ""]))
    return checked(copy)


@pytest.mark.parametrize(("imported", "broken"), OUT_OF_A_RULE)
def test_a_rule_that_reaches_out_is_found(told_of_a_rule, imported, broken):
    code, told = told_of_a_rule
    assert code == 1
    assert f"{broken} BROKEN" in told
    assert f"adapter.rules.decision -> {imported} " in told


def test_a_room_without_a_place_is_found(tmp_path):
    copy = copied(tmp_path)
    (copy / "adapter" / "attic.py").write_text('"""Nobody said on which floor this is."""\n')
    code, told = checked(copy)
    assert code == 1
    assert "attic" in told
