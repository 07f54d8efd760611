"""Which kept messages are to be read again."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from adapter.app.inboxes import message_ref
from adapter.app.parts import Loaded
from adapter.app.replaying import in_order
from adapter.commands.store_parts import StoreParts
from adapter.commands.traffic import every
from adapter.domain.message import Arrival, MessageRef
from adapter.ingest.relevance import RelevanceFilter
from adapter.knowledge.spec import sender_rank
from adapter.settings import DropFolder, MllpListener
from adapter.store.prunable import emptied
from adapter.store.sqlite_inbox import SqliteInboxReader

REMEMBERED = 10_000
ANY = "*"
Fits = Callable[[Arrival], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Messages in the order in which they were kept."""

    messages: tuple[MessageRef, ...]
    ahead: int = 0
    """How many fit and were not understood yet."""
    pruned: tuple[MessageRef, ...] = ()
    """Those that fit and cannot be read again: their bytes were pruned."""
    headers_only: int = 0
    """How many irrelevant messages fit of which the bytes are not there."""


def chosen(store: StoreParts, options: argparse.Namespace, loaded: Loaded) -> Chosen:
    """The messages for which everything holds that was named.

    A FHIR resource is chosen only while it waits in the work list: others are statements of a source about now, and an
    old one must not count as new.
    """
    fits = _irrelevant_until_now(_fits(options), loaded) if options.irrelevant else _fits(options)
    if options.reason is not None:
        return _sorted_out(store, list(_waiting(store, options, fits)))
    found: list[MessageRef] = []
    ahead = 0
    for inbox in store.inboxes:
        understood = store.state.cursor(inbox.name)
        answered = None if options.answered is None else inbox.answered_with(options.answered)
        for stored in every(inbox):
            if stored.arrival.kind == "hl7v2" and fits(stored.arrival) and (answered is None or stored.seq in answered):
                if stored.seq > understood:
                    ahead += 1
                else:
                    found.append(message_ref(inbox.name, stored))
    headers_only = sum(_headers(inbox, options) for inbox in store.inboxes) if options.irrelevant else 0
    return replace(_sorted_out(store, found, ahead), headers_only=headers_only)


def _sorted_out(store: StoreParts, found: Sequence[MessageRef], ahead: int = 0) -> Chosen:
    gone = {
        inbox.name: emptied(inbox, [ref.seq for ref in found if ref.inbox == inbox.name]) for inbox in store.inboxes
    }
    return Chosen(
        messages=in_order(ref for ref in found if ref.seq not in gone[ref.inbox]),
        ahead=ahead,
        pruned=in_order(ref for ref in found if ref.seq in gone[ref.inbox]),
    )


def _irrelevant_until_now(fits: Fits, loaded: Loaded) -> Fits:
    """Archived whole because they did not concern us, and they do with the tables of now."""
    settings = loaded.settings
    doors: list[MllpListener | DropFolder] = [*settings.mllp, *settings.drop_folders]
    filters = {
        door.name: RelevanceFilter(loaded.knowledge, REMEMBERED, default_charset=door.default_charset) for door in doors
    }
    otherwise = RelevanceFilter(loaded.knowledge, REMEMBERED)

    def fits_now(arrival: Arrival) -> bool:
        if arrival.relevance != "irrelevant" or not fits(arrival):
            return False
        return filters.get(arrival.listener, otherwise).judge(arrival.raw).relevance != "irrelevant"

    return fits_now


def _headers(inbox: SqliteInboxReader, options: argparse.Namespace) -> int:
    found = inbox.headers_by_sender(control_id=options.control_id, since=options.since, until=options.until)
    return sum(n for sender, n in found.items() if options.sender is None or sender_rank(options.sender, sender) > 0)


def _waiting(store: StoreParts, options: argparse.Namespace, fits: Fits) -> Iterator[MessageRef]:
    inboxes = {inbox.name: inbox for inbox in store.inboxes}
    for parked in store.state.parked_messages(None if options.reason == ANY else options.reason):
        ref = parked.message
        inbox = inboxes[ref.inbox]
        if _still_fits(inbox, ref, fits) and (
            options.answered is None or ref.seq in inbox.answered_with(options.answered)
        ):
            yield ref


def _still_fits(inbox: SqliteInboxReader, ref: MessageRef, fits: Fits) -> bool:
    """Whether a message fits; one whose bytes are gone does, so that it is told."""
    try:
        return fits(inbox.get(ref.seq).arrival)
    except KeyError:
        return True


def _fits(options: argparse.Namespace) -> Fits:
    def fits(arrival: Arrival) -> bool:
        return (
            options.control_id in (None, arrival.control_id)
            and (options.sender is None or _sent_by(options.sender, arrival))
            and (options.since is None or arrival.received_at >= options.since)
            and (options.until is None or arrival.received_at < options.until)
        )

    return fits


def _sent_by(pattern: str, arrival: Arrival) -> bool:
    return arrival.kind == "hl7v2" and sender_rank(pattern, arrival.sender) > 0
