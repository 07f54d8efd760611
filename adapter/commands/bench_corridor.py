"""A store as core works on it, without processes and sockets: for benches of what follows after receiving."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from adapter.app.inboxes import message_ref, reader
from adapter.app.parts import Instructions, Loaded, read_everything, service_parts
from adapter.commands.bench_feed import SENT
from adapter.commands.bench_service import STORE, written_configuration
from adapter.ingest.relevance import RelevanceFilter
from adapter.pipeline.process import Processed, process
from adapter.pipeline.receive import Door, hl7_arrival
from adapter.pipeline.understand import read_ahead
from adapter.store.folder import FOLDER_MODE
from adapter.store.sqlite_inbox import SqliteInbox
from adapter.store.sqlite_state import SqliteState

INBOX = "inbox"
NOW = SENT + timedelta(hours=1)
CODES_REMEMBERED = 100_000


class Corridor:
    """The inbox and the state of one folder, and the steps between them."""

    def __init__(self, folder: Path, loaded: Loaded) -> None:
        """Open or make the store of this folder."""
        store = folder / STORE
        store.mkdir(mode=FOLDER_MODE, exist_ok=True)
        self.inbox = SqliteInbox(store / f"{INBOX}.db", INBOX)
        self.state = SqliteState(store / "state.db")
        self._judge = RelevanceFilter(loaded.knowledge, CODES_REMEMBERED).judge
        self._door = Door(source=loaded.settings.mllp[0].source, listener=loaded.settings.mllp[0].name)
        self._parts = service_parts(
            loaded, self.state, reader([self.inbox]), lambda name: self.state.first_on(name, NOW.date())
        )

    def keep(self, messages: Sequence[bytes]) -> None:
        """Keep messages in one batch, as the listener does."""
        self.inbox.keep([hl7_arrival(message, self._door, NOW, self._judge(message)) for message in messages])

    def understand(self) -> list[Processed]:
        """Process all that waits in one transaction, as the engine does with what came together."""
        waiting = self.inbox.after(self.state.cursor(INBOX), 10_000)
        ahead = read_ahead([stored.arrival for stored in waiting], self._parts)
        with self.state.together():
            return [
                process(stored, message_ref(INBOX, stored), self._parts, NOW, told=told)
                for stored, told in zip(waiting, ahead, strict=True)
            ]

    def close(self) -> None:
        """Close both files."""
        self.state.close()
        self.inbox.close()


def loaded_for(folder: Path, *, archive: str = "headers") -> Loaded:
    """What a bench service of this folder works with."""
    folder.mkdir(exist_ok=True)
    configuration = written_configuration(folder, archive=archive)
    loaded, faults = read_everything(Instructions(config=str(configuration)), thorough=False)
    assert loaded, faults  # noqa: S101 - shipped files are checked by the tests
    return loaded


@contextmanager
def corridor(folder: Path) -> Iterator[Corridor]:
    """The corridor of a folder, closed with the block."""
    opened = Corridor(folder, loaded_for(folder))
    try:
        yield opened
    finally:
        opened.close()
