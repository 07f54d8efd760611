"""Options of `deliveries`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from adapter.commands.worklist_options import reason_text

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse names no public one
Command = Callable[[Parsers, str, str, Sequence[str]], argparse.ArgumentParser]

DELIVERIES = "Look at resources a FHIR target would not take, and have them sent again (ACTION says what)."
DELIVERIES_EXAMPLES = (
    "troughline deliveries list --config troughline.yaml",
    "troughline deliveries show Flag/6f1d8a1e-2f0a-5b8e-9a39-0a6a4f0f9c11 --config troughline.yaml",
    "troughline deliveries retry --target hospital --reason 403 --config troughline.yaml --because 'scope granted'",
    "troughline deliveries retry --id Flag/6f1d8a1e-2f0a-5b8e-9a39-0a6a4f0f9c11 --store ./store --because 'mended'",
)
LIST = (
    "Everything targets would not take, by target and reason: how many, since when, and whether it can be sent again."
)
SHOW = "One resource at every target: state, what the target said, attempts, and who had it sent again."
RETRY = "Send again what a target would not take; what a person edited or deleted there stays as he left it."


def deliveries_options(parser: argparse.ArgumentParser, command: Command) -> None:
    """The actions of `deliveries`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = command(actions, "list", LIST, DELIVERIES_EXAMPLES[:1])
    show = command(actions, "show", SHOW, DELIVERIES_EXAMPLES[1:2])
    show.add_argument("key", metavar="KEY", help="the resource as `list` names it: Flag/<id>, or the id alone")
    retry = command(actions, "retry", RETRY, DELIVERIES_EXAMPLES[2:])
    for action in (listing, retry):
        action.add_argument("--target", metavar="NAME", help="only what this target would not take (`targets.name`)")
        action.add_argument("--reason", metavar="TEXT", help="only for this reason, or the status it begins with: 403")
    retry.add_argument("--id", metavar="KEY", help="only this resource: Flag/<id>, or the id alone")
    retry.add_argument("--because", required=True, type=reason_text, metavar="TEXT", help="why; kept for ever")
    for action in (listing, show, retry):
        action.add_argument(
            "--config", type=Path, metavar="FILE", help="site configuration (YAML), which names the store"
        )
        action.add_argument("--store", type=Path, metavar="DIR", help="folder of the store")
        action.add_argument("--json", action="store_true", help="print the result as JSON")
