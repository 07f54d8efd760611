"""Options of `replay`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

REPLAY = "Read kept messages again with the tables, policies and settings of now: show what would change, or do it."
REPLAY_EXAMPLES = (
    "troughline replay --config troughline.yaml --answered AE",
    "troughline replay --config troughline.yaml --answered AE --apply --because 'row for mIU/mL added'",
    "troughline replay --config troughline.yaml --reason unknown-authority",
    "troughline replay --config troughline.yaml --control-id A0001 --json",
    "troughline replay --config troughline.yaml --irrelevant --sender 'LIS|*'",
    "troughline replay --config troughline.yaml --sender 'LIS|*' --since 2026-03-01T00:00:00+01:00",
)


def replay_options(parser: argparse.ArgumentParser, instant: Callable[[str], datetime]) -> None:
    """Which messages, and whether anything shall be changed."""
    chosen = parser.add_argument_group("which messages (all that are named must hold; at least one)")
    chosen.add_argument("--reason", metavar="PROBLEM", help="messages that wait in the work list for this; * is any")
    chosen.add_argument(
        "--irrelevant",
        action="store_true",
        help="messages archived whole because they did not concern us, and which do with the tables of now",
    )
    chosen.add_argument("--answered", choices=("AA", "AE", "AR"), help="HL7 messages that got this answer (MSA-1)")
    chosen.add_argument("--control-id", metavar="ID", help="MSH-10 of an HL7 message")
    chosen.add_argument("--sender", metavar="MSH-3|MSH-4", help="HL7 messages of a sender; either part may be *")
    chosen.add_argument("--since", type=instant, metavar="TIME", help="received at or after, ISO 8601 with offset")
    chosen.add_argument("--until", type=instant, metavar="TIME", help="received before, ISO 8601 with offset")
    does = parser.add_mutually_exclusive_group()
    does.add_argument("--dry-run", action="store_true", help="change nothing and show what would change (the default)")
    does.add_argument("--apply", action="store_true", help="do it: by the running service, or here when none runs")
    parser.add_argument("--because", metavar="TEXT", help="why; kept beside the result, needed with --apply")
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML), which names the store")
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the store")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
