"""What must be written so that a FHIR server holds what the findings want: create, update, close, retract, nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from adapter.domain.outputs import Change, Operation, Wanted, Written
from adapter.domain.times import instant_text
from adapter.fhir import content_hash, output_key
from adapter.writeback.elements import NARRATIVE_OPENS

REVERSAL_STANDS_DAYS = 14
"""Days after which a `conclusion-reversed` Flag closes by itself (CONTRACTS 4)."""
_ENDINGS = {
    "close": "<p>Closed: the findings no longer call for it.</p>",
    "retract": "<p>Entered in error: what this was based on was withdrawn.</p>",
}
_KINDS = ("activity", "interpretation", "flag")


def difference(
    wanted: Sequence[Wanted],
    written: Sequence[Written],
    *,
    withdrawn: frozenset[str],
    now: datetime,
    turned_back: frozenset[str] = frozenset(),
) -> tuple[Change, ...]:
    """The changes from what was written to what is wanted; applying them and asking again gives none.

    `withdrawn`: grounds (`<source>|<key>`) that no longer stand (`facts.gone`).  `turned_back`: reversal notices that
    are over before their time.  Only Flags close; an Observation nobody wants is retracted, and written again under
    its own id when its facts come back.  A closed or retracted Flag stays so: when its key is wanted again, a new Flag
    with the next key of the chain is written.
    """
    known = {output.id: output for output in written}
    placed = [_placed(want, known) for want in wanted]
    kept = {want.id for want in placed}
    left = sorted(
        (output for output in written if output.id not in kept and output.state == "open"),
        key=lambda output: (_KINDS.index(output.kind), output.id),
    )
    return (*_wanted_changes(placed, known, now), *_ending_changes(left, withdrawn, turned_back, now))


def closing_times(written: Iterable[Written]) -> datetime | None:
    """When the next reversal notice closes by itself; None when none is open."""
    return min((closes_at(output) for output in written if _is_open_reversal(output)), default=None)


def closes_at(reversal: Written) -> datetime:
    """The end of the time a reversal notice stands; a further reversal of the same dose starts it anew."""
    reversed_at = (reversal.verdict or {}).get("reversed")
    since = datetime.fromisoformat(reversed_at) if reversed_at else reversal.last_written
    return since + timedelta(days=REVERSAL_STANDS_DAYS)


def next_key(key: str, turn: int) -> str:
    """The key of the n-th Flag (2, 3, ...) for a dose whose earlier Flag of the same topic has ended."""
    return output_key("again", key, str(turn))


def _placed(want: Wanted, known: Mapping[str, Written]) -> Wanted:
    """A wanted Flag under the first key of its chain that has not ended."""
    if want.kind != "flag":
        return want
    key, turn = want.id, 1
    while key in known and known[key].state != "open":
        turn += 1
        key = next_key(want.id, turn)
    return want if key == want.id else _renamed(want, key)


def _renamed(want: Wanted, key: str) -> Wanted:
    identifiers = [
        {**identifier, "value": key} if identifier.get("value") == want.id else identifier
        for identifier in want.body.get("identifier", [])
    ]
    body = {**want.body, "id": key, "identifier": identifiers}
    return replace(want, id=key, body=body, content_hash=content_hash(body))


def _wanted_changes(placed: Iterable[Wanted], known: Mapping[str, Written], now: datetime) -> Iterator[Change]:
    for want in placed:
        before = known.get(want.id)
        if before is None:
            yield Change(operation="create", after=_opened(want, first=now, before=None, now=now), about=want.about)
        elif before.state != "open" or before.content_hash != want.content_hash:
            yield Change(operation="update", after=_opened(want, first=before.first_written, before=before, now=now))


def _opened(want: Wanted, *, first: datetime, before: Written | None, now: datetime) -> Written:
    return Written(
        kind=want.kind,
        resource_type=want.resource_type,
        id=want.id,
        body=_dated(want, first=first, now=now),
        content_hash=want.content_hash,
        state="open",
        grounds=want.grounds,
        topic=want.topic,
        verdict=_since(want, before, now),
        first_written=first,
        last_written=now,
    )


def _dated(want: Wanted, *, first: datetime, now: datetime) -> dict[str, Any]:
    match want.kind:
        case "activity":
            return want.body
        case "interpretation":
            return {**want.body, "issued": instant_text(now)}
        case "flag":
            return {**want.body, "period": {"start": instant_text(first)}}
        case _:
            assert_never(want.kind)


def _since(want: Wanted, before: Written | None, now: datetime) -> dict[str, Any] | None:
    """The verdict with the time since which it stands: kept while mechanism and exposure stay the same."""
    if want.verdict is None or want.kind != "interpretation":
        return want.verdict
    old = before.verdict if before and before.state == "open" and before.verdict else {}
    same = all(old.get(axis) == want.verdict[axis] for axis in ("mechanism", "exposure"))
    return {**want.verdict, "since": old["since"] if same and "since" in old else instant_text(now)}


def _ending_changes(
    left: Iterable[Written], withdrawn: frozenset[str], turned_back: frozenset[str], now: datetime
) -> Iterator[Change]:
    for output in left:
        if _is_open_reversal(output):
            if now >= closes_at(output) or output.id in turned_back:
                yield _ended(output, "close", now)
        elif output.kind == "flag" and not withdrawn.intersection(output.grounds):
            yield _ended(output, "close", now)
        else:
            yield _ended(output, "retract", now)


def _ended(output: Written, operation: Operation, now: datetime) -> Change:
    closes = operation == "close"
    body = {**output.body, "status": "inactive" if closes else "entered-in-error"}
    undated = {key: value for key, value in body.items() if key not in ("period", "issued")}
    if output.kind == "flag":
        body["period"] = {**output.body.get("period", {}), "end": instant_text(now)}
    elif output.kind == "interpretation":
        body["issued"] = instant_text(now)
    if "text" in body:
        div = body["text"]["div"].replace(NARRATIVE_OPENS, NARRATIVE_OPENS + _ENDINGS[operation], 1)
        body["text"] = {**body["text"], "div": div}
    after = replace(
        output,
        body=body,
        content_hash=content_hash(undated),
        state="closed" if closes else "retracted",
        last_written=now,
    )
    return Change(operation=operation, after=after)


def _is_open_reversal(output: Written) -> bool:
    return output.topic == "conclusion-reversed" and output.state == "open"
