"""The files of a store, opened for reading beside the running service."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapter.commands.faults import tell
from adapter.settings import Settings, load_settings
from adapter.store.faults import CannotKeep, StoreBroken, StoreLocked, StoreTooNew
from adapter.store.owed_answers import FILE, OwedAnswersReader
from adapter.store.prunable import Told
from adapter.store.sqlite_inbox import SqliteInboxReader
from adapter.store.state_reader import SqliteStateReader

STATE_FILE = "state.db"
INBOXES = ("inbox", "inbox-core")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreParts:
    """The inboxes, the answers to other addresses and the state of one store folder."""

    folder: Path
    inboxes: tuple[SqliteInboxReader, ...]
    answers: OwedAnswersReader
    state: SqliteStateReader

    @property
    def pruned(self) -> tuple[Told, ...]:
        """Files that hold the audit lines of what was removed of them."""
        return (*self.inboxes, self.answers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which store is meant, and the settings of its site where they are known."""

    folder: Path
    settings: Settings | None


class CannotRead(Exception):  # noqa: N818 - a fault of the world, not of the program
    """A store that cannot be read; the text says which and what to do."""


def place_of(store: Path | None, config: Path | None) -> Place | None:
    """`--store`, or the store that `--config` names; None, with the reason on stderr, where neither can be used."""
    settings = None
    if config is not None:
        settings, faults = load_settings(config)
        tell(faults)
        if settings is None:
            return None
    if store is None and settings is None:
        print("Name the store: --store DIR, or --config FILE that names it.", file=sys.stderr)
        return None
    return Place(folder=store or (settings or Settings()).store, settings=settings)


@contextmanager
def opened(folder: Path) -> Iterator[StoreParts]:
    """The files of a store; raises CannotRead for one that is none, is not readable, or is broken."""
    path = folder / STATE_FILE
    try:
        found = path.is_file()
    except OSError:  # the folder belongs to somebody else
        found = False
    if not found:
        text = f"{folder} holds no store that can be read; name the folder that `serve --store` uses."
        raise CannotRead(text)
    parts = StoreParts(
        folder=folder,
        inboxes=tuple(SqliteInboxReader(folder / f"{name}.db", name) for name in INBOXES),
        answers=OwedAnswersReader(folder / FILE),
        state=SqliteStateReader(path),
    )
    try:
        yield parts
    except (CannotKeep, StoreBroken) as fault:
        text = f"The store in {folder} cannot be read. {fault}"
        raise CannotRead(text) from None
    finally:
        parts.state.close()
        parts.answers.close()
        for inbox in parts.inboxes:
            inbox.close()


def done_at_place(options: argparse.Namespace, work: Callable[[Place, argparse.Namespace], int]) -> int:
    """The exit code of work on the store that `--store` or `--config` names, as of `done_on`; 2 where neither can."""
    place = place_of(options.store, options.config)
    return 2 if place is None else done_on(place.folder, lambda: work(place, options))


def done_on(folder: Path, work: Callable[[], int]) -> int:
    """The exit code of work on a store; what the store does not allow is told on stderr and gives 2."""
    try:
        return work()
    except (CannotRead, CannotKeep, StoreBroken, StoreLocked, StoreTooNew) as fault:
        print(fault, file=sys.stderr)
    except BrokenPipeError:  # whoever read our output has seen enough
        raise
    except OSError as fault:
        print(f"The store folder {folder} cannot be written: {fault.strerror}.", file=sys.stderr)
    return 2
