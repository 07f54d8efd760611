"""An environment of its own for the programs of others: made once, kept where a folder is named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

INSTALL_LIMIT_S = 300.0
REQUIREMENTS: Mapping[str, tuple[str, ...]] = {
    "python-hl7": ("hl7==0.4.5",),
    "hl7apy": ("hl7apy==1.3.5",),
    "hl7v2-fhir-bridge": (
        "hl7v2-fhir-bridge==0.1.0",
        "fhir.resources==8.3.0",
        "fhir-core==1.1.12",
        "pydantic==2.14.4",
        "httpx==0.28.1",
    ),
}
"""Peer -> what is installed for it, the peer itself first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The interpreter of each peer that could be installed, and why the others could not."""

    pythons: Mapping[str, Path]
    left_out: Mapping[str, str]


def environment(folder: Path) -> Environment:
    """One virtual environment per peer under this folder."""
    pythons: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    for name, wanted in REQUIREMENTS.items():
        place = folder / name
        reason = "" if holds(place, wanted) else _install(place, wanted)
        if reason:
            left_out[name] = reason
        else:
            pythons[name] = python_of(place)
    return Environment(pythons=pythons, left_out=left_out)


def python_of(place: Path) -> Path:
    """The interpreter of a virtual environment."""
    return place / "bin" / "python"


def holds(place: Path, wanted: tuple[str, ...]) -> bool:
    """Whether exactly these versions are there."""
    if not python_of(place).exists():
        return False
    names = [requirement.partition("==")[0] for requirement in wanted]
    script = "import sys\nfrom importlib.metadata import version\nprint(*map(version, sys.argv[1:]))"
    done = _run([str(python_of(place)), "-I", "-c", script, *names])
    return done.stdout.split() == [requirement.partition("==")[2] for requirement in wanted]


def _install(place: Path, wanted: tuple[str, ...]) -> str:
    """Empty when it worked; else why it did not."""
    try:
        made = _run([sys.executable, "-m", "venv", "--clear", str(place)])
        if made.returncode:
            return f"no virtual environment could be made ({_last_line(made)}); on Debian install python3-venv"
        pip = [str(python_of(place)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = _run([*pip, *wanted])
    except subprocess.TimeoutExpired:
        return f"{wanted[0]} was not installed within {INSTALL_LIMIT_S:.0f} s; is a package index in reach?"
    return f"{wanted[0]} could not be installed ({_last_line(done)})" if done.returncode else ""


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - interpreters we made
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_LIMIT_S,
        env={name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")},
    )


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return lines[-1][:200] if lines else f"exit code {done.returncode}"
