"""Packages of Node for peers, each set in a folder of its own, kept from run to run."""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path


def node_environment(folder: Path, packages: Sequence[str]) -> Path:
    """A folder whose `node_modules` holds exactly these packages; made once, whoever asks first."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all(_holds(folder, package) for package in packages):
            folder.mkdir(exist_ok=True)
            (folder / "package.json").write_text('{"private": true}\n')
            quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps", "--loglevel=error")
            subprocess.run(["npm", "install", *quiet, *packages], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def _holds(folder: Path, package: str) -> bool:
    name, _, version = package.rpartition("@")
    description = folder / "node_modules" / name / "package.json"
    return description.exists() and json.loads(description.read_text())["version"] == version
