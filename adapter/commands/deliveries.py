"""`troughline deliveries`: what targets would not take, and sending it again."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from adapter.app.asking import DONE
from adapter.app.retrying import FOLDER, Retries, Retry, ask_to_retry, is_named, why_not
from adapter.app.user_name import user_name
from adapter.commands.asked import done_by_whom_it_falls_to, request_id
from adapter.commands.deliveries_text import page_of_list, page_of_one, page_of_retry
from adapter.commands.shadow_read import known_targets, unknown_target
from adapter.commands.store_parts import STATE_FILE, Place, done_at_place, opened
from adapter.domain.times import instant_text
from adapter.store.private_json import read_object
from adapter.store.sqlite_state import SqliteState
from adapter.store.state_parked_deliveries import Delivered

SCHEMA = 1


def run(options: argparse.Namespace) -> int:
    """0 nothing is held back or all is owed again, 1 something is or is not there, 2 when it could not be done."""
    return done_at_place(options, _acted)


def _acted(place: Place, options: argparse.Namespace) -> int:
    target = getattr(options, "target", None)
    if target is not None:
        with opened(place.folder) as store:
            known = known_targets(store, place.settings)
        if target not in known:
            print(unknown_target(target, known), file=sys.stderr)
            return 2
    match options.action:
        case "list":
            return _list(place, options)
        case "show":
            return _show(place, options)
        case _:
            return _retry(place, options)


def _list(place: Place, options: argparse.Namespace) -> int:
    with opened(place.folder) as store:
        held = store.state.parked_deliveries()
    held = [one for one in held if options.target in (None, one.target)]
    held = [one for one in held if options.reason is None or is_named(one.reason, options.reason)]
    tree = {"schema": SCHEMA, "parked": len(held), "resources": [_told(one) for one in held]}
    _print(tree, page_of_list(held, _now()), options)
    return int(bool(held))


def _show(place: Place, options: argparse.Namespace) -> int:
    kind, _, own = options.key.rpartition("/")
    with opened(place.folder) as store:
        found = [one for one in store.state.deliveries_of(own) if kind in ("", one.resource_type)]
    if not found:
        print(
            "No target is owed, or was sent, such a resource; `troughline find` names those of a message.",
            file=sys.stderr,
        )
        return 1
    lines = [line for line in _audit_lines(place.folder) if _is_about(line, found[0].key)]
    tree = {"schema": SCHEMA, "deliveries": [_told(one) for one in found], "history": lines}
    _print(tree, page_of_one(found, lines, _now()), options)
    return 0


def _retry(place: Place, options: argparse.Namespace) -> int:
    now = _now()
    retry = Retry(
        id=request_id(now),
        asked_at=instant_text(now),
        by=user_name(),
        because=options.because,
        target=options.target,
        reason=options.reason,
        key=options.id,
    )
    with opened(place.folder) as store:
        if not any(retry.fits(one) for one in store.state.parked_deliveries()):
            print("No target holds back what fits; `troughline deliveries list` names what is.", file=sys.stderr)
            return 1
    result = _retried(place.folder, retry)
    if result is None:
        return 2
    _print(result, page_of_retry(result), options)
    return int(bool(result["refused"]) or not result["retried"])


def _retried(store: Path, retry: Retry) -> dict[str, Any] | None:
    def here() -> None:
        with closing(SqliteState(store / STATE_FILE)) as state:
            Retries(store, state, _now, lambda: None).look()

    return done_by_whom_it_falls_to(store, partial(ask_to_retry, store, retry), here)


def _audit_lines(store: Path) -> list[dict[str, Any]]:
    """Every retry that was done, the newest first; a file nobody can read is passed over."""
    found = (read_object(file) for file in sorted((store / FOLDER).glob(f"*{DONE}"), reverse=True))
    return [one for one in found if one and {"retried", "refused", "by", "because", "done_at"} <= one.keys()]


def _is_about(line: Mapping[str, Any], key: str) -> bool:
    return any(one[1] == key for one in (*line["retried"], *line["refused"]))


def _told(one: Delivered) -> dict[str, Any]:
    return {
        "target": one.target,
        "resource": one.key,
        "kind": one.kind,
        "state": one.state,
        "reason": one.reason,
        "attempts": one.attempts,
        "since": instant_text(one.queued_at),
        "retry_at": instant_text(one.retry_at) if one.retry_at else None,
        "strategy": one.strategy,
        "remote_id": one.remote_id,
        "remote_version": one.remote_version,
        "kept_as_it_is": why_not(one),
    }


def _print(tree: Mapping[str, Any], page: str, options: argparse.Namespace) -> None:
    print(json.dumps(tree, indent=2, ensure_ascii=False) if options.json else page)


def _now() -> datetime:
    return datetime.now(UTC)
