"""A state that is lost, or older than its inboxes, is built anew from them: unless they no longer hold all it needs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from adapter.app.engine import Cursors
from adapter.app.inboxes import Readable
from adapter.app.pruning import INBOXES, STATE_FILE
from adapter.store.faults import StoreBroken
from adapter.store.prunable import last_emptied
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader


def refuse_to_rebuild_with_gaps(store: Path) -> None:
    """Raises StoreBroken when messages the state has not read can no longer be read; before any file is made."""
    for name in INBOXES:
        with closing(SqliteInboxReader(store / f"{name}.db", name)) as inbox:
            pruned = last_emptied(inbox)
        if pruned and (processed := _processed(store / STATE_FILE, name)) < pruned:
            raise StoreBroken(
                f"{STATE_FILE} is missing or too old: it has read {name}.db up to place {processed}, the bytes of "
                f"messages up to place {pruned} were pruned (read_messages_days), and it cannot be built without them. "
                f"Restore {STATE_FILE} from a backup made after that; move away {STATE_FILE}-wal and {STATE_FILE}-shm."
            )


def refuse_lost_inbox(inboxes: Sequence[Readable], state: Cursors) -> None:
    """An inbox behind its cursor was lost or replaced: new messages would be taken for old ones."""
    for inbox in inboxes:
        held, processed = inbox.last_seq(), state.cursor(inbox.name)
        if held < processed:
            raise StoreBroken(
                f"{inbox.name}.db holds {held} messages and {processed} were processed; restore it from the backup, "
                "or delete state.db to build it anew from the inboxes that are left."
            )


def _processed(state: Path, inbox: str) -> int:
    if not state.exists():
        return 0
    with closing(SqliteStateReader(state)) as reader:
        return reader.cursor(inbox) if reader.made else 0
