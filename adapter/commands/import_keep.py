"""Who keeps the lines of a file: the running service, or this process when none runs."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from adapter.app.import_door import SOCKET, packed
from adapter.app.observing import configure_logging
from adapter.app.parts import Loaded
from adapter.app.reading_on import read_to_the_end
from adapter.commands.check_store import alone, lock_holder
from adapter.commands.import_plan import CORE_INBOX, CannotImport
from adapter.commands.store_parts import STATE_FILE
from adapter.domain.message import Arrival
from adapter.store.faults import CannotKeep
from adapter.store.folder import lock_store
from adapter.store.imports import Mark
from adapter.store.sqlite_inbox import SqliteInbox
from adapter.store.state_reader import SqliteStateReader
from adapter.transport.local_socket import Unheard, connected, received, send

START_PATIENCE_S = 20.0
LOOK_EVERY_S = 0.1
GONE = "The service ended; what is kept is kept, and the same command goes on from there."
Waiting = Callable[[int], None]


class Keeper(Protocol):
    """Keeps lines, and then waits until they are understood."""

    def keep(self, arrivals: Sequence[Arrival], mark: Mark) -> Mark:
        """Keep arrivals and the mark behind them, on disk on return; raises CannotKeep or StoreBroken."""

    def wait(self, last_seq: int, waiting: Waiting) -> None:
        """Wait until everything up to a place is understood, telling how much is not."""


@contextmanager
def keeper_of(loaded: Loaded) -> Iterator[Keeper]:
    """Whoever writes into the store now; raises StoreLocked, CannotImport, or what opening a store raises."""
    store = loaded.settings.store
    if lock_holder(store) is not None:
        with closing(_line_to(store)) as line:
            yield _Beside(store, line)
        return
    with lock_store(store), alone(store):
        configure_logging("import", only_errors=True)
        with closing(SqliteInbox(store / f"{CORE_INBOX}.db", CORE_INBOX)) as inbox:
            yield _Alone(loaded, inbox)


class _Alone:
    def __init__(self, loaded: Loaded, inbox: SqliteInbox) -> None:
        self._loaded = loaded
        self._inbox = inbox

    def keep(self, arrivals: Sequence[Arrival], mark: Mark) -> Mark:
        return self._inbox.keep_imported(arrivals, mark)

    def wait(self, last_seq: int, waiting: Waiting) -> None:  # noqa: ARG002 (all that is kept is read)
        read_to_the_end(self._loaded, waiting)


class _Beside:
    def __init__(self, store: Path, line: socket.socket) -> None:
        self._store = store
        self._line = line

    def keep(self, arrivals: Sequence[Arrival], mark: Mark) -> Mark:
        try:
            send(self._line, *packed(arrivals, mark))
            answer, _ = received(self._line, 0)
        except Unheard:
            raise CannotKeep(GONE) from None
        told = json.loads(answer)
        if "refused" in told:
            raise CannotKeep(f"Nothing more was kept: {told['refused']}.")
        return Mark.from_dict(told["mark"])

    def wait(self, last_seq: int, waiting: Waiting) -> None:
        with closing(SqliteStateReader(self._store / STATE_FILE)) as state:
            while (behind := last_seq - state.cursor(CORE_INBOX)) > 0:
                if lock_holder(self._store) is None:
                    print("The service ended; it reads the rest at its next start.", file=sys.stderr)
                    return
                waiting(behind)
                time.sleep(LOOK_EVERY_S)


def _line_to(store: Path) -> socket.socket:
    """A connection to core, which may just be starting."""
    until = time.monotonic() + START_PATIENCE_S
    while True:
        try:
            return connected(store, SOCKET)
        except Unheard:
            if lock_holder(store) is None or time.monotonic() > until:
                raise CannotImport(
                    f"{store} is in use and nobody takes lines there: the service is starting or stopping, is of an "
                    "older version, or another command works on the store; try again."
                ) from None
        time.sleep(LOOK_EVERY_S)
