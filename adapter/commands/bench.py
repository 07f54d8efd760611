"""`troughline bench BENCH`: what something costs here and now, beside what it could cost at best and in a plain way."""

from __future__ import annotations

import argparse
import importlib


def run(options: argparse.Namespace) -> int:
    """Run one bench; each has a file of its own."""
    return int(importlib.import_module(f"adapter.commands.bench_{options.bench}").run(options))
