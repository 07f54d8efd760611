"""The work list for people: by reason, with the place in the message, the missing row, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from adapter.commands.missing_codes import MissingCode
from adapter.commands.status_text import told_s
from adapter.commands.worklist_history import AuditLine
from adapter.commands.worklist_read import OURS_TO_MEND, WRONG_PATIENT, Waiting
from adapter.domain.problems import KINDS
from adapter.domain.times import instant_text
from adapter.store.journey import Received

SHOWN = 50
EMPTY = "Nothing waits in the work list."


def page_of_list(waiting: Sequence[Waiting], now: datetime) -> str:
    """Every reason with its messages, the most frequent first."""
    if not waiting:
        return EMPTY
    reasons: dict[str, list[Waiting]] = {}
    for one in waiting:
        reasons.setdefault(one.parked.reason, []).append(one)
    longest = told_s((now - waiting[0].parked.parked_at).total_seconds())
    parts = [f"{len(waiting)} wait in the work list, the longest for {longest}."]
    parts += ["\n".join(_reason(*one, now)) for one in sorted(reasons.items(), key=lambda item: -len(item[1]))]
    if ready := [one.place for one in waiting if one.readable]:
        parts.append(_ready(ready))
    return "\n\n".join(parts)


def _reason(reason: str, waiting: Sequence[Waiting], now: datetime) -> Iterator[str]:
    yield f"{reason}: {len(waiting)}. {title_of(reason)}."
    for one in waiting[:SHOWN]:
        yield f"  {_line(one, now)}"
    if len(waiting) > SHOWN:
        yield f"  and {len(waiting) - SHOWN} more (--json has all)"
    yield f"  -> {advice_of(reason)}"
    if reason == WRONG_PATIENT:
        yield "  Only a person's answer releases these, no table does: troughline worklist release PLACE --because WHY"
    for code in dict.fromkeys(missing_rows(waiting)):
        yield from (f"  {line}" for line in row_lines(code))


def missing_rows(waiting: Sequence[Waiting]) -> Iterator[MissingCode]:
    """The first message's word for every row that is missing."""
    rows: dict[tuple[str, str | None], MissingCode] = {}
    for missing in (code for one in waiting for code in one.missing):
        rows.setdefault((missing.table, missing.row), missing)
    yield from rows.values()


def row_lines(missing: MissingCode) -> Iterator[str]:
    """The row that is missing and what its target may be."""
    file = f"tables/{missing.table}.csv"
    if missing.row is None:
        yield f"{file}: no row for what stands at {missing.where}; it is not shown: too long, or perhaps a patient's"
        return
    yield f"{file} ({missing.header}): fill in the {missing.fill_in} and add"
    yield f"    {missing.row}"
    if missing.targets:
        yield f"    {missing.fill_in}: {', '.join(missing.targets)}"


def _line(one: Waiting, now: datetime) -> str:
    waits = told_s((now - one.parked.parked_at).total_seconds())
    places = ", ".join(found.where for found in one.causes if found.where)
    ready = "  can be read now" if one.readable else ""
    return f"{one.place:<16} {waits:<12} {_sender(one):<32} {one.arrival.message_type:<12} {places}{ready}".rstrip()


def _sender(one: Waiting) -> str:
    return f"{one.sender} ({one.site_name})" if one.site_name and one.site_name != one.sender else one.sender


def _ready(places: Sequence[str]) -> str:
    named = " ".join(places[:SHOWN])
    return (
        f"With the tables of now these would wait no longer; release them:\n  troughline worklist release {named} ..."
    )


def title_of(reason: str) -> str:
    """What a reason means, in the words of the page of problems."""
    return KINDS[reason].title if reason in KINDS else "A reason this version does not know"


def advice_of(reason: str) -> str:
    """What to do about a reason."""
    return KINDS[reason].advice if reason in KINDS else "Show the message, and ask who runs the service."


def page_of_one(one: Waiting, received: Received | None, lines: Sequence[AuditLine], now: datetime) -> str:
    """Everything that is known of one message that waits."""
    return "\n".join(_one(one, received, lines, now))


def _one(one: Waiting, received: Received | None, lines: Sequence[AuditLine], now: datetime) -> Iterator[str]:
    parked, arrival = one.parked, one.arrival
    named = f", control id {parked.message.control_id}" if parked.message.control_id else ""
    yield f"{one.place}: {arrival.message_type or 'Message'} from {_sender(one)}{named}"
    answer = f", answered {received.answer}" if received and received.answer else ""
    size = f"{len(arrival.raw)} bytes, sha256 {arrival.digest[:12]}"
    yield f"  received    {instant_text(arrival.received_at)} through listener {arrival.listener}{answer}; {size}"
    waits = told_s((now - parked.parked_at).total_seconds())
    yield f"  waits       {waits}, since {instant_text(parked.parked_at)}"
    yield f"  reason      {parked.reason}: {title_of(parked.reason)}."
    for found in parked.problems:
        where = f"{found.where}: " if found.where else ""
        yield f"              {where}{found.text} ({found.code}, {found.severity})"
    for kind in one.awaited:
        yield f"  awaits      a {kind}; when it arrives from the same source, the message goes on by itself"
    yield f"  what to do  {advice_of(parked.reason)}"
    for missing in one.missing:
        yield from (f"              {line}" for line in row_lines(missing))
        yield f"              seen: {missing.example}"
    yield f"  now         {_now(one)}"
    for line in lines:
        yield f"  before      {line.at} {line.what} by {line.by}: {line.because}"


def _now(one: Waiting) -> str:
    if not one.arrival.raw:
        return "its bytes are no longer kept, so nothing can read it again: discard it"
    if one.parked.reason == OURS_TO_MEND:
        return f"a fault of ours keeps it: report it; after an update `troughline worklist release {one.place}`"
    if one.parked.reason == WRONG_PATIENT:
        release = f"`troughline worklist release {one.place}`"
        return f"no table decides it: a person who knows the patient releases it: {release}"
    if one.readable:
        return f"it can be read with the tables of now: `troughline worklist release {one.place}`"
    return "with the tables of now it would wait on"
