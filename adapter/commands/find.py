"""`troughline find`: where a message is: received, understood, delivered."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from adapter.commands.find_text import page_of
from adapter.commands.find_tree import Found, tree_of
from adapter.commands.store_parts import CannotRead, Place, StoreParts, opened, place_of
from adapter.commands.worklist_history import audit_lines, discards_of
from adapter.domain.identities import Group
from adapter.domain.message import Header
from adapter.settings import Settings
from adapter.store.journey import FactRead, Journey

KEYS = ("control_id", "patient", "filler")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is looked for; exactly one of them is given."""

    control_id: str | None
    patient: str | None
    filler: str | None


def run(options: argparse.Namespace) -> int:
    """0 found, 1 nothing found, 2 when the store cannot be read."""
    asked = Asked(**{key: getattr(options, key) for key in KEYS})
    place = place_of(options.store, options.config)
    if place is None:
        return 2
    try:
        with opened(place.folder) as store:
            journeys, headers = _searched(store, asked)
            if options.raw:
                return _print_raw(store, journeys)
            merged = store.state.group(asked.patient) if asked.patient is not None else ()
            found = _found(asked, journeys, headers, place, merged if len(merged) > 1 else ())
    except CannotRead as fault:
        print(fault, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(tree_of(found), indent=2, ensure_ascii=False))
    else:
        print(page_of(found))
    return 0 if found.journeys or found.headers else 1


def _found(asked: Asked, journeys: Sequence[Journey], headers: Sequence[Header], place: Place, merged: Group) -> Found:
    settings = place.settings
    return Found(
        by=next(key for key in KEYS if getattr(asked, key) is not None),
        journeys=tuple(journeys),
        headers=tuple(headers),
        archives=_archives(settings),
        shadows=frozenset(t.name for t in settings.targets if t.delivery == "shadow") if settings else frozenset(),
        targets=tuple(target.name for target in settings.targets) if settings else None,
        discards=discards_of(audit_lines(place.folder)),
        merged=merged,
    )


def _searched(store: StoreParts, asked: Asked) -> tuple[list[Journey], list[Header]]:
    """How far each message got, and the headers of irrelevant ones."""
    headers: list[Header] = []
    if asked.control_id is not None:
        found = [inbox.with_control_id(asked.control_id) for inbox in store.inboxes]
        received = [one for kept, _ in found for one in kept]
        headers = [header for _, irrelevant in found for header in irrelevant]
        facts = store.state.facts_from([one.digest for one in received])
    else:
        facts = store.state.facts_of(patient=asked.patient, filler=asked.filler)
        origins = list(dict.fromkeys(fact.origin for fact in facts))
        received = [one for inbox in store.inboxes for one in inbox.with_digests(origins)]
    by_origin = _by_origin(facts)
    ordered = sorted(received, key=lambda one: (one.received_at, one.inbox, one.seq))
    return [store.state.journey(one, by_origin.get(one.digest, ())) for one in ordered], headers


def _by_origin(facts: Iterable[FactRead]) -> Mapping[str, list[FactRead]]:
    found: dict[str, list[FactRead]] = {}
    for fact in facts:
        found.setdefault(fact.origin, []).append(fact)
    return found


def _archives(settings: Settings | None) -> Mapping[str, str] | None:
    """What each listener keeps of messages that do not concern us; None where no configuration was named."""
    if settings is None:
        return None
    return {listener.name: listener.archive_irrelevant for listener in settings.mllp}


def _print_raw(store: StoreParts, journeys: Sequence[Journey]) -> int:
    """The bytes as they came, a line feed between two messages; 1 where some or all are no longer kept."""
    inboxes = {inbox.name: inbox for inbox in store.inboxes}
    kept = [one.received for one in journeys if one.received.pruned_at is None]
    sys.stdout.buffer.write(b"\n".join(inboxes[one.inbox].get(one.seq).arrival.raw for one in kept))
    sys.stdout.buffer.flush()
    for one in (journey.received for journey in journeys):
        if one.pruned_at is not None:
            place, day = f"place {one.seq} of {one.inbox}", one.pruned_at.date().isoformat()
            print(f"The bytes of {place} were pruned on {day} (read_messages_days).", file=sys.stderr)
    return 0 if kept and len(kept) == len(journeys) else 1
