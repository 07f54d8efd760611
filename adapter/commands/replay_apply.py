"""A replay in the store: handed to the running service, or done here when none runs."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapter.app.destinations import days_on
from adapter.app.inboxes import finder, reader
from adapter.app.observing import configure_logging
from adapter.app.parts import Loaded, service_parts
from adapter.app.replaying import Replays, Request, Told, ask, catch_up, read_with
from adapter.app.user_name import user_name
from adapter.commands.check_store import alone, lock_holder
from adapter.commands.store_parts import INBOXES, STATE_FILE
from adapter.domain.message import MessageRef
from adapter.domain.times import instant_text
from adapter.pipeline.process import reread
from adapter.store.folder import lock_store
from adapter.store.private_json import read_object
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.sqlite_state import SqliteState

LOOK_EVERY_S = 0.2
SAY_EVERY_S = 10.0
NOT_FINISHED = "The service has not finished; Ctrl-C ends the waiting, not the work."


def applied(
    loaded: Loaded, messages: Sequence[MessageRef], because: str, *, released: bool = False
) -> dict[str, Any] | None:
    """The result; None, with the reason on stderr, when the service ended before there was one."""
    store = loaded.settings.store
    now = _now()
    request = Request(
        id=request_id(now),
        asked_at=instant_text(now),
        because=because,
        read_with=read_with(loaded),
        messages=tuple(messages),
        by=user_name(),
        released=released,
    )
    if lock_holder(store) is not None:
        return result_of_the_service(store, ask(store, request))
    with lock_store(store), alone(store):
        place = ask(store, request)
        _here(loaded)
        return read_object(place)


def _now() -> datetime:
    return datetime.now(UTC)


def _here(loaded: Loaded) -> None:
    configure_logging("replay")
    store = loaded.settings.store
    inboxes = [SqliteInboxReader(store / f"{name}.db", name) for name in INBOXES]
    with closing(SqliteState(store / STATE_FILE)) as state:
        parts = service_parts(
            loaded, state, reader(inboxes), days_on(state, loaded.settings, lambda: _now().date()), finder(inboxes)
        )

        def at_once(message: MessageRef, told: Told, released: bool) -> None:  # noqa: FBT001 - as `Replays` calls it
            told(reread(message, parts, _now(), released=released))

        catch_up(state.checks_due, parts, _now())
        Replays(store, read_with(loaded), _now).look(at_once)
    for inbox in inboxes:
        inbox.close()


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
