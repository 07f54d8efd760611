"""Options of `run` and `test`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path

from adapter.commands.knowledge_options import mappings_option

RUN = "Show how one message is read: relevance and why, events, problems, gaps, unread fields, answer, resources."
RUN_EXAMPLES = (
    "troughline run result.hl7",
    "troughline run result.hl7 --trace",
    "troughline run dose.json --mappings site-mappings --config troughline.yaml",
    "cat result.hl7 | troughline run - --json",
)
TEST = "Read every golden case with the mappings of now; each difference to what it expects as a unified diff."
TEST_EXAMPLES = (
    "troughline test",
    "troughline test --mappings site-mappings",
    "troughline test my-cases --mappings site-mappings --accept",
)


def run_options(parser: argparse.ArgumentParser) -> None:
    """The options of `run`."""
    parser.add_argument(
        "message", metavar="MESSAGE", help="a file with HL7 v2 messages or one FHIR body; - is standard input"
    )
    parser.add_argument(
        "--trace",
        action="store_true",
        help="name place, mapping line and table row of each field, and template line and fields of each element",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML)")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def test_options(parser: argparse.ArgumentParser) -> None:
    """The options of `test`."""
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        metavar="FOLDER",
        help="golden cases (*.yaml); default: the shipped ones and the folder golden of each --mappings",
    )
    parser.add_argument("--accept", action="store_true", help="write what comes out now into the cases that differ")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    mappings_option(parser)
