"""`troughline import`: history from files into a store, line by line, going on where it was stopped."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from adapter.app.parts import Instructions, Loaded, read_everything
from adapter.app.reading_on import ReadingFailed
from adapter.commands.faults import tell
from adapter.commands.import_dry import NotedRejects, trial_of
from adapter.commands.import_keep import Keeper, keeper_of
from adapter.commands.import_plan import CannotImport, Plan, misuse, planned, source_of
from adapter.commands.import_progress import Telling, telling
from adapter.commands.import_reading import AGAIN, Read, of_import, of_trial, read_file
from adapter.commands.import_result import Result
from adapter.commands.store_parts import STATE_FILE, done_on
from adapter.store.folder import FOLDER_MODE
from adapter.store.rejected_lines import FOLDER, RejectedLines
from adapter.store.state_reader import SqliteStateReader


def run(options: argparse.Namespace) -> int:
    """0 imported, 1 when a line was rejected or waits, 2 when it could not be done or not to the end."""
    wrong = misuse(options.files)
    if options.config is None and options.store is None:
        wrong = "Name the store: --config FILE that names it, or --store DIR."
    if wrong:
        print(wrong, file=sys.stderr)
        return 2
    loaded, faults = read_everything(Instructions.from_options(options))
    tell(faults)
    return 2 if loaded is None else done_on(loaded.settings.store, partial(_done, loaded, options))


def _done(loaded: Loaded, options: argparse.Namespace) -> int:
    was = signal.signal(signal.SIGTERM, signal.default_int_handler)  # told as Ctrl-C is
    try:
        source = source_of(loaded.settings, options.source)
        restart = options.restart or options.dry_run
        plans = planned(options.files, loaded.settings, source, restart=restart, clock=_now)
        result = (_tried if options.dry_run else _imported)(loaded, source, plans)
    except (CannotImport, ReadingFailed) as fault:
        print(fault, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = "" if options.dry_run else f" What was kept is kept. {AGAIN}"
        print(f"\nStopped.{kept}", file=sys.stderr)
        return 2
    finally:
        signal.signal(signal.SIGTERM, was)
    print(json.dumps(result.as_dict(), indent=2, ensure_ascii=False) if options.json else result.page())
    return result.exit_code


def _tried(loaded: Loaded, source: str, plans: Sequence[Plan]) -> Result:
    with _home(loaded.settings.store) as home, trial_of(loaded, home) as trial, telling() as progress:
        read = [read_file(loaded, plan, trial.keep, NotedRejects(), progress) for plan in plans]
        files = [of_trial(one, trial) for one in read]
        return Result(source=source, files=files, trial=trial.tally.as_dict())


@contextmanager
def _home(store: Path) -> Iterator[Path]:
    """A folder of the store for what is thrown away again; a store that is not there yet is not left behind."""
    home = store / FOLDER
    made = [folder for folder in (store, home) if not folder.exists()]
    for folder in made:
        folder.mkdir(mode=FOLDER_MODE, parents=True)
    try:
        yield home
    finally:
        for folder in reversed(made):
            folder.rmdir()


def _imported(loaded: Loaded, source: str, plans: Sequence[Plan]) -> Result:
    store = loaded.settings.store
    with keeper_of(loaded) as keeper, telling() as progress:
        read = [_kept(loaded, plan, keeper, progress) for plan in plans]
        keeper.wait(max((one.mark.last_seq for one in read), default=0), progress.waiting)
    with closing(SqliteStateReader(store / STATE_FILE)) as state:
        return Result(source=source, files=[of_import(one, state, loaded) for one in read])


def _kept(loaded: Loaded, plan: Plan, keeper: Keeper, progress: Telling) -> Read:
    """Read a file that was not read to its end before."""
    if plan.mark.done:
        return Read(plan=plan, mark=plan.mark)
    with RejectedLines(loaded.settings.store, plan.rejects) as rejects:
        rejects.back_to(plan.mark.rejected_bytes, plan.mark.places_bytes)
        return read_file(loaded, plan, keeper.keep, rejects, progress)


def _now() -> datetime:
    return datetime.now(UTC)
