"""A run keeps what it compiles, also where Python is told to write none of it, and never beside the sources then."""

from __future__ import annotations

import os
import subprocess
import sys

import compiled_files
import pytest


@pytest.fixture
def told(monkeypatch):
    """Python as started with these two settings."""

    def start(*, writes_none, prefix=None):
        monkeypatch.setattr(sys, "dont_write_bytecode", writes_none)
        monkeypatch.setattr(sys, "pycache_prefix", prefix)
        for name, value in ((compiled_files.NONE_WRITTEN, writes_none and "1"), (compiled_files.HOME, prefix)):
            monkeypatch.setenv(name, value or "")

    return start


def test_where_none_is_written_a_child_finds_what_another_compiled(told, tmp_path):
    told(writes_none=True)
    source, home = tmp_path / "once.py", tmp_path / "kept"
    source.write_text("print(__cached__)\n")
    compiled_files.keep(home)
    for _ in range(2):
        program = [sys.executable, "-c", "import once"]
        place = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True).stdout
        assert place.startswith(f"{home}/")
    assert [file.name for file in home.rglob("once*.pyc")] == [place.strip().rpartition("/")[2]]
    assert not (tmp_path / "__pycache__").exists()
    assert (sys.dont_write_bytecode, sys.pycache_prefix) == (False, str(home))


def test_a_place_that_was_chosen_stays_the_place(told, tmp_path):
    told(writes_none=True, prefix=str(tmp_path / "chosen"))
    compiled_files.keep(tmp_path / "kept")
    assert sys.pycache_prefix == os.environ[compiled_files.HOME] == str(tmp_path / "chosen")


def test_where_compiled_files_are_written_anyway_nothing_changes(told, tmp_path):
    told(writes_none=False)
    compiled_files.keep(tmp_path / "kept")
    assert (sys.dont_write_bytecode, sys.pycache_prefix) == (False, None)
