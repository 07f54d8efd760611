"""A replay in the store: handed to the running service, or done here when none runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import Any

from adapter.app.destinations import days_on
from adapter.app.inboxes import finder, reader
from adapter.app.observing import configure_logging
from adapter.app.parts import Loaded, service_parts
from adapter.app.replaying import Replays, Request, Told, ask, catch_up, read_with
from adapter.app.user_name import user_name
from adapter.commands.asked import done_by_whom_it_falls_to, request_id
from adapter.commands.store_parts import INBOXES, STATE_FILE
from adapter.domain.message import MessageRef
from adapter.domain.times import instant_text
from adapter.pipeline.process import reread
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.sqlite_state import SqliteState


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
    return done_by_whom_it_falls_to(store, partial(ask, store, request), partial(_here, loaded))


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
