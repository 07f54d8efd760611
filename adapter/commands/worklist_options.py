"""Options of `worklist`; nothing else is imported here, so that --help stays fast."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from adapter.commands.coverage_options import since_option
from adapter.commands.knowledge_options import mappings_option

Parsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - argparse names no public one
Command = Callable[[Parsers, str, str, Sequence[str]], argparse.ArgumentParser]

WORKLIST = "Work through the messages that wait for a table row, a patient or a person (ACTION says what)."
WORKLIST_EXAMPLES = (
    "troughline worklist list --config troughline.yaml",
    "troughline worklist show inbox/412 --config troughline.yaml",
    "troughline worklist release inbox/412 --config troughline.yaml --because 'row for HOSP2 added'",
    "troughline worklist discard inbox/413 --config troughline.yaml --because 'test message of the laboratory'",
    "troughline worklist history --config troughline.yaml --json",
)
LIST = "Every message that waits, by reason: since when, whose, at which place, and the table row that is missing."
SHOW = "Everything that is known of one message that waits, and what to do about it."
RELEASE = "Read messages of the work list again with the tables of now, and say what came of it."
DISCARD = "Take messages out of the work list without any effect; their bytes stay."
HISTORY = "Every release and every discard: who, when, why, and what came of it; the newest first."


def worklist_options(
    parser: argparse.ArgumentParser, command: Command, knowledge: Callable[[argparse.ArgumentParser], None]
) -> None:
    """The actions of `worklist`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = command(actions, "list", LIST, WORKLIST_EXAMPLES[:1])
    listing.add_argument("--reason", metavar="PROBLEM", help="only what waits for this problem")
    show = command(actions, "show", SHOW, WORKLIST_EXAMPLES[1:2])
    show.add_argument("place", type=_place, metavar="INBOX/SEQ", help="the message, as `list` names it")
    release = command(actions, "release", RELEASE, WORKLIST_EXAMPLES[2:3])
    discard = command(actions, "discard", DISCARD, WORKLIST_EXAMPLES[3:4])
    for action in (release, discard):
        action.add_argument(
            "places", type=_place, nargs="+", metavar="INBOX/SEQ", help="messages, as `list` names them"
        )
        action.add_argument("--because", required=True, type=reason_text, metavar="TEXT", help="why; kept for ever")
    history = command(actions, "history", HISTORY, WORKLIST_EXAMPLES[4:])
    for action in (listing, show, release, discard, history):
        action.add_argument(
            "--config", type=Path, metavar="FILE", help="site configuration (YAML), which names the store"
        )
        action.add_argument("--store", type=Path, metavar="DIR", help="folder of the store")
        action.add_argument("--json", action="store_true", help="print the result as JSON")
    for action in (listing, show):
        mappings_option(action)
    knowledge(release)


GAPS = "Codes that were seen and stand in no table: who sends them, how often, since when, and the rows to add."
GAPS_EXAMPLES = (
    "troughline gaps --config troughline.yaml",
    "troughline gaps --config troughline.yaml --since 2026-03-01T00:00:00+01:00 --json",
    "troughline gaps my-messages --mappings our-tables",
)


def gaps_options(parser: argparse.ArgumentParser, instant: Callable[[str], datetime]) -> None:
    """The options of `gaps`."""
    parser.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="its *.hl7 and *.json, not a store")
    parser.add_argument("--config", type=Path, metavar="FILE", help="site configuration (YAML), which names the store")
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the store")
    parser.add_argument(
        "--since", type=since_option(instant), metavar="TIME", help="received at or after: 7d, ISO 8601 with offset"
    )
    parser.add_argument("--all", action="store_true", help="list codes of other tests too, which resemble none of ours")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    mappings_option(parser)


def _place(text: str) -> tuple[str, int]:
    inbox, _, seq = text.rpartition("/")
    if not inbox or not (seq.isascii() and seq.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no place of a message; write it as `list` does: inbox/412")
    return inbox, int(seq)


def reason_text(text: str) -> str:
    """Why something is done, in words; refuses an empty text."""
    if not text.strip():
        raise argparse.ArgumentTypeError("say why, in words somebody understands in a year")
    return text.strip()
