"""Options of commands that read with mappings and policies; nothing else is imported, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path


def mappings_option(parser: argparse.ArgumentParser) -> None:
    """Folders laid over the shipped mappings."""
    parser.add_argument(
        "--mappings",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="a folder laid over the shipped mappings (may repeat)",
    )


def knowledge_options(parser: argparse.ArgumentParser) -> None:
    """Mappings, and the policies findings are read by."""
    mappings_option(parser)
    parser.add_argument(
        "--policy", action="append", default=[], metavar="ID", help="replaces the default of its products (may repeat)"
    )
    parser.add_argument("--draft", action="store_true", help="accept policies with numbers that are not verified")
