"""Releasing and discarding messages of the work list: by the running service, or here when none runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from adapter.app.discarding import Discard, Discards, ask_to_discard
from adapter.app.inboxes import message_ref
from adapter.app.parts import Loaded
from adapter.app.replaying import in_order
from adapter.app.user_name import user_name
from adapter.commands.asked import done_by_whom_it_falls_to, request_id
from adapter.commands.replay_apply import applied
from adapter.commands.store_parts import STATE_FILE, StoreParts, opened
from adapter.commands.worklist_history import audit_lines, discards_of, place_text
from adapter.commands.worklist_read import with_places
from adapter.domain.message import MessageRef, Parked
from adapter.domain.times import instant_text
from adapter.store.sqlite_state import SqliteState


@dataclass(frozen=True, slots=True, kw_only=True)
class CameOf:
    """What came of one message."""

    place: str
    waits: str | None = None
    """The reason for which it goes on waiting."""
    where: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()

    def line(self) -> str:
        """`inbox/412 left the work list: ActivityMeasured`"""
        if self.waits:
            places = ", ".join(self.where)
            return f"{self.place} waits on: {self.waits}{f' at {places}' if places else ''}"
        return f"{self.place} left the work list: {', '.join(self.facts) or 'no fact was read from it'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to messages of the work list, and what came of it."""

    done: str | None
    """`released` or `discarded`; None when nothing was done."""
    result: dict[str, Any] = field(default_factory=dict)
    """As it is kept in the store."""
    messages: tuple[CameOf, ...] = ()
    not_waiting: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 when any of the messages waits on, or waited no longer."""
        return int(bool(self.not_waiting) or any(one.waits for one in self.messages))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        came = [
            {"place": one.place, "waits": one.waits, "where": list(one.where), "facts": list(one.facts)}
            for one in self.messages
        ]
        kept = {key: self.result[key] for key in ("id", "by", "because", "done_at")}
        return {"done": self.done, **kept, "messages": came, "not_waiting": list(self.not_waiting)}

    def page(self) -> str:
        """One line for each message."""
        lines = [f"{one.place} discarded" if self.done == "discarded" else one.line() for one in self.messages]
        lines += [f"{place} waited no longer" for place in self.not_waiting]
        return "\n".join([*lines, "Kept as an audit line: `troughline worklist history`."])


def released(loaded: Loaded, places: Sequence[tuple[str, int]], because: str) -> Change | None:
    """Read messages again with the tables of now, which also takes a discard back; None when it could not be done."""
    store = loaded.settings.store
    with opened(store) as parts:
        waiting, absent = with_places(parts, places)
        taken_back, absent = _discarded_before(parts, absent)
    if absent:
        return Change(done=None, not_waiting=tuple(place_text(one) for one in absent))
    messages = in_order([*(one.message for one in waiting), *taken_back])
    result = applied(loaded, messages, because, released=True)
    if result is None:
        return None
    if "refused" in result:
        print(f"Nothing was done: {result['refused']}.", file=sys.stderr)
        return None
    with opened(store) as parts:
        after, _ = with_places(parts, places)
        waits_on = {one.message: one for one in after}
        came = tuple(_came_of(parts, one, waits_on.get(one)) for one in messages)
    return Change(done="released", result=result, messages=came)


def _discarded_before(
    parts: StoreParts, places: Sequence[tuple[str, int]]
) -> tuple[list[MessageRef], list[tuple[str, int]]]:
    """Those of these messages that were discarded, and the places of the others."""
    discards = discards_of(audit_lines(parts.folder))
    inboxes = {inbox.name: inbox for inbox in parts.inboxes}
    found: list[MessageRef] = []
    for inbox, seq in places:
        with suppress(KeyError):  # its bytes went with their age
            found += [message_ref(inbox, inboxes[inbox].get(seq))] if (inbox, seq) in discards else []
    kept = {(one.inbox, one.seq) for one in found}
    return found, [one for one in places if one not in kept]


def discarded(store: Path, places: Sequence[tuple[str, int]], because: str) -> Change | None:
    """Take messages out of the work list; None, with the reason on stderr, when it could not be done."""
    with opened(store) as parts:
        waiting, absent = with_places(parts, places)
    if absent:
        return Change(done=None, not_waiting=tuple(place_text(one) for one in absent))
    now = _now()
    discard = Discard(
        id=request_id(now),
        asked_at=instant_text(now),
        by=user_name(),
        because=because,
        messages=in_order(one.message for one in waiting),
    )
    result = _discarded_by_whom_it_falls_to(store, discard)
    if result is None:
        return None
    return Change(
        done="discarded",
        result=result,
        messages=tuple(CameOf(place=place_text((i, s))) for i, s in result["discarded"]),
        not_waiting=tuple(place_text((i, s)) for i, s in result["not_waiting"]),
    )


def _discarded_by_whom_it_falls_to(store: Path, discard: Discard) -> dict[str, Any] | None:
    def here() -> None:
        with closing(SqliteState(store / STATE_FILE)) as state:
            Discards(store, state, _now).look()

    return done_by_whom_it_falls_to(store, partial(ask_to_discard, store, discard), here)


def _came_of(parts: StoreParts, message: MessageRef, waits_on: Parked | None) -> CameOf:
    place = place_text((message.inbox, message.seq))
    if waits_on:
        where = tuple(p.where for p in waits_on.problems if p.where and p.code == waits_on.reason)
        return CameOf(place=place, waits=waits_on.reason, where=where)
    facts = parts.state.facts_from([message.digest]) if message.digest else []
    return CameOf(place=place, facts=tuple(dict.fromkeys(fact.kind for fact in facts)))


def _now() -> datetime:
    return datetime.now(UTC)
