"""The processes of the service as their parent sees them: started with what they work with, told and heard by pipes."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adapter.app.handing_over import packed
from adapter.app.parts import Loaded
from adapter.app.versions import Versions, told_versions, versions_of

START_LIMIT_S = 60.0
FIRST_PAUSE_S = 0.1
READ_BYTES = 4096
EXIT_REFUSED = 2


class CouldNotStart(Exception):  # noqa: N818 (named by what happened)
    """A process ended before it was ready; it has already said why on stderr."""


class AlreadyTold(CouldNotStart):
    """It ended because of something a person must change, and has told what."""


@dataclass(slots=True, eq=False)
class Child:
    """One running process of the service."""

    name: str
    process: subprocess.Popen[bytes]
    started_at: float
    runs: Versions
    """What it reads with, by its own word once it took a change."""
    heard_at: float = field(default_factory=time.monotonic)
    ports: dict[str, Any] = field(default_factory=dict)
    pause_s: float = FIRST_PAUSE_S
    said: tuple[str, str] = ("", "")
    """The last change it spoke of, and what it said."""
    until: dict[str, int] = field(default_factory=dict)
    """The places in its inbox up to which messages belong to what it worked with before the last change."""
    _unsent: bytes = b""
    _begun: bytes = b""

    def tell(self, order: Mapping[str, Any]) -> None:
        """Say something to it; what it does not read at once goes out with the next `flush`."""
        self._unsent += json.dumps(dict(order)).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send on what it has not read yet; never waits for it."""
        stream = self.process.stdin
        assert stream is not None  # noqa: S101 - PIPE was asked for
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(stream.fileno(), self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:  # it is dead, and its successor is told at its start
            self._unsent = b""

    def hear(self) -> bool:
        """Take in what it has said since; whether it said anything at all, which it does every second."""
        stream = self.process.stdout
        assert stream is not None  # noqa: S101 - PIPE was asked for
        heard = False
        with contextlib.suppress(BlockingIOError):
            while part := os.read(stream.fileno(), READ_BYTES):
                heard = True
                *lines, self._begun = (self._begun + part).split(b"\n")
                for line in filter(None, lines):
                    with contextlib.suppress(ValueError, KeyError, TypeError):  # not said by us: a library prints
                        self._understand(json.loads(line))
        return heard

    def _understand(self, told: Mapping[str, Any]) -> None:
        self.said = (str(told["change"]), str(told["said"]))
        if "versions" in told:
            self.runs, self.until = told_versions(told["versions"]), told["until"]


def start(name: str, loaded: Loaded, more: Mapping[str, Any], environment: Mapping[str, str]) -> Child:
    """Start a process and wait until it is ready; raises CouldNotStart."""
    # The pipe on stdin carries what it works with and then stays open: when it closes, the parent is gone.
    process = subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
        [sys.executable, "-P", "-m", f"adapter.app.{name}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(environment),
        start_new_session=True,  # a Ctrl-C reaches the parent, which stops the children in order
    )
    child = Child(name=name, process=process, started_at=time.monotonic(), runs=versions_of(loaded))
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for
    try:
        process.stdin.write(json.dumps({**more, "loaded": packed(loaded)}).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        raise CouldNotStart(name) from None
    os.set_blocking(process.stdin.fileno(), False)
    child.ports = _ready_line(child)
    return child


def _ready_line(child: Child) -> dict[str, Any]:
    stream = child.process.stdout
    assert stream is not None  # noqa: S101 - PIPE was asked for
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        if not selector.select(START_LIMIT_S):
            child.process.kill()
            raise CouldNotStart(child.name)
    line = stream.readline()
    if not line:
        refused = child.process.wait() == EXIT_REFUSED
        raise AlreadyTold(child.name) if refused else CouldNotStart(child.name)
    os.set_blocking(stream.fileno(), False)
    ready: dict[str, Any] = json.loads(line)
    return ready
