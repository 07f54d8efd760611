"""The options of `schema`; nothing heavy is imported, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path

NAMES = ("mapping", "output", "golden", "site", "policy", "products")
SCHEMA = "Print the JSON Schema with which an editor completes and checks mappings, golden cases or the configuration."
SCHEMA_EXAMPLES = ("troughline schema mapping", "troughline schema --out our-tables/schemas")


def schema_options(parser: argparse.ArgumentParser) -> None:
    """Which schema, and where to."""
    parser.add_argument("name", nargs="?", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write NAME.schema.json into this folder; without NAME all of them"
    )
