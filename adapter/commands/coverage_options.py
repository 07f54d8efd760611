"""Options of `coverage`, and of what looks back some days; nothing heavy is imported, so that --help stays fast."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from adapter.commands.knowledge_options import mappings_option

COVERAGE = (
    "What senders fill in that no mapping reads, since when, and which of it is new; the lines that say it may be."
)
COVERAGE_EXAMPLES = (
    "troughline coverage --config troughline.yaml",
    "troughline coverage --config troughline.yaml --new --since 7d",
    "troughline coverage --store ./store --mappings site-mappings --all",
    "troughline coverage my-messages result.hl7 --mappings site-mappings --json",
)
WEEK = timedelta(days=7)
_SPAN = re.compile(r"([1-9]\d{0,4})([hdw])", re.ASCII)
_NEARLY_A_SPAN = re.compile(r"([1-9]\d{0,4}) *(h|d|w)(?:ours?|ays?|eeks?)?", re.ASCII | re.IGNORECASE)
_LIKE_A_DATE = re.compile(r"\d{4}-?\d{2}", re.ASCII)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def coverage_options(parser: argparse.ArgumentParser, instant: Callable[[str], datetime]) -> None:
    """The options of `coverage`."""
    parser.add_argument(
        "paths", type=Path, nargs="*", metavar="PATH", help="files, and folders with *.hl7 and *.json, not a store"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML), which names the store")
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the store")
    parser.add_argument(
        "--since",
        type=since_option(instant),
        default=WEEK,
        metavar="TIME",
        help="new is what was first seen then or later: 7d, 12h, 4w, or ISO 8601 with offset (default 7d)",
    )
    listed = parser.add_mutually_exclusive_group()
    listed.add_argument("--new", action="store_true", help="list only what is new")
    listed.add_argument("--all", action="store_true", help="list what is mapped and what is not needed too")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    mappings_option(parser)


def since_option(instant: Callable[[str], datetime]) -> Callable[[str], datetime | timedelta]:
    """`7d` looks back seven days; what does not begin like a date was meant as such a span; all else is an instant."""

    def since(text: str) -> datetime | timedelta:
        found = _SPAN.fullmatch(text)
        if found:
            return int(found[1]) * _UNITS[found[2]]
        if not _LIKE_A_DATE.match(text):
            raise argparse.ArgumentTypeError(f"{text!r} is no time; {_written(text)}, or 2025-03-10T11:30:00+01:00")
        return instant(text)

    return since


def _written(text: str) -> str:
    """How a span is written: the one that was meant, when it can be told."""
    meant = _NEARLY_A_SPAN.fullmatch(text)
    return f"write {meant[1]}{meant[2].lower()}" if meant else "write 7d, 12h or 4w"
