"""`troughline reload`: the running service takes the mappings and policies as their files say now."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from adapter.app.reloading import Request, ask_to_reload
from adapter.app.user_name import user_name
from adapter.commands.asked import NOT_FINISHED, request_id, result_of_the_service
from adapter.commands.check_store import lock_holder
from adapter.commands.faults import tell
from adapter.commands.reload_text import page
from adapter.commands.store_parts import CannotRead, Place, done_on, opened, place_of
from adapter.domain.times import instant_text
from adapter.knowledge.text_yaml import Fault


def run(options: argparse.Namespace) -> int:
    """0 when they are taken or were already, 1 when there are faults, 2 when no service could be asked."""
    if options.store is None and options.config is None:
        print("Name the store: --store DIR, or --config FILE that names it.", file=sys.stderr)
        return 2
    # Beside --store a configuration with faults keeps nobody from asking: the service tells them, and that it goes on.
    place = Place(folder=options.store, settings=None) if options.store else place_of(None, options.config)
    if place is None:
        print("The service was not asked and goes on as it is.", file=sys.stderr)
        return 1
    if lock_holder(place.folder) is None:
        print(f"No service runs on {place.folder}; one that starts reads the files as they are then.", file=sys.stderr)
        return 2
    return done_on(place.folder, partial(_reload, place.folder, options))


def _reload(folder: Path, options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    request = Request(id=request_id(now), asked_at=instant_text(now), by=user_name())
    result = result_of_the_service(folder, ask_to_reload(folder, request), partial(_waiting, folder))
    if result is None:
        return 2
    if options.json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        _tell(result)
    return int(result["result"] == "failed")


def _waiting(folder: Path) -> str:
    """Why it takes so long: core reads what came in before with what judged it."""
    try:
        with opened(folder) as store:
            left = sum(max(inbox.last_seq() - store.state.cursor(inbox.name), 0) for inbox in store.inboxes)
    except CannotRead:
        return NOT_FINISHED
    return f"{left:,} messages wait to be read, those from before the reload first. {NOT_FINISHED}"


def _tell(result: dict[str, Any]) -> None:
    told = page(result)
    if result["result"] == "failed":
        print(told, file=sys.stderr)
        return
    tell([Fault(**fault) for fault in result["faults"]])
    print(told)
