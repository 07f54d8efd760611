"""What must hold of every file: no foreign places, no machine of ours, small files, the whole licence."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_OURS = {"build", "dist", "htmlcov", "mutants", "__pycache__"}
MADE_BY_TOOLS = (
    "." + "venv",
    ".git",
    ".peers",
    ".hypothesis",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".import_linter",
)
TEXT_LIMIT_BYTES = 2 * 1024 * 1024
LINES_OF_A_FILE = 300
APACHE_2_SHA256 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
# Written in pieces, so that this file does not hold them itself.
FORBIDDEN = {
    "a package registry": r"\b(pypi\.[o]rg|[p]ythonhosted|registry\.[n]pmjs|--[i]ndex-url)\b",
    "a path of one machine": r"(?<![\w.}])/([w]ork|[r]oot|[h]ome|[t]mp|[U]sers)/\w",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE [K]EY",
    "unfinished work": r"\b([T]ODO|[F]IXME|[X]XX)\b|\b[N]otImplementedError\b|[p]ytest\.skip|[p]ragma: no cover",
}


def files() -> Iterator[Path]:
    """Every file of the repository that people write; what tools make is left out."""
    for folder, names, found in os.walk(ROOT):
        names[:] = [
            n for n in names if n not in NOT_OURS and not n.startswith(MADE_BY_TOOLS) and not n.endswith(".egg-info")
        ]
        yield from (
            Path(folder) / name for name in found if not name.startswith((".coverage", ".git")) or name == ".gitignore"
        )


def tracked() -> list[str]:
    """What git holds, whatever its folder is called; nothing where the files lie without it."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return []
    held = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return held.stdout.split("\0")[:-1]


def test_git_holds_nothing_that_tools_make():
    ours = {path.relative_to(ROOT).as_posix() for path in files()}
    assert [name for name in tracked() if name not in ours and (ROOT / name).exists()] == []


def readable() -> Iterator[tuple[str, str]]:
    for path in files():
        raw = path.read_bytes()
        if len(raw) <= TEXT_LIMIT_BYTES and b"\x00" not in raw[:1024]:
            yield path.relative_to(ROOT).as_posix(), raw.decode("utf-8", "replace")


@pytest.mark.parametrize("what", list(FORBIDDEN))
def test_no_file_holds(what):
    pattern = re.compile(FORBIDDEN[what])
    held = [f"{name}: {found[0]}" for name, text in readable() if name != "LICENSE" and (found := pattern.search(text))]
    assert held == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a package registry", "https://" + "pypi" + ".org/simple"),
        ("a path of one machine", "in " + "/" + "home/somebody"),
        ("a private key", "-----BEGIN RSA PRIVATE" + " KEY-----"),
        ("unfinished work", "# " + "TO" + "DO later"),
    ],
)
def test_what_no_file_may_hold_would_be_found(what, text):
    assert re.search(FORBIDDEN[what], text)


def test_the_files_looked_at_are_those_of_the_repository():
    names = {name for name, _ in readable()}
    assert {"README.md", "pyproject.toml", "adapter/cli.py", "mappings/tables/units.csv", ".ci/run"} <= names


def test_no_file_of_the_product_is_longer_than_a_reader_can_hold():
    long = {
        path.relative_to(ROOT).as_posix(): lines
        for path in (ROOT / "adapter").rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LINES_OF_A_FILE
    }
    assert long == {}


def test_the_licence_is_the_whole_apache_licence():
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2_SHA256


def test_names_of_test_files_are_unique():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)


def test_no_module_has_a_name_that_says_nothing():
    empty = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}
    assert [p.relative_to(ROOT).as_posix() for p in (ROOT / "adapter").rglob("*.py") if p.stem in empty] == []
