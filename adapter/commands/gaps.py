"""`troughline gaps`: codes that were seen and stand in no table, with the rows that would put them there."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from adapter.commands.faults import tell
from adapter.commands.gaps_count import Counted, in_folder, in_store
from adapter.commands.gaps_text import page_of, tree_of
from adapter.commands.store_parts import CannotRead, opened, place_of
from adapter.commands.traffic import since_time
from adapter.commands.worklist_read import site_with
from adapter.settings import Settings, load_settings


def run(options: argparse.Namespace) -> int:
    """0 no gap, 1 a code is missing in a table, 2 when messages or tables cannot be read."""
    if options.folder is not None and (options.store is not None or options.since is not None):
        print("--store and --since go with a store: name either it or a FOLDER of messages.", file=sys.stderr)
        return 2
    try:
        counted = _of_folder(options) if options.folder is not None else _of_store(options)
    except CannotRead as fault:
        print(fault, file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read our output has seen enough
        raise
    except OSError as fault:
        print(f"The folder {options.folder} cannot be read: {fault.strerror}.", file=sys.stderr)
        return 2
    if counted is None:
        return 2
    tree = tree_of(counted, everything=options.all)
    print(json.dumps(tree, indent=2, ensure_ascii=False) if options.json else page_of(counted, everything=options.all))
    return int(bool(counted.gaps))


def _of_folder(options: argparse.Namespace) -> Counted | None:
    settings, faults = load_settings(options.config)
    tell(faults)
    site = site_with(settings, options.mappings) if settings else None
    return in_folder(options.folder, site) if site else None


def _of_store(options: argparse.Namespace) -> Counted | None:
    place = place_of(options.store, options.config)
    site = site_with(place.settings or Settings(), options.mappings) if place else None
    if place is None or site is None:
        return None
    since = None if options.since is None else since_time(options.since, datetime.now(UTC))
    with opened(place.folder) as store:
        return in_store(store, site, since)
