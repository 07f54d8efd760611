"""Options of commands that look at a store; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from pathlib import Path

FIND = "Tell where a message is: received, understood, delivered; reads the store beside the running service."
FIND_EXAMPLES = (
    "troughline find --store ./store --control-id A0001",
    "troughline find --config troughline.yaml --patient 'https://hospital.example/mrn|4711'",
    "troughline find --store ./store --filler 2025-00417 --json",
    "troughline find --store ./store --control-id A0001 --raw",
)
CHECK = "Look for what would keep the service from working: configuration, store, disk, ports, FHIR targets, clock."
CHECK_EXAMPLES = (
    "troughline check --config troughline.yaml",
    "troughline check --config troughline.yaml --thorough --json",
    "troughline check --store ./store --fhir http://127.0.0.1:8090/fhir",
)
STATUS = "One screen: is the service ready, who sends, what waits to be understood, delivered or looked at, alarms."
STATUS_EXAMPLES = (
    "troughline status --store ./store",
    "troughline status --config troughline.yaml --watch",
    "troughline status --config troughline.yaml --json",
)
RELOAD = "Have the running service take mappings and policies as the files say now; on any fault it goes on as it is."
RELOAD_EXAMPLES = (
    "troughline reload --config troughline.yaml",
    "troughline reload --store ./store",
    "troughline reload --config troughline.yaml --json",
)
PRUNE = "Remove what a store need not keep any longer, or tell what that would be, or what was removed before."
PRUNE_EXAMPLES = (
    "troughline prune --config troughline.yaml --dry-run",
    "troughline prune --config troughline.yaml",
    "troughline prune --store ./store --compact",
    "troughline prune --store ./store --history --json",
)


def status_options(parser: argparse.ArgumentParser) -> None:
    """The options of `status`."""
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the store")
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML), which names the store")
    parser.add_argument("--watch", action="store_true", help="look again and again, until Ctrl-C")
    parser.add_argument("--every", type=_seconds, default=2.0, metavar="S", help="seconds between looks (default 2)")
    parser.add_argument("--json", action="store_true", help="print the look as JSON; with --watch one line each")


def reload_options(parser: argparse.ArgumentParser) -> None:
    """The options of `reload`."""
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the store the service runs on")
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML), which names the store")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def find_options(parser: argparse.ArgumentParser) -> None:
    """The options of `find`."""
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--control-id", metavar="ID", help="MSH-10 of an HL7 message")
    asked.add_argument("--patient", metavar="SYSTEM|VALUE", help="every message a fact of this patient came from")
    asked.add_argument("--filler", metavar="NUMBER", help="filler order number (OBR-3) of a result")
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the store")
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML), which names the store")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--json", action="store_true", help="print the result as JSON")
    told.add_argument("--raw", action="store_true", help="print the messages themselves, byte for byte as they came")


def prune_options(parser: argparse.ArgumentParser) -> None:
    """The options of `prune`."""
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the store")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="site configuration (YAML): after how many days, and which store"
    )
    does = parser.add_mutually_exclusive_group()
    does.add_argument("--dry-run", action="store_true", help="remove nothing and tell what would go")
    does.add_argument("--history", action="store_true", help="tell what was removed before, the newest first")
    does.add_argument("--compact", action="store_true", help="give the room of what was removed back to the disk too")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def check_options(parser: argparse.ArgumentParser) -> None:
    """The options of `check` beside those of the service itself."""
    parser.add_argument("--thorough", action="store_true", help="read every page of the files of the store")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
