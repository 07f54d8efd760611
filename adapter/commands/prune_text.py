"""What `troughline prune` removed, would remove, or removed before: for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapter.domain.times import instant_text
from adapter.store.retention import KINDS, Portion, Prune

SCHEMA = 1
NAMES: Mapping[str, str] = {
    "headers": "headers of messages that do not concern us",
    "archived": "whole messages that do not concern us",
    "copies": "copies between the first and the newest of a message sent again and again",
    "torn": "frames that never ended",
    "answers": "application answers to another address that were told",
    "read": "bytes of messages that were read",
}
NEVER = (
    "Never: messages that wait, were answered AE, resemble ours or are not understood yet; answers that were not told; "
    "facts and findings."
)


@dataclass(slots=True, kw_only=True)
class Told:
    """What one prune came to."""

    at: datetime
    dry_run: bool
    older_than: datetime | None = None
    """None for a store nothing ever came into."""
    read_older_than: datetime | None = None
    counts: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    given_back: int | None = None
    """Bytes the files are smaller by, where they were compacted."""

    def add(self, portions: Iterable[Portion]) -> None:
        """Note portion after portion."""
        for portion in portions:
            self.counts[portion.kind] += portion.count
            self.bytes[portion.kind] += portion.bytes


def tree_of(told: Told) -> dict[str, Any]:
    """Plain values for JSON; every kind is named."""
    return {
        "schema": SCHEMA,
        "at": instant_text(told.at),
        "dry_run": told.dry_run,
        "older_than": _instant(told.older_than),
        "read_older_than": _instant(told.read_older_than),
        "kinds": {kind: {"count": told.counts[kind], "bytes": told.bytes[kind]} for kind in KINDS},
        "bytes": told.bytes.total(),
        "given_back": told.given_back,
    }


def page_of(told: Told) -> str:
    """One line for each kind."""
    return "\n".join(_page(told))


def _page(told: Told) -> Iterator[str]:
    if told.older_than is None:
        yield "Nothing ever came into this store."
        return
    would = "DRY RUN, nothing was removed. Would go" if told.dry_run else "Removed"
    yield f"{would}: what was received before {instant_text(told.older_than)}"
    for kind in KINDS:
        if kind == "read":
            yield f"{told.counts[kind]:>12,}  {NAMES[kind]}, {_read(told)}"
        else:
            yield f"{told.counts[kind]:>12,}  {NAMES[kind]}"
    yield f"{told.bytes.total():>12,}  bytes in all, about"
    if told.given_back is not None:
        yield f"{told.given_back:>12,}  bytes given back to the disk"
    yield NEVER


def _read(told: Told) -> str:
    if told.read_older_than is None:
        return "which stay for ever (read_messages_days is not set)"
    return f"received before {instant_text(told.read_older_than)}"


def history_tree(lines: Sequence[Prune]) -> dict[str, Any]:
    """The audit lines, newest first."""
    return {"schema": SCHEMA, "prunes": [line_tree(line) for line in _newest_first(lines)]}


def line_tree(prune: Prune) -> dict[str, Any]:
    """One audit line."""
    return {
        "at": instant_text(prune.line.at),
        "inbox": prune.inbox,
        "by": prune.line.by,
        "older_than": instant_text(prune.line.older_than),
        "read_older_than": _instant(prune.read_older_than),
        "counts": {kind: prune.counts[kind] for kind in KINDS if kind in prune.counts},
        "bytes": prune.bytes,
    }


def history_page(lines: Sequence[Prune]) -> str:
    """One line for each prune that removed something."""
    return "\n".join(map(line_text, _newest_first(lines))) or "Nothing was ever pruned here."


def line_text(prune: Prune) -> str:
    """`2026-03-10T12:00:00Z inbox by service: headers 1,200 (received before 2025-12-10T12:00:00Z)`."""
    counts = ", ".join(f"{kind} {prune.counts[kind]:,}" for kind in KINDS if kind in prune.counts)
    before = instant_text(prune.line.older_than)
    return f"{instant_text(prune.line.at)} {prune.inbox} by {prune.line.by}: {counts} (received before {before})"


def _newest_first(lines: Sequence[Prune]) -> list[Prune]:
    return sorted(lines, key=lambda prune: prune.line.at, reverse=True)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at)
