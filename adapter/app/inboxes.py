"""The inboxes as the engine reads them, and where a kept message lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from adapter.domain.message import MessageRef, Stored


class Readable(Protocol):
    """An inbox the engine reads."""

    name: str

    def after(self, seq: int, limit: int) -> list[Stored]:
        """The next messages behind a place."""

    def get(self, seq: int) -> Stored:
        """One message."""

    def last_seq(self) -> int:
        """The newest place."""

    def with_contents(self, source: str, digests: Sequence[str]) -> list[Stored]:
        """The FHIR messages of a source with these digests whose bytes are kept, each content once, in order."""


def message_ref(inbox: str, stored: Stored) -> MessageRef:
    """Where a kept message lies and what Provenance may say of it."""
    arrival = stored.arrival
    return MessageRef(
        inbox=inbox,
        seq=stored.seq,
        source=arrival.source,
        sender=arrival.sender,
        control_id=arrival.control_id,
        digest=arrival.digest,
        file=arrival.file,
    )


def reader(inboxes: Sequence[Readable]) -> Callable[[MessageRef], Stored]:
    """Read a kept message again, wherever it lies."""
    by_name: Mapping[str, Readable] = {inbox.name: inbox for inbox in inboxes}

    def read(ref: MessageRef) -> Stored:
        return by_name[ref.inbox].get(ref.seq)

    return read


def finder(inboxes: Sequence[Readable]) -> Callable[[str, Sequence[str]], list[MessageRef]]:
    """Where the FHIR messages of a source with some digests lie."""

    def holding(source: str, digests: Sequence[str]) -> list[MessageRef]:
        return [message_ref(inbox.name, stored) for inbox in inboxes for stored in inbox.with_contents(source, digests)]

    return holding
