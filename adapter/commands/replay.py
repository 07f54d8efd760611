"""`troughline replay`: kept messages read again with the tables of now, first on a copy, then in the store."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial

from adapter.app.parts import Instructions, Loaded, read_everything
from adapter.commands.faults import tell
from adapter.commands.replay_apply import applied
from adapter.commands.replay_choose import Chosen, chosen
from adapter.commands.replay_dry import tried
from adapter.commands.replay_text import page_of_result, page_of_trial, pruned_text
from adapter.commands.store_parts import StoreParts, done_on, opened
from adapter.domain.message import MessageRef

CHOICES = ("reason", "answered", "control_id", "sender", "since", "until", "irrelevant")


def run(options: argparse.Namespace) -> int:
    """0 read again, 1 when nothing was chosen, messages wait or cannot be read again, 2 when it could not be done."""
    wrong = _misuse(options)
    if wrong:
        print(wrong, file=sys.stderr)
        return 2
    loaded = _loaded(options)
    if loaded is None:
        return 2
    return done_on(loaded.settings.store, partial(_read_again, loaded, options))


def _read_again(loaded: Loaded, options: argparse.Namespace) -> int:
    with opened(loaded.settings.store) as store:
        found = chosen(store, options, loaded)
        _say_left_out(found)
        if not found.messages and found.pruned:
            return 1
        if not found.messages:
            print("No message that was understood fits; nothing was read again.", file=sys.stderr)
            return 1
        return _apply(loaded, found, options) if options.apply else _try(loaded, store, found, options)


def _misuse(options: argparse.Namespace) -> str | None:
    if not any(getattr(options, choice) for choice in CHOICES):
        return (
            "Say which messages: --reason, --answered, --control-id, --sender, --since, --until or --irrelevant "
            "(see --help)."
        )
    if options.irrelevant and (options.reason or options.answered):
        return "--irrelevant goes without --reason and --answered: such messages do not wait, and no answer is noted."
    if options.config is None and options.store is None:
        return "Name the store: --config FILE that names it, or --store DIR."
    if options.apply and not (options.because or "").strip():
        return "--apply needs --because TEXT: the reason is kept beside the result."
    if options.sender is not None and options.sender.count("|") != 1:
        return "--sender takes MSH-3|MSH-4, either part *; for example 'LIS|*'."
    return None


def _loaded(options: argparse.Namespace) -> Loaded | None:
    loaded, faults = read_everything(Instructions.from_options(options))
    tell(faults)
    return loaded


def _say_left_out(found: Chosen) -> None:
    if found.ahead:
        print(f"{found.ahead} that fit were not understood yet: they will be, by themselves.", file=sys.stderr)
    if found.pruned:
        print(pruned_text(found.pruned), file=sys.stderr)
    if found.headers_only:
        one = found.headers_only == 1
        of = "irrelevant message that fits" if one else "irrelevant messages that fit"
        text = f"{found.headers_only} {of}: only the header is kept (archive_irrelevant)"
        print(f"{text}. The sender would have to send {'it' if one else 'them'} again.", file=sys.stderr)


def _try(loaded: Loaded, store: StoreParts, found: Chosen, options: argparse.Namespace) -> int:
    trial = tried(loaded, store, found.messages)
    told = {**trial.as_dict(), "pruned": _places(found.pruned)}
    print(json.dumps(told, indent=2, ensure_ascii=False) if options.json else page_of_trial(trial))
    return int(trial.tally.waiting > 0 or _missed(found, trial.tally.unreadable))


def _apply(loaded: Loaded, found: Chosen, options: argparse.Namespace) -> int:
    result = applied(loaded, found.messages, options.because.strip())
    if result is None:
        return 2
    if "refused" in result:
        print(f"Nothing was done: {result['refused']}.", file=sys.stderr)
        return 2
    result = {**result, "pruned": _places(found.pruned)}
    print(json.dumps(result, indent=2, ensure_ascii=False) if options.json else page_of_result(result))
    return int(result["waiting"] > 0 or _missed(found, result.get("unreadable", 0)))


def _missed(found: Chosen, unreadable: int) -> bool:
    """Whether messages could not be read again; those that were pruned since they were chosen are told here."""
    if unreadable:
        print(f"{unreadable} more were pruned meanwhile and could not be read again.", file=sys.stderr)
    return bool(found.pruned or unreadable)


def _places(messages: Sequence[MessageRef]) -> list[dict[str, str | int]]:
    return [{"inbox": ref.inbox, "seq": ref.seq, "control_id": ref.control_id} for ref in messages]
