"""`troughline worklist`: what waits for a table row, a patient or a person; released, or discarded with a reason."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapter.app.parts import Instructions, read_everything
from adapter.commands.faults import tell
from adapter.commands.store_parts import Place, StoreParts, done_at_place, opened
from adapter.commands.worklist_change import Change, discarded, released
from adapter.commands.worklist_history import AuditLine, audit_lines, history_page, place_text
from adapter.commands.worklist_read import Site, Waiting, looked_at, site_with, work_list
from adapter.commands.worklist_text import advice_of, page_of_list, page_of_one, title_of
from adapter.domain.problems import KINDS
from adapter.domain.times import instant_text
from adapter.knowledge.text_yaml import did_you_mean
from adapter.settings import Settings
from adapter.store.journey import Received

SCHEMA = 1


def run(options: argparse.Namespace) -> int:
    """0 nothing waits or all is done, 1 something waits or is not there, 2 when it could not be done."""
    return done_at_place(options, _acted)


def _acted(place: Place, options: argparse.Namespace) -> int:
    match options.action:
        case "list":
            return _list(place, options)
        case "show":
            return _show(place, options)
        case "release":
            return _release(options)
        case "discard":
            return _changed(discarded(place.folder, options.places, options.because), options)
        case _:
            return _history(place, options)


def _site(place: Place, options: argparse.Namespace) -> Site | None:
    return site_with(place.settings or Settings(), options.mappings)


def _list(place: Place, options: argparse.Namespace) -> int:
    if options.reason is not None and options.reason not in KINDS:
        print(f"There is no problem '{options.reason}'{did_you_mean(options.reason, KINDS)}", file=sys.stderr)
        return 2
    site = _site(place, options)
    if site is None:
        return 2
    with opened(place.folder) as store:
        waiting = work_list(store, site, options.reason)
    now = _now()
    reasons = dict.fromkeys(one.parked.reason for one in waiting)
    tree = {
        "schema": SCHEMA,
        "waiting": len(waiting),
        "reasons": [{"reason": one, "title": title_of(one), "advice": advice_of(one)} for one in reasons],
        "messages": [one.as_dict(now) for one in waiting],
    }
    _print(tree, page_of_list(waiting, now), options)
    return int(bool(waiting))


def _show(place: Place, options: argparse.Namespace) -> int:
    site = _site(place, options)
    if site is None:
        return 2
    with opened(place.folder) as store:
        one = looked_at(store, site, options.place)
        lines = [line for line in audit_lines(place.folder) if options.place in line.messages]
        if one is None:
            _tell_not_waiting(options.place, lines)
            return 1
        received = _received(store, one)
    now = _now()
    tree = {
        "schema": SCHEMA,
        **one.as_dict(now),
        "title": title_of(one.parked.reason),
        "advice": advice_of(one.parked.reason),
        "problems": [
            {"code": found.code, "severity": found.severity, "where": found.where, "text": found.text}
            for found in one.parked.problems
        ],
        "received_at": instant_text(one.arrival.received_at),
        "listener": one.arrival.listener,
        "answer": received.answer if received else None,
        "size": len(one.arrival.raw),
        "digest": one.arrival.digest,
        "history": [line.as_dict() for line in lines],
    }
    _print(tree, page_of_one(one, received, lines, now), options)
    return 0


def _received(store: StoreParts, one: Waiting) -> Received | None:
    """How an HL7 message was answered; a FHIR resource is answered over HTTP, which nothing remembers."""
    message = one.parked.message
    if one.arrival.kind != "hl7v2":
        return None
    inbox = next(inbox for inbox in store.inboxes if inbox.name == message.inbox)
    found, _ = inbox.with_control_id(message.control_id)
    return next((received for received in found if received.seq == message.seq), None)


def _tell_not_waiting(place: tuple[str, int], lines: Sequence[AuditLine]) -> None:
    told = f"No message at {place_text(place)} waits in the work list; `troughline worklist list` names those that do."
    print(told, file=sys.stderr)
    if lines:
        print(history_page(lines), file=sys.stderr)


def _release(options: argparse.Namespace) -> int:
    loaded, faults = read_everything(Instructions.from_options(options))
    tell(faults)
    if loaded is None:
        return 2
    return _changed(released(loaded, options.places, options.because), options)


def _changed(change: Change | None, options: argparse.Namespace) -> int:
    """Says what came of it; None was told already."""
    if change is None:
        return 2
    if change.not_waiting and not change.done:
        named = ", ".join(change.not_waiting)
        print(f"Nothing was done: {named}: no such message waits in the work list.", file=sys.stderr)
        return 1
    _print({"schema": SCHEMA, **change.as_dict()}, change.page(), options)
    return change.exit_code


def _history(place: Place, options: argparse.Namespace) -> int:
    with opened(place.folder):
        lines = audit_lines(place.folder)
    tree = {"schema": SCHEMA, "history": [line.as_dict() for line in lines]}
    _print(tree, history_page(lines), options)
    return 0


def _print(tree: Mapping[str, Any], page: str, options: argparse.Namespace) -> None:
    print(json.dumps(tree, indent=2, ensure_ascii=False) if options.json else page)


def _now() -> datetime:
    return datetime.now(UTC)
