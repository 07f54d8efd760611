"""The options of `lint`; nothing heavy is imported, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path

LINT = (
    "Check mappings, code tables, outputs, golden cases, products and policies, with --config the configuration too: "
    "every mistake with file and line."
)
LINT_EXAMPLES = (
    "troughline lint",
    "troughline lint --mappings our-tables --json",
    "troughline lint --config troughline.yaml",
    "troughline lint --mappings our-tables --unused",
)


def lint_options(parser: argparse.ArgumentParser) -> None:
    """What is checked beside the shipped files, and how it is told."""
    parser.add_argument("--json", action="store_true", help="print the faults as JSON")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="site configuration (YAML): checked with all it names"
    )
    parser.add_argument(
        "--unused",
        action="store_true",
        help="name the rows no golden case reads (your own, with --mappings or --config)",
    )
