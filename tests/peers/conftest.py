"""Third-party peers, each in an environment of its own; FHIR servers start empty and live for one run."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import hapi_peer
import pytest
from peers_home import peers_home

SEKMET = "sekmet-fhir==0.1.1"
START_LIMIT_S = 60.0
SETTINGS = """\
host: 127.0.0.1
port: {port}
base_url: http://127.0.0.1:{port}/fhir
data_dir: {folder}
simulator:
  enabled: false
"""


@pytest.fixture(scope="session")
def peers_folder() -> Path:
    """Where the environments of the peers live, kept from run to run."""
    return peers_home()


@pytest.fixture(scope="session")
def hapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a fresh HAPI FHIR R4 server on loopback; it keeps every digit."""
    with hapi_peer.serving(tmp_path_factory.mktemp("hapi") / "server.log") as base_url:
        yield base_url


@pytest.fixture(scope="session")
def sekmet(peers_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a fresh third-party FHIR R4 server on loopback; it turns 0.10 into 0.1."""
    environment = _environment(peers_folder / "sekmet", SEKMET)
    folder = tmp_path_factory.mktemp("sekmet")
    port = _free_port()
    settings = folder / "settings.yaml"
    settings.write_text(SETTINGS.format(port=port, folder=folder))
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [environment / "bin" / "sekmet", "serve", "--config", settings], cwd=folder, stdout=log, stderr=log
        )
        try:
            base_url = f"http://127.0.0.1:{port}/fhir"
            _await_answer(f"{base_url}/metadata", server)
            yield base_url
        finally:
            _end(server)


def _environment(folder: Path, requirement: str) -> Path:
    """A virtual environment that holds the requirement; made once, whoever asks first."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _holds(folder, requirement):
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", requirement]
            subprocess.run(install, check=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    return folder


def _holds(folder: Path, requirement: str) -> bool:
    python = folder / "bin" / "python"
    if not python.exists():
        return False
    name, _, version = requirement.partition("==")
    asked = [python, "-c", f"import importlib.metadata as m; print(m.version({name!r}))"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_answer(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline and server.poll() is None:
        try:
            opener.open(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the peer did not start (exit code {server.poll()})")


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(10)
