"""`troughline bench [BENCH]`: what something costs here and now, beside what it costs at best and in a plain way."""

from __future__ import annotations

import argparse
import importlib
import sys


def run(options: argparse.Namespace) -> int:
    """Run one bench, or all of them as one; each has a file of its own."""
    told = without_meaning(options)
    if told:
        print(told, file=sys.stderr)
        return 2
    name = options.bench or ("peers" if options.peers else "whole")
    return int(importlib.import_module(f"adapter.commands.bench_{name}").run(options))


def without_meaning(options: argparse.Namespace) -> str:
    """What options together say nothing, and where to look; empty when they do."""
    words = {
        "peers": options.peers,
        "environment": options.environment,
        "growth": options.growth,
        options.extent: options.extent,
    }
    before = [f"--{name}" for name, given in words.items() if given]
    if options.bench and before:
        return f"{before[0]} before {options.bench} has no meaning; see bench {options.bench} --help for its options."
    if options.environment and not options.peers:
        return "--environment has no meaning without --peers: only the programs of others need one."
    given = {
        "strict": options.strict,
        "gate": options.gate,
        "save": options.save,
        "nightly": options.extent == "nightly",
        "growth": options.growth,
    }
    beside = [f"--{name}" for name, value in given.items() if value]
    if options.peers and beside:
        return f"{beside[0]} has no meaning with --peers, which has no goals; leave it out (--json prints the result)."
    return ""
