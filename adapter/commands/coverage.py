"""`troughline coverage`: what is filled in real traffic that no mapping reads, and which of it is new."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from adapter.commands.coverage_count import Coverage, over_files, over_store
from adapter.commands.coverage_text import page_of, tree_of
from adapter.commands.faults import tell
from adapter.commands.store_parts import CannotRead, opened, place_of
from adapter.commands.worklist_read import Site, site_with
from adapter.knowledge.shipped import shipped
from adapter.settings import Settings, load_settings


def run(options: argparse.Namespace) -> int:
    """0 nothing listed is unread, 1 a listed place is, 2 when messages, tables or mappings cannot be read."""
    if options.paths and options.store is not None:
        print("--store goes without a PATH: name either the store, or files and folders of messages.", file=sys.stderr)
        return 2
    try:
        coverage = _of_files(options) if options.paths else _of_store(options)
    except CannotRead as fault:
        print(fault, file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read our output has seen enough
        raise
    except OSError as fault:
        print(f"{fault.filename} cannot be read: {fault.strerror}. Name files or folders of messages.", file=sys.stderr)
        return 2
    if coverage is None:
        return 2
    unread = coverage.unread(new=options.new)
    listed = coverage.places if options.all else unread
    if options.json:
        print(json.dumps(tree_of(coverage, listed, everything=options.all), indent=2, ensure_ascii=False))
    else:
        print(page_of(coverage, listed, everything=options.all, only_new=options.new))
    return int(bool(unread))


def _of_files(options: argparse.Namespace) -> Coverage | None:
    settings, faults = load_settings(options.config)
    tell(faults)
    if settings is None:
        return None
    # As `run` and `play` do: without a site the demo's tables, so that there is something to see.
    demo = options.config is None and not options.mappings
    site = site_with(settings, [shipped("mappings") / "demo"] if demo else options.mappings)
    return _with_folders(over_files(options.paths, site, options.since), site, options) if site else None


def _with_folders(coverage: Coverage, site: Site, options: argparse.Namespace) -> Coverage:
    coverage.laid_over = (*site.settings.mappings, *options.mappings)
    return coverage


def _of_store(options: argparse.Namespace) -> Coverage | None:
    place = place_of(options.store, options.config)
    site = site_with(place.settings or Settings(), options.mappings) if place else None
    if place is None or site is None:
        return None
    with opened(place.folder) as store:
        return _with_folders(over_store(store, site, options.since, datetime.now(UTC)), site, options)
