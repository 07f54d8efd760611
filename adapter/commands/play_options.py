"""Options of `play` and `explain`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from adapter.commands.knowledge_options import knowledge_options

PLAY = "Run the *.hl7 and *.json files of a folder through the whole corridor in memory and print what came of it."
PLAY_EXAMPLES = (
    "troughline play tests/cases/silent-inactivation",
    "troughline play my-messages --as-of 2025-03-20T12:00:00+01:00 --json",
    "troughline play my-messages --mappings our-tables --policy CONS16",
)
EXPLAIN = "Print each finding as a page a clinician can check line by line, from a folder or from a store."
EXPLAIN_EXAMPLES = (
    "troughline explain tests/cases/silent-inactivation",
    "troughline explain my-messages --dose MedicationAdministration/dose-1 --json",
    "troughline explain --store ./store --patient 'https://hospital.example/mrn|4711'",
)
Instant = Callable[[str], datetime]


def play_options(parser: argparse.ArgumentParser, instant: Instant) -> None:
    """The options of `play`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="files are read in byte order of their names")
    _as_of(parser, instant)
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    knowledge_options(parser)


def explain_options(parser: argparse.ArgumentParser, instant: Instant) -> None:
    """The options of `explain`."""
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="messages, played as `play` does")
    parser.add_argument("--store", type=Path, metavar="DIR", help="read findings as they stand in a store instead")
    parser.add_argument("--patient", metavar="SYSTEM|VALUE", help="findings of this patient only; needed for a store")
    parser.add_argument("--dose", metavar="KEY", help="the finding of this dose, or of this sample, only")
    _as_of(parser, instant)
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML)")
    parser.add_argument("--json", action="store_true", help="print the explanations as JSON")
    knowledge_options(parser)


def _as_of(parser: argparse.ArgumentParser, instant: Instant) -> None:
    parser.add_argument(
        "--as-of", type=instant, metavar="TIME", help="time of the last reassessment, ISO 8601 with offset"
    )
