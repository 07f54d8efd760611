"""What targets would not take, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapter.app.retrying import why_not
from adapter.commands.status_text import told_s
from adapter.domain.times import instant_text
from adapter.store.state_parked_deliveries import Delivered

SHOWN = 50
EMPTY = "No target holds anything back."


def page_of_list(held: Sequence[Delivered], now: datetime) -> str:
    """Every target and reason with its resources, the most frequent first."""
    groups: dict[tuple[str, str], list[Delivered]] = {}
    for one in held:
        groups.setdefault((one.target, one.reason or "no reason is known"), []).append(one)
    parts = [_group(*name, of_it, now) for name, of_it in sorted(groups.items(), key=lambda item: -len(item[1]))]
    return "\n\n".join("\n".join(part) for part in parts) or EMPTY


def _group(target: str, reason: str, held: Sequence[Delivered], now: datetime) -> Iterator[str]:
    longest = told_s((now - held[0].queued_at).total_seconds())
    yield f"{target}, {reason}: {len(held)}, the longest for {longest}"
    yield from (f"  {one.key}" for one in held[:SHOWN])
    if len(held) > SHOWN:
        yield f"  and {len(held) - SHOWN} more (--json has all)"
    why = why_not(held[0])
    yield f"  -> {f'stays as it is: {why}' if why else 'mend what the target says, then `troughline deliveries retry`'}"


def page_of_one(found: Sequence[Delivered], lines: Sequence[Mapping[str, Any]], now: datetime) -> str:
    """One resource at every target, and who had it sent again."""
    return "\n".join(
        [found[0].key, *(line for one in found for line in _one(one, now)), *_history(lines, found[0].key)]
    )


def _one(one: Delivered, now: datetime) -> Iterator[str]:
    since = told_s((now - one.queued_at).total_seconds())
    yield f"  {one.target}: {one.state}, last owed {since} ago, attempts: {one.attempts}"
    if one.reason:
        yield f"    it was said: {one.reason}"
    if one.retry_at:
        yield f"    tried again at {instant_text(one.retry_at)}"
    if one.remote_id:
        version = f", version {one.remote_version}" if one.remote_version else ""
        yield f"    stands there as {one.resource_type}/{one.remote_id}{version} ({one.strategy})"
    if one.state == "parked":
        yield f"    -> {why_not(one) or 'mend what the target says, then `troughline deliveries retry`'}"


def _history(lines: Sequence[Mapping[str, Any]], key: str) -> Iterator[str]:
    for line in lines:
        retried = any(one[1] == key for one in line["retried"])
        yield f"{line['done_at']} {'sent again' if retried else 'not sent again'}, asked by {line['by']}"
        yield f"  because: {line['because']}"


def page_of_retry(result: Mapping[str, Any]) -> str:
    """How many are owed again, and what stays as it is."""
    lines = [f"{len(result['retried'])} owed again; `troughline deliveries list` tells what is refused again."]
    for target, key, why in result["refused"][:SHOWN]:
        lines.append(f"{target} {key} stays: {why}")
    if len(result["refused"]) > SHOWN:
        lines.append(f"and {len(result['refused']) - SHOWN} more stay (--json has all)")
    lines.append(f"Kept as an audit line: retries/{result['id']}.done.json in the store.")
    return "\n".join(lines)
