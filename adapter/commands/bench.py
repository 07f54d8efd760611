"""`troughline bench [BENCH]`: what something costs here and now, beside what it costs at best and in a plain way."""

from __future__ import annotations

import argparse
import importlib
import sys


def run(options: argparse.Namespace) -> int:
    """Run one bench, or all of them as one; each has a file of its own."""
    if options.bench and options.extent:
        print(
            f"Put --{options.extent} behind {options.bench} if it has it: bench {options.bench} --help.",
            file=sys.stderr,
        )
        return 2
    return int(importlib.import_module(f"adapter.commands.bench_{options.bench or 'whole'}").run(options))
