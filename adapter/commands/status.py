"""`troughline status`: one screen that says whether anything waits, and for what."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import Any

from adapter.commands.prune_text import line_tree
from adapter.commands.status_read import Status, looked
from adapter.commands.status_text import screen
from adapter.commands.store_parts import CannotRead, Place, opened, place_of
from adapter.domain.times import instant_text

SCHEMA = 1
CLEAR = "\x1b[H\x1b[2J"


def run(options: argparse.Namespace) -> int:
    """0 when the service runs and is ready, 1 when it does not run or is not ready, 2 when the store cannot be read."""
    place = place_of(options.store, options.config)
    if place is None:
        return 2
    try:
        return _watched(place, options) if options.watch else _shown(place, options)
    except BrokenPipeError:  # whoever read our output has seen enough
        raise
    except (CannotRead, OSError) as fault:
        print(fault, file=sys.stderr)
        return 2


def _shown(place: Place, options: argparse.Namespace) -> int:
    with opened(place.folder) as parts:
        status = looked(parts, place.settings)
    print(json.dumps(tree_of(status), indent=2, ensure_ascii=False) if options.json else screen(status))
    return _code(status)


def _watched(place: Place, options: argparse.Namespace) -> int:
    """A screen every some seconds until it is interrupted; with --json one line each."""
    before: Status | None = None
    while True:
        with opened(place.folder) as parts:
            status = looked(parts, place.settings)
        if options.json:
            print(json.dumps(tree_of(status), ensure_ascii=False), flush=True)
        else:
            print(f"{CLEAR if sys.stdout.isatty() else ''}{screen(status, before)}\n", flush=True)
        before = status
        try:
            time.sleep(options.every)
        except KeyboardInterrupt:
            return _code(status)


def _code(status: Status) -> int:
    return int(status.process is None or not (status.ready or {}).get("ok"))


def tree_of(status: Status) -> dict[str, Any]:
    """The look as JSON; times are ISO 8601 in UTC, metrics are left to `/metrics`."""
    counts = status.by("troughline_sender_messages_total", "sender")
    silent = status.by("troughline_sender_silent", "sender")
    return {
        "schema": SCHEMA,
        "at": instant_text(status.at),
        "process": status.process,
        "since": instant_text(status.since) if status.since else None,
        "ready": dict(status.ready) if status.ready is not None else None,
        "restarts": {name: int(n) for name, n in status.by("troughline_process_restarts_total", "process").items()},
        "listeners": dict(status.listeners),
        "inboxes": [asdict(inbox) for inbox in status.inboxes],
        "parked": dict(status.parked),
        "application_answers": {
            name: int(n) for name, n in status.by("troughline_application_answers_waiting", "listener").items()
        },
        "targets": [
            {
                "name": target.name,
                "delivery": target.delivery,
                **{
                    state: target.counts.get(state, 0)
                    for state in ("pending", "sent", "confirmed", "left_out", "parked")
                },
                "oldest": instant_text(target.oldest) if target.oldest else None,
            }
            for target in status.targets
        ],
        "senders": [
            {
                "sender": sender,
                "messages": int(counts.get(sender, 0)),
                "last": _last(status, sender),
                "silent": bool(silent.get(sender)),
            }
            for sender in sorted({*counts, *silent})
        ],
        "polls": [
            {"source": source, "last_complete": instant_text(at)} for source, at in sorted(status.polled.items())
        ],
        "pruned": line_tree(status.pruned) if status.pruned else None,
        "alarms": {reason: int(n) for reason, n in status.by("troughline_alarms_total", "reason").items() if n},
    }


def _last(status: Status, sender: str) -> float | None:
    """When the last message of a sender came, in seconds since 1970."""
    return status.by("troughline_sender_last_message_timestamp_seconds", "sender").get(sender)
