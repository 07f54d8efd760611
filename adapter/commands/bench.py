"""`troughline bench [BENCH]`: what something costs here and now, beside what it costs at best and in a plain way."""

from __future__ import annotations

import argparse
import importlib
import sys


def run(options: argparse.Namespace) -> int:
    """Run one bench, or all of them as one; each has a file of its own."""
    if options.bench and options.extent:
        words = f"--{options.extent} before {options.bench} has no meaning"
        print(f"{words}; see bench {options.bench} --help for its options.", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"adapter.commands.bench_{options.bench or 'whole'}").run(options))
