"""`troughline check`: what would keep the service from working, found before it starts or while it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from adapter.app.parts import Instructions, Loaded, read_everything
from adapter.commands.check_answers import answers
from adapter.commands.check_hooks import hooks
from adapter.commands.check_ports import ports
from adapter.commands.check_result import Result, State, as_json, as_text, exit_code
from adapter.commands.check_sources import polled_sources
from adapter.commands.check_store import disk, lock_holder, store
from adapter.commands.check_targets import targets
from adapter.commands.faults import fault_line


def run(options: argparse.Namespace) -> int:
    """0 when nothing failed, 1 otherwise."""
    results: list[Result] = []
    progress = sys.stderr.isatty() and not options.json
    for result in _results(options):
        results.append(result)
        if progress:
            print(f"\r{result.about}\x1b[K", end="", file=sys.stderr, flush=True)
    if progress:
        print("\r\x1b[K", end="", file=sys.stderr)
    print(as_json(results) if options.json else as_text(results))
    return exit_code(results)


def _results(options: argparse.Namespace) -> Iterator[Result]:
    loaded, faults = read_everything(Instructions.from_options(options))
    for fault in sorted(faults, key=lambda fault: (fault.file, fault.line)):
        state: State = "warning" if fault.severity == "warning" else "failed"
        yield Result(about="configuration", state=state, said=fault_line(fault))
    if loaded is None:
        yield Result(
            about="others", state="skipped", said="nothing else is looked at before the configuration is right"
        )
        return
    yield Result(about="configuration", state="ok", said=_configured(loaded))
    settings = loaded.settings
    yield from store(settings.store, thorough=options.thorough)
    yield from answers(settings)
    yield from disk(settings.store)
    yield from ports(settings, lock_holder(settings.store))
    yield from polled_sources(settings)
    yield from hooks(settings)
    yield from targets(settings)


def _configured(loaded: Loaded) -> str:
    settings, policies = loaded.settings, loaded.rulebook.policies
    counts = (
        (len(settings.mllp), "MLLP listener"),
        (len(settings.senders), "sender"),
        (len(settings.targets), "target"),
        (len(policies), "policy version"),
    )
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts)
