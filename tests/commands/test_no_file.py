"""What is no file hangs nobody: a pipe, a socket, a device or a folder is named; what the shell hands over is read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from adapter.cli import main

CASES = Path(__file__).parents[1] / "cases"
GOOD = min(CASES.rglob("*.hl7"))
KINDS = ("a pipe", "a socket", "a device", "a folder")


@pytest.fixture
def place():
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        yield Path(folder)


def made(place: Path, kind: str, name: str) -> Path:
    path = place / name
    match kind:
        case "a pipe":
            os.mkfifo(path)
        case "a socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case "a device":
            path.symlink_to("/dev/zero")
        case _:
            path.mkdir()
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "words",
    [
        ["run", "{}"],
        ["run", str(GOOD), "--config", "{}"],
        ["conform", "{}"],
        ["vary", "{}", "--list"],
        ["send", "{}", "127.0.0.1:9"],
        ["deid", str(GOOD), "--out", "{0.parent}/new", "--keep", "{}"],
        ["deid", str(GOOD), "--out", "{0.parent}/new", "--key", "{}"],
        ["lint", "--config", "{}"],
        ["status", "--config", "{}"],
    ],
)
def test_what_is_no_file_is_named(place, capsys, kind, words):
    path = made(place, kind, "one")
    assert main([word.format(path) for word in words]) == 2
    assert str(path) in (told := capsys.readouterr().err)
    assert f"is {kind}" in told


@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device"])
@pytest.mark.parametrize(
    "words", [["coverage", "{}"], ["deid", "{}", "--out", "{0.parent}/new"], ["diff", "{}", "--from-policy", "CONS16"]]
)
def test_what_is_neither_file_nor_folder_is_named(place, capsys, kind, words):
    path = made(place, kind, "one")
    assert main([word.format(path) for word in words]) == 2
    assert str(path) in (told := capsys.readouterr().err)
    assert f"is {kind}" in told


@pytest.mark.parametrize("command", ["test", "lint"])
def test_what_is_no_file_among_golden_cases_is_a_fault(place, capsys, command):
    (place / "golden").mkdir()
    paths = {kind: made(place / "golden", kind, f"{kind[2:]}.yaml") for kind in KINDS}
    assert main([command, "--mappings", str(place)]) == 1
    told = "".join(capsys.readouterr())
    for kind, path in paths.items():
        assert f"{path}: cannot be read: it is {kind}, not a file" in told


@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device"])
def test_what_is_no_file_where_nothing_reads_it_hangs_nobody(place, capsys, kind):
    path = made(place, kind, "units.yaml")
    main(["lint", "--mappings", str(place)])
    assert f"{path}: " in capsys.readouterr().out


def test_an_empty_name_is_told(capsys):
    assert main(["run", ""]) == 2
    told = "The message cannot be read: the name is empty. Name a file, or - for standard input.\n"
    assert capsys.readouterr().err == told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "handed"), [("run", "<({})"), ("conform", "<({})"), ("run", "/dev/stdin < <({})"), ("run", "- < <({})")]
)
def test_what_the_shell_hands_over_is_read(command, handed):
    shell = f'"{sys.executable}" -m adapter {command} {handed.format(f"cat {GOOD}")}'
    ended = subprocess.run(["/bin/bash", "-c", shell], capture_output=True, text=True, check=False)
    assert (ended.stderr, "PID" in ended.stdout or "ORU" in ended.stdout) == ("", True)
