"""`troughline run MESSAGE`: how this message is read, field by field, and what comes of it alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from adapter.app.parts import play_parts
from adapter.commands.faults import tell
from adapter.commands.message_file import read_messages, unread
from adapter.commands.run_message import Sources, looks_at
from adapter.commands.run_result import result_of
from adapter.commands.run_text import page_of
from adapter.fhir import dumps
from adapter.settings import Settings, load_settings
from adapter.store.memory_state import MemoryState

BETWEEN = f"\n\n{'=' * 100}\n\n"


def run(options: argparse.Namespace) -> int:
    """0 fine, 1 when a message has an error or waits for a person, 2 when nothing could be read."""
    try:
        raw = read_messages(options.message)
    except OSError as fault:
        print(unread(options.message, fault), file=sys.stderr)
        return 2
    if not raw.strip():
        print(f"{options.message} is empty: there is no message in it to read.", file=sys.stderr)
        return 2
    parts, faults = play_parts(options, MemoryState(), demo=options.config is None)
    tell(faults)
    if parts is None:
        return 2
    looks = looks_at(raw, parts, sources_of(options.config), file=options.message)
    told = [result_of(look, number, parts, trace=options.trace) for number, look in enumerate(looks, start=1)]
    if options.json:
        sys.stdout.write(dumps({"messages": told}, indent=True).decode() + "\n")
    else:
        print(BETWEEN.join(map(page_of, told)))
    return 1 if any(look.has_problems for look in looks) else 0


def sources_of(config: Path | None) -> Sources:
    """What the first MLLP port and HTTP name their facts after."""
    settings = load_settings(config)[0] or Settings()
    return Sources(hl7v2=settings.mllp[0].source if settings.mllp else "default", fhir=settings.http.source)
