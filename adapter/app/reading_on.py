"""What was kept and not understood yet, read to its end by a command, when no service runs to do it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from adapter.app.destinations import days_on
from adapter.app.engine import Engine, EngineParts
from adapter.app.inboxes import finder, reader
from adapter.app.parts import Loaded, service_parts
from adapter.app.pruning import INBOXES, STATE_FILE
from adapter.app.rebuilding import refuse_lost_inbox, refuse_to_rebuild_with_gaps
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.sqlite_state import SqliteState

LOOK_EVERY_S = 0.05
STOP_PATIENCE_S = 60.0


class ReadingFailed(Exception):  # noqa: N818 - told in one sentence, and the next start goes on
    """The reading ended before its end."""


def read_to_the_end(loaded: Loaded, progress: Callable[[int], None]) -> None:
    """Understand everything that is kept, as the service does; nothing is delivered.

    `progress` is told how many messages wait. Raises ReadingFailed, CannotKeep, StoreBroken or StoreTooNew.
    """
    store = loaded.settings.store
    refuse_to_rebuild_with_gaps(store)
    inboxes = [SqliteInboxReader(store / f"{name}.db", name) for name in INBOXES]
    try:
        with closing(SqliteState(store / STATE_FILE)) as state:
            refuse_lost_inbox(inboxes, state)
            first_on = days_on(state, loaded.settings, lambda: datetime.now(UTC).date())
            parts = service_parts(loaded, state, reader(inboxes), first_on, finder(inboxes))
            engine = Engine(
                EngineParts(
                    parts=parts,
                    cursors=state,
                    inboxes=inboxes,
                    clock=lambda: datetime.now(UTC),
                    after_commit=lambda: None,
                    together=state.together,
                    end=lambda _: None,
                )
            )
            engine.start()
            try:
                while waiting := sum(max(one.last_seq() - state.cursor(one.name), 0) for one in inboxes):
                    if not engine.alive:
                        raise ReadingFailed("Reading what was kept has stopped; start the command again.")
                    progress(waiting)
                    time.sleep(LOOK_EVERY_S)
            finally:
                engine.stop(STOP_PATIENCE_S)
    finally:
        for inbox in inboxes:
            inbox.close()
