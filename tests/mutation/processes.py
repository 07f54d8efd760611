"""Forked processes: each mutant has one of its own, with a limit of processor time, and nothing outlives it."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

MEMORY_BYTES = 4 * 2**30
ENDLESS = (signal.SIGXCPU, signal.SIGKILL)


def in_process(work: Callable[[], Any], *, quiet: bool = True) -> tuple[str, Any]:
    """Do something in a forked process: `done` with its answer, `timeout`, or `died`."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_child(work, writing, quiet=quiet)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        told = answer.read()
    _, status = os.waitpid(child, 0)
    if told:
        return "done", json.loads(told)
    endless = os.WIFSIGNALED(status) and os.WTERMSIG(status) in ENDLESS
    return ("timeout" if endless else "died"), None


def _in_child(work: Callable[[], Any], writing: int, *, quiet: bool) -> None:
    try:
        if quiet:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        told = json.dumps(work()).encode()
        with os.fdopen(writing, "wb") as answer:
            answer.write(told)
    finally:
        os._exit(0)


def limited(seconds: float) -> None:
    """From now on this process has so many seconds of processor time, and a bounded memory."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 1, hard))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
