"""Requests that change a store: handed to the running service and waited for, or done by the command when none runs."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from adapter.commands.check_store import alone, lock_holder
from adapter.store.folder import lock_store
from adapter.store.private_json import read_object

LOOK_EVERY_S = 0.2
SAY_EVERY_S = 10.0
NOT_FINISHED = "The service has not finished; Ctrl-C ends the waiting, not the work."


def done_by_whom_it_falls_to(store: Path, ask: Callable[[], Path], here: Callable[[], None]) -> dict[str, Any] | None:
    """The result; None, with the reason on stderr, when the service ended before there was one.

    `ask` puts the request down and gives where its result will stand; `here` does what is asked for in this process.
    """
    if lock_holder(store) is not None:
        return result_of_the_service(store, ask())
    with lock_store(store), alone(store):
        place = ask()
        here()
        return read_object(place)


def request_id(now: datetime) -> str:
    """A name for a request, in the order of their times."""
    return f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"


def result_of_the_service(
    store: Path, place: Path, waiting: Callable[[], str] = lambda: NOT_FINISHED
) -> dict[str, Any] | None:
    """The result at a place, waited for; None, with the reason on stderr, when the service ended before it.

    `waiting` is what to say now and then meanwhile.
    """
    said = time.monotonic()
    while (result := read_object(place)) is None:
        if lock_holder(store) is None:
            print("The service ended; it does this at its next start.", file=sys.stderr)
            return None
        if time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            print(waiting(), file=sys.stderr)
        time.sleep(LOOK_EVERY_S)
    return result
