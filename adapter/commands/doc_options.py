"""The options of `doc`; nothing heavy is imported, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path

DOC = "Write down what is read from where and becomes what: the mapping as one page, as a spreadsheet, or as JSON."
DOC_EXAMPLES = (
    "troughline doc --out mapping.html",
    "troughline doc --csv --out mapping.csv --mappings our-tables",
    "troughline doc --out interface-report",
)


def doc_options(parser: argparse.ArgumentParser) -> None:
    """In which form, and where to."""
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE|DIR",
        help="a file ending in .html, .csv or .json; or a folder, which gets mapping.html and mapping.csv",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--html", action="store_true", help="one page without scripts or anything from outside (default)")
    form.add_argument("--csv", action="store_true", help="one row per place, field and table row, for a spreadsheet")
    form.add_argument("--json", action="store_true", help="the same for machines")
