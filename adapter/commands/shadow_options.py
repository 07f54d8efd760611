"""Options of `shadow`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse names no public one
Command = Callable[[Parsers, str, str, Sequence[str]], argparse.ArgumentParser]

SHADOW = "Look at targets in shadow, to which everything is owed and nothing is sent (ACTION says what)."
SHADOW_EXAMPLES = (
    "troughline shadow report --config troughline.yaml",
    "troughline shadow report hospital --config troughline.yaml --json",
    "troughline shadow report hospital --store ./store",
)
REPORT = "What would be written to a target that went on now: resources, patients, every Flag with its sentence."


def shadow_options(parser: argparse.ArgumentParser, command: Command) -> None:
    """The actions of `shadow`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    report = command(actions, "report", REPORT, SHADOW_EXAMPLES)
    report.add_argument("target", nargs="?", metavar="TARGET", help="this target only (default: all in shadow)")
    report.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML), which names the store")
    report.add_argument("--store", type=Path, metavar="DIR", help="folder of the store")
    report.add_argument("--json", action="store_true", help="print the report as JSON")
