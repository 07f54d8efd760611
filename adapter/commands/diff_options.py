"""Options of `diff`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from adapter.commands.knowledge_options import knowledge_options

DIFF = "Show what changes for messages between two versions of mappings and policies: events, findings, resources."
DIFF_EXAMPLES = (
    "troughline diff --from main --config troughline.yaml corpus",
    "troughline diff --from v1.4 --mappings site-mappings corpus/*.hl7",
    "troughline diff --from old-mappings --mappings site-mappings corpus --json",
    "troughline diff --from-policy CONS16 --policy AIEOP09 corpus",
)
EXIT_CODES = "exit codes: 0 nothing changes, 1 something changes, 2 could not run"


def diff_options(parser: argparse.ArgumentParser, instant: Callable[[str], datetime]) -> None:
    """Both sides, and the messages both get."""
    parser.add_argument(
        "messages",
        nargs="+",
        metavar="MESSAGES",
        help="files with HL7 v2 messages or a FHIR body, or folders of *.hl7 and *.json; - is standard input",
    )
    parser.add_argument(
        "--from",
        dest="old",
        metavar="FOLDER|GIT-REF",
        help="the earlier version: a folder, or a branch, tag or commit of the repository that holds the files of now",
    )
    parser.add_argument(
        "--from-policy",
        action="append",
        default=[],
        metavar="ID",
        help="the earlier side reads with this in place of --policy (may repeat); without --from all else is the same",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="site configuration (YAML), or a folder laid over the shipped config",
    )
    parser.add_argument(
        "--as-of", type=instant, metavar="TIME", help="time of the last reassessment, ISO 8601 with offset"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    knowledge_options(parser)
