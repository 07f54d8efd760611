"""Options of `deid` and `vary`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path

from adapter.commands.knowledge_options import knowledge_options, mappings_option

DEID = "Take out of messages what identifies people and keep the clinical question; check that they are read the same."
DEID_EXAMPLES = (
    "troughline deid our-messages --out shareable",
    "troughline deid result.hl7 dose.json --out shareable --key study.key --facilities pseudonym",
    "troughline deid our-messages --out new-cases --as-case --mappings site-mappings",
)
VARY = "Write the variations that are met in the field of one good message, each as a golden case without an outcome."
VARY_EXAMPLES = (
    "troughline vary result.hl7 --out variations",
    "troughline vary result.hl7 --list",
    "troughline vary result.hl7 --out variations --only obx-11-corrected --only line-end-crlf",
    "troughline vary result.hl7 --out variations --mappings site-mappings",
    "troughline test variations --mappings site-mappings --accept",
)


def deid_options(parser: argparse.ArgumentParser) -> None:
    """The options of `deid`."""
    parser.add_argument(
        "messages", nargs="+", type=Path, metavar="FILE|FOLDER", help="files, or folders with *.hl7 and *.json files"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new or empty folder for the result")
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="the secret of pseudonyms and shifts, made on first use (default: in the user's configuration folder)",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a keep list laid over the shipped one (may repeat)",
    )
    parser.add_argument(
        "--facilities",
        choices=("keep", "pseudonym"),
        default="keep",
        help="names of senders and laboratories, which rows of tables may depend on (default keep)",
    )
    parser.add_argument("--as-case", action="store_true", help="write golden cases (YAML), ready for troughline test")
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    knowledge_options(parser)


def vary_options(parser: argparse.ArgumentParser) -> None:
    """The options of `vary`."""
    parser.add_argument(
        "message", metavar="MESSAGE", help="a file with one ORU, dose or allergy record; - is standard input"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="a new or empty folder for the cases")
    parser.add_argument("--list", action="store_true", help="print the names of the variations and write nothing")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this variation only (may repeat)")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    mappings_option(parser)
