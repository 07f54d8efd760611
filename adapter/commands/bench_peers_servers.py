"""The servers of others as a bench starts them: on loopback and a free port, ended with the block they are used in."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapter.commands.bench_peers_checks import Held, held_by_reader, held_in_fhir
from adapter.commands.demo_service import end

START_LIMIT_S = 30.0
POLL_S = 0.05
READ_TYPES = ("Observation", "DiagnosticReport")
STORED_TYPES = (*READ_TYPES, "Patient", "ServiceRequest")
BRIDGE_SETTINGS = """\
[listener]
host = "127.0.0.1"
max_connections = 256

[output]
validate = true

[mapping]
default_timezone = "UTC"
mrn_authorities = ["HOSP"]
default_assigning_authority = "HOSP"

[mapping.assigning_authorities]
HOSP = "https://hospital.example/mrn"
DEMOLAB = "https://hospital.example/laboratory"
"""
"""What a site would set: who gives the record numbers, and the zone of times without one."""


class PeerDied(Exception):  # noqa: N818 - named by what happened
    """The server of a peer ended or never answered; the text says what it said last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerServer:
    """A running server of a peer."""

    port: int
    pid: int
    told: Path | None = None
    """Where it tells what its library reads, a line per message."""
    fhir: str = ""
    """The FHIR server it writes to; empty for none."""

    def held(self) -> Held:
        """What can be found of the messages sent so far."""
        if self.fhir:
            return _in_fhir(self.fhir)
        lines = self.told.read_text(encoding="utf-8").splitlines() if self.told and self.told.exists() else []
        return held_by_reader([json.loads(line) for line in lines])


@contextmanager
def python_hl7(python: Path, folder: Path, *, for_checks: bool) -> Iterator[PeerServer]:
    """python-hl7's asyncio server with an application that answers AA."""
    with _script(python, "bench_peer_python_hl7.py", folder, for_checks=for_checks) as server:
        yield server


@contextmanager
def hl7apy(python: Path, folder: Path, *, for_checks: bool) -> Iterator[PeerServer]:
    """hl7apy's threading server with a handler that answers AA."""
    with _script(python, "bench_peer_hl7apy.py", folder, for_checks=for_checks) as server:
        yield server


@contextmanager
def bridge(python: Path, folder: Path, *, for_checks: bool) -> Iterator[PeerServer]:
    """`hl7v2-fhir-bridge serve`: into a folder where its rate is measured, into the FHIR server it brings for checks.

    The FHIR server it brings looks through everything it holds for every message, and would hide the rate.
    """
    settings = folder / "bridge.toml"
    settings.write_text(BRIDGE_SETTINGS, encoding="utf-8")
    with contextlib.ExitStack() as running:
        target, fhir = ["--out", str(folder / "bundles")], ""
        if for_checks:
            mock = running.enter_context(_process([str(python), "-I", "-u", "-m", "v2fhir.mock_fhir", "--port", "0"]))
            fhir = _first_line(mock).split()[4]
            target = ["--out", "", "--fhir-url", fhir]
        port = _free_port()
        command = [str(python), "-I", "-m", "v2fhir", "serve", "--config", str(settings), "--port", str(port), *target]
        server = running.enter_context(_process(command, log=folder / "bridge.log"))
        _await_listening(server, port, folder / "bridge.log")
        yield PeerServer(port=port, pid=server.pid, fhir=fhir)


@contextmanager
def _script(python: Path, script: str, folder: Path, *, for_checks: bool) -> Iterator[PeerServer]:
    told = folder / "read.jsonl" if for_checks else None
    place = Path(__file__).with_name(script)  # never imported here: what it imports is in the other environment
    command = [str(python), "-I", str(place), *([str(told)] if told else [])]
    with _process(command, log=folder / "server.log") as process:
        yield PeerServer(port=int(_first_line(process, folder / "server.log")), pid=process.pid, told=told)


@contextmanager
def _process(command: Sequence[str], *, log: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    with (log or Path(os.devnull)).open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - an interpreter we made
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
    assert process.stdin  # noqa: S101 - PIPE was asked for
    assert process.stdout  # noqa: S101
    try:
        yield process
    finally:
        process.stdin.close()
        end(process)
        process.stdout.close()


def _first_line(process: subprocess.Popen[bytes], log: Path | None = None) -> str:
    assert process.stdout  # noqa: S101 - PIPE was asked for
    line = process.stdout.readline().decode()
    if not line:
        raise PeerDied(_last_words(log))
    return line


def _last_words(log: Path | None) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log else []
    return f"its server ended: {lines[-1][:200]}" if lines else "its server ended without a word"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > deadline:
            raise PeerDied(f"its server did not listen within {START_LIMIT_S:.0f} s")
        time.sleep(POLL_S)
    raise PeerDied(_last_words(log))


def _in_fhir(base: str) -> Held:
    found = {kind: _all(base, kind) for kind in STORED_TYPES}
    stored = [f"{kind}/{one['id']} {one['meta']['versionId']}" for kind, some in found.items() for one in some]
    return held_in_fhir([one for kind in READ_TYPES for one in found[kind]], stored)


def _all(base: str, kind: str) -> list[Mapping[str, Any]]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{base}/{kind}", timeout=START_LIMIT_S) as answer:
        bundle = json.loads(answer.read(), parse_float=str)
    return [entry["resource"] for entry in bundle.get("entry", [])]
