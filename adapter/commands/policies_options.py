"""Options of `policies`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse names no public one
Command = Callable[[Parsers, str, str, Sequence[str]], argparse.ArgumentParser]

POLICIES = "List the clinical policies (or with ACTION: list, show, check), with windows, thresholds and their sources."
POLICIES_EXAMPLES = (
    "troughline policies",
    "troughline policies show CONS16",
    "troughline policies show ERW48@1 --json",
    "troughline policies check our-config",
)
LIST = "Every policy with its products, drafts marked."
SHOW = "One policy with every number, its grade and its source, and what awaits clinical sign-off."
CHECK = "Every mistake in policies and products, with file and line."


def policies_options(parser: argparse.ArgumentParser, command: Command) -> None:
    """The actions of `policies`."""
    _overlays(parser, "config")
    parser.set_defaults(config_after=[])
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = command(
        actions, "list", LIST, ("troughline policies list", "troughline policies list --config our-config --json")
    )
    show = command(
        actions, "show", SHOW, ("troughline policies show CONS16", "troughline policies show ERW48@1 --json")
    )
    show.add_argument("policy", metavar="ID[@VERSION]", help="the newest version, or the one named")
    check = command(
        actions,
        "check",
        CHECK,
        ("troughline policies check", "troughline policies check our-config --json"),
    )
    check.add_argument("folders", type=Path, nargs="*", metavar="DIR", help="a folder laid over the shipped config")
    for action in (listing, show, check):
        _overlays(action, "config_after", argparse.SUPPRESS)


def _overlays(parser: argparse.ArgumentParser, name: str, absent: object = None) -> None:
    """`--json` and `--config`, which may stand before and after the action."""
    parser.add_argument("--json", action="store_true", default=absent or False, help="print the result as JSON")
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        default=absent or [],
        dest=name,
        metavar="DIR",
        help="a folder laid over the shipped config (may repeat)",
    )
