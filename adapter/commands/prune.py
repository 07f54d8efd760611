"""`troughline prune`: what a store need not keep any longer goes, or is told."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapter.app.pruning import (
    INBOXES,
    awaited_targets,
    newest,
    prunables,
    remembered_retention,
    removable,
    removed,
    retention_of,
)
from adapter.app.user_name import user_name
from adapter.commands.check_store import alone, lock_holder
from adapter.commands.prune_text import Told, history_page, history_tree, page_of, tree_of
from adapter.commands.store_parts import Place, done_at_place, opened
from adapter.store.folder import lock_store
from adapter.store.owed_answers import NAME as ANSWERS
from adapter.store.owed_answers import OwedAnswers
from adapter.store.prunable import prunes
from adapter.store.retention import Line, Retention, believed, horizon
from adapter.store.sqlite_inbox import SqliteInbox

HISTORY = 100
Writer = SqliteInbox | OwedAnswers
UNKNOWN = (
    f"No configuration is named and no service has pruned this store yet: archive_days is taken as "
    f"{Retention().archive_days}."
)


def run(options: argparse.Namespace) -> int:
    """0 done or told, 2 when the store cannot be read, or a service runs on it that prunes by itself."""
    return done_at_place(options, _acted)


def _acted(place: Place, options: argparse.Namespace) -> int:
    with opened(place.folder) as parts:
        if options.history:
            lines = [line for file in parts.pruned for line in prunes(file, HISTORY)]
            print(_json(history_tree(lines)) if options.json else history_page(lines))
            return 0
    return _dry(place, options) if options.dry_run else _done(place, options)


def _dry(place: Place, options: argparse.Namespace) -> int:
    told = Told(at=_now(), dry_run=True)
    _look(place, told, {})
    return _print(told, options)


def _done(place: Place, options: argparse.Namespace) -> int:
    running = lock_holder(place.folder)
    if running is not None:
        print(
            f"The service (process {running}) runs on {place.folder} and prunes by itself once an hour; "
            "look with --dry-run, or stop it first.",
            file=sys.stderr,
        )
        return 2
    told = Told(at=_now(), dry_run=False)
    with lock_store(place.folder), alone(place.folder), _writers(place.folder) as writers:
        _look(place, told, writers)
        if options.compact:
            before = _size(place.folder)
            for writer in writers.values():
                writer.compact()
            told.given_back = before - _size(place.folder)
    return _print(told, options)


def _look(place: Place, told: Told, writers: Mapping[str, Writer]) -> None:
    """Note what goes; without writers nothing is removed."""
    settings, retention = place.settings, _retention(place)
    with prunables(place.folder, awaited_targets(settings) if settings else None) as every:
        # No earlier look counts here: a person reads the date, and has seen it in the dry run.
        time = believed(told.at, newest(every), None, timedelta())
        if time is None:
            return
        old = horizon(retention, time, told.at)
        told.older_than, told.read_older_than = old.archive, old.read
        line = Line(at=told.at, by=f"command, user {user_name()}", older_than=old.archive)
        for name, prunable in every.items():
            if told.dry_run:
                told.add(removable(place.folder, name, prunable, old))
            elif name in writers:
                told.add(removed(place.folder, name, prunable, old, line, writers[name].prune))


@contextmanager
def _writers(folder: Path) -> Iterator[dict[str, Writer]]:
    """The files that are there, opened as their service opens them."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(closing(_writer(file, name)))
            for name, file in _files(folder).items()
            if file.exists()
        }


def _writer(file: Path, name: str) -> Writer:
    if name == ANSWERS:
        return OwedAnswers(file, on_lost=_nothing, on_broken=_nothing)
    return SqliteInbox(file, name)


def _nothing(*_: object) -> None:
    """Here nothing is owed, and what breaks is raised where a portion is removed."""


def _files(folder: Path) -> dict[str, Path]:
    return {name: folder / f"{name}.db" for name in (*INBOXES, ANSWERS)}


def _retention(place: Place) -> Retention:
    if place.settings is not None:
        return retention_of(place.settings)
    remembered = remembered_retention(place.folder)
    if remembered is None:
        print(UNKNOWN, file=sys.stderr)
    return remembered or Retention()


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for name in _files(folder) for file in folder.glob(f"{name}.db*"))


def _print(told: Told, options: argparse.Namespace) -> int:
    print(_json(tree_of(told)) if options.json else page_of(told))
    return 0


def _json(tree: Mapping[str, Any]) -> str:
    return json.dumps(tree, indent=2, ensure_ascii=False)


def _now() -> datetime:
    return datetime.now(UTC)
