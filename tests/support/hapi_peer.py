"""HAPI FHIR, built from published artifacts: its JPA server on loopback and its instance validator."""

from __future__ import annotations

import fcntl
import hashlib
import os
import selectors
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from peers_home import peers_home

from adapter.fhir import dumps, loads

SOURCES = Path(__file__).parents[1] / "peers" / "hapi"
START_LIMIT_S = 300.0
VALIDATE_LIMIT_S = 600.0
STOP_LIMIT_S = 20.0
JAVA = (
    "java",
    "-XX:TieredStopAtLevel=1",  # it lives for a minute: time spent optimising never comes back
    "-XX:+UseSerialGC",
    "-Xmx1500m",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)


NEEDS_HAPI = pytest.mark.skipif(
    "hapi_peer.missing()",  # a text: asked in the test's module when it is about to run, never while collecting
    reason="HAPI FHIR cannot be had: mvn -B -f tests/peers/hapi/pom.xml dependency:build-classpath says why",
)


class UnresolvedError(Exception):
    """Maven, a JDK or the artifacts are not to be had on this machine; the text is what was said of it."""


@cache
def missing() -> str:
    """What keeps this machine from running HAPI, in the words of who was asked; empty when nothing does."""
    try:
        built()
    except UnresolvedError as fault:
        return str(fault)
    return ""


@cache
def built() -> str:
    """The class path of our launchers and of HAPI; resolved and compiled once for each state of the sources.

    Raises UnresolvedError where the artifacts cannot be had; a source that does not compile is a CalledProcessError.
    """
    for tool in ("mvn", "javac"):
        if shutil.which(tool) is None:
            raise UnresolvedError(f"{tool} is not installed")
    folder = peers_home() / "hapi"
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        jars = _resolved(folder)
        return f"{_compiled(folder, jars)}:{jars}"


def _resolved(folder: Path) -> str:
    """The jars, as a class path: from the last time when the pom is the same and all of them are still there."""
    pom = SOURCES / "pom.xml"
    kept = folder / f"{_digest([pom])}.classpath"
    if kept.exists() and all(Path(jar).exists() for jar in kept.read_text().split(":")):
        return kept.read_text()
    asked = ["mvn", "-q", "-B", "-f", pom, "dependency:build-classpath", f"-Dmdep.outputFile={kept}"]
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnresolvedError(next((line for line in done.stdout.splitlines() if "ERROR" in line), "mvn failed"))
    return kept.read_text()


def _compiled(folder: Path, jars: str) -> Path:
    sources = sorted((SOURCES / "java").glob("*.java"))
    classes = folder / f"{_digest([SOURCES / 'pom.xml', *sources])}.classes"
    if not classes.exists():
        half = folder / "half"
        shutil.rmtree(half, ignore_errors=True)
        strict = ["-Xlint:all,-processing,-classfile,-path", "-Werror", "-proc:none"]
        subprocess.run(["javac", "--release", "17", *strict, "-d", half, "-cp", jars, *sources], check=True)
        half.rename(classes)
    return classes


def _digest(files: Sequence[Path]) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


@contextmanager
def serving(log: Path) -> Iterator[str]:
    """Base URL of a fresh server with nothing in it; it ends with the block, or with this process."""
    with log.open("wb") as stderr:
        server = subprocess.Popen(
            [*JAVA, "-cp", built(), "HapiServer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
    try:
        yield f"http://127.0.0.1:{_port(server, log)}/fhir"
    finally:
        server.stdin.close()
        try:
            server.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(STOP_LIMIT_S)
        server.stdout.close()


def _port(server: subprocess.Popen[bytes], log: Path) -> int:
    with selectors.DefaultSelector() as selector:
        selector.register(server.stdout, selectors.EVENT_READ)
        if not selector.select(START_LIMIT_S):
            raise AssertionError(f"HAPI did not start within {START_LIMIT_S} s: {log.read_text()[-2000:]}")
    line = server.stdout.readline()
    assert line, f"HAPI ended: {log.read_text()[-2000:]}"
    return int(line)


def validated(
    resources: Sequence[dict[str, Any]], *, known: Sequence[dict[str, Any]], folder: Path
) -> list[list[dict[str, Any]]]:
    """The issues HAPI's validator finds in each resource, beside R4 knowing these definitions."""
    definitions = folder / "definitions.ndjson"
    definitions.write_bytes(_lines(known))
    done = subprocess.run(
        [*JAVA, "-cp", built(), "ValidateResources", definitions],
        input=_lines(resources),
        capture_output=True,
        timeout=VALIDATE_LIMIT_S,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    outcomes = [loads(line) for line in done.stdout.splitlines()]
    assert len(outcomes) == len(resources)
    return [[issue for issue in one["issue"] if issue["severity"] != "information"] for one in outcomes]


def _lines(resources: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(dumps(one) + b"\n" for one in resources)
