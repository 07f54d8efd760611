"""The real service as a test sees it: a command, one line of JSON, two addresses, three processes."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import requests

DEMO = Path(__file__).parents[2] / "mappings" / "demo"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 20.0
FREE = "127.0.0.1:0"


def command(store: Path, *more: str, mllp: str = FREE, http: str = FREE) -> list[str]:
    """`troughline serve` on a store with the demo's tables."""
    program = [sys.executable, "-m", "adapter", "serve", "--store", str(store), "--mllp", mllp, "--http", http]
    return [*program, "--mappings", str(DEMO), *more]


def refused(arguments: Sequence[str]) -> tuple[int, str]:
    """Exit code and stderr of a service that cannot start."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=START_LIMIT_S, check=False)
    return done.returncode, done.stderr


def eventually(holds: Callable[[], Any], *, within_s: float = 45.0, every_s: float = 0.02) -> Any:
    """The first true value of `holds`, asked again and again; fails when there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(every_s)
    raise AssertionError(f"not within {within_s} s: {getattr(holds, '__name__', 'condition')}")


def counted_by_now() -> None:
    """Wait until what was answered has reached the metrics, which are told a few times in a blink."""
    time.sleep(0.1)


class Service:
    """One started service; `end` leaves no process behind, whatever happened to it."""

    def __init__(
        self,
        store: Path,
        *more: str,
        log: Path,
        mllp: str = FREE,
        http: str = FREE,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.store = store
        self.log = log
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                command(store, *more, mllp=mllp, http=http),
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **(environment or {})},
            )
        self.seen: set[int] = {self.process.pid}
        try:
            self.ready: dict[str, Any] = json.loads(self._line())
        except BaseException:
            self.end()
            raise
        self.seen.update(self.ready["pids"].values())
        self.http = f"http://{self.ready['http']}"
        self.mllp = address(self.ready["mllp"])
        self.session = requests.Session()
        self.session.trust_env = False

    def _line(self) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(START_LIMIT_S):
                raise AssertionError("the service did not say that it is ready")
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the service ended: {self.log.read_text()[-2000:]}")
        return line

    @property
    def pids(self) -> dict[str, int]:
        """The processes as they run now: a restarted one has another id."""
        children = {name: pid for pid in children_of(self.process.pid) if (name := room_of(pid))}
        self.seen.update(children.values())
        return {"parent": self.process.pid, **children}

    def post(self, body: bytes | dict[str, Any], **more: Any) -> requests.Response:
        """Hand a FHIR body to the intake."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/fhir+json"}
        return self.session.post(f"{self.http}/ingest/fhir", data=raw, headers=headers, timeout=20, **more)

    def get(self, path: str, **params: str) -> requests.Response:
        return self.session.get(f"{self.http}{path}", params=params, timeout=20)

    def found(self, resource_type: str, **params: str) -> list[dict[str, Any]]:
        """All resources of a search, page after page."""
        answer = self.get(f"/fhir/{resource_type}", _count="200", **params).json()
        resources = [entry["resource"] for entry in answer.get("entry", [])]
        while further := [link["url"] for link in answer["link"] if link["relation"] == "next"]:
            answer = self.session.get(further[0], timeout=20).json()
            resources += [entry["resource"] for entry in answer["entry"]]
        assert answer["total"] == len(resources)
        return resources

    def logged(self) -> list[dict[str, Any]]:
        """Every log line that is an event."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def stop(self) -> int:
        """Ask it to stop and give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_LIMIT_S)

    def end(self) -> None:
        """Whatever still runs is killed, by process id."""
        if self.process.poll() is None:
            self.seen.update(children_of(self.process.pid))
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        self.process.stdout.close()
        for pid in self.seen - {self.process.pid}:
            if room_of(pid):
                os.kill(pid, signal.SIGKILL)
        if hasattr(self, "session"):
            self.session.close()


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def children_of(pid: int) -> list[int]:
    """Process ids of the children, as the kernel tells."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def room_of(pid: int) -> str | None:
    """`core` or `intake` when such a process of ours runs under this id."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        zombie = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return None
    names = [word.rpartition(b".")[2].decode() for word in words if word.startswith(b"adapter.app.")]
    return names[0] if names and not zombie else None


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def port_is_free(place: tuple[str, int]) -> bool:
    """Whether somebody else could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError:
            return False
        return True


class Laboratory:
    """A plain MLLP sender: one connection, one message, one answer."""

    def __init__(self, place: tuple[str, int], *, answer_s: float = 10.0) -> None:
        self._socket = socket.create_connection(place, timeout=answer_s)
        if self._socket.getsockname() == self._socket.getpeername():
            # A socket knocking at a closed port of its own range can meet itself there.
            self._socket.close()
            raise ConnectionError("nobody listens there")

    def send(self, message: bytes) -> bytes:
        """The answer's bytes; ConnectionError when the other side closes without one."""
        self.write(b"\x0b" + message + b"\x1c\r")
        return self.answer()

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> bytes:
        received = b""
        while not received.endswith(b"\x1c\r"):
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("closed without an answer")
            received += data
        return received[1:-2]

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def code_of(answer: bytes) -> str:
    """MSA-1."""
    return next(line.split(b"|")[1].decode() for line in answer.split(b"\r") if line.startswith(b"MSA"))
