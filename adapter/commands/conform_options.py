"""Options of `conform`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse

CONFORM = "Check HL7 v2 messages against the tables of their version: every departure with segment and field."
CONFORM_EXAMPLES = (
    "troughline conform result.hl7",
    "troughline conform --show-values batch.hl7 other.hl7",
    "troughline conform --json - < result.hl7",
)


def conform_options(parser: argparse.ArgumentParser) -> None:
    """The options of `conform`."""
    parser.add_argument(
        "messages", nargs="+", metavar="MESSAGE", help="a file with one message or a batch; - is standard input"
    )
    parser.add_argument("--show-values", action="store_true", help="print what stands at each place: patient data")
    parser.add_argument("--json", action="store_true", help="print the reports as JSON")
