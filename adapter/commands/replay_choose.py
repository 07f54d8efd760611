"""Which kept messages are to be read again."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from adapter.app.engine import message_ref
from adapter.app.replaying import in_order
from adapter.commands.store_parts import StoreParts
from adapter.domain.message import Arrival, MessageRef, Stored
from adapter.knowledge.spec import sender_rank
from adapter.store.prunable import emptied
from adapter.store.sqlite_inbox import SqliteInboxReader

PAGE = 500
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


def chosen(store: StoreParts, options: argparse.Namespace) -> Chosen:
    """The messages for which everything holds that was named.

    A FHIR resource is chosen only while it waits in the work list: others are statements of a source about now, and an
    old one must not count as new.
    """
    fits = _fits(options)
    if options.reason is not None:
        return _sorted_out(store, list(_waiting(store, options, fits)))
    found: list[MessageRef] = []
    ahead = 0
    for inbox in store.inboxes:
        understood = store.state.cursor(inbox.name)
        answered = None if options.answered is None else inbox.answered_with(options.answered)
        for stored in _every(inbox):
            if stored.arrival.kind == "hl7v2" and fits(stored.arrival) and (answered is None or stored.seq in answered):
                if stored.seq > understood:
                    ahead += 1
                else:
                    found.append(message_ref(inbox.name, stored))
    return _sorted_out(store, found, ahead)


def _sorted_out(store: StoreParts, found: Sequence[MessageRef], ahead: int = 0) -> Chosen:
    gone = {
        inbox.name: emptied(inbox, [ref.seq for ref in found if ref.inbox == inbox.name]) for inbox in store.inboxes
    }
    return Chosen(
        messages=in_order(ref for ref in found if ref.seq not in gone[ref.inbox]),
        ahead=ahead,
        pruned=in_order(ref for ref in found if ref.seq in gone[ref.inbox]),
    )


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


def _every(inbox: SqliteInboxReader) -> Iterator[Stored]:
    seq = 0
    while page := inbox.after(seq, PAGE):
        yield from page
        seq = page[-1].seq
