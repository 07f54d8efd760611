"""Which codes of an HL7 v2 message stand in no table: tests, units, statuses, specimens, authorities, limits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from adapter.commands.judged_rows import Judged, ResultRow, result_rows
from adapter.commands.missing_codes import (
    LIMITS,
    LONGEST_CODE_CHARS,
    LONGEST_SYSTEM_CHARS,
    MissingCode,
    for_others,
    named_by,
    once,
    printable,
    targets_of,
)
from adapter.domain.values import read_value
from adapter.ingest.activity_reading import canonical_unit
from adapter.ingest.code_lookup import Spellings, look_up, ours_otherwise, spellings_of
from adapter.ingest.hl7v2 import NotHl7, Segment, peek, read_batch, read_message
from adapter.ingest.senders import RulesFor
from adapter.ingest.v2_fields import V2Field, codings
from adapter.knowledge.spec import Knowledge, Table

NAMESPACE = re.compile(r"[A-Za-z](?!.*\d{4})[A-Za-z0-9_.&/-]{0,19}")
UNIVERSAL = re.compile(r"[0-2](?:\.\d{1,20}){2,12}|(?!.*\d{5})(?:[a-z0-9-]+\.)+[a-z]{2,20}", re.ASCII)
"""What an assigning authority looks like; anything else in its place may be a patient's number and is not shown."""
LONGEST_STATUS_CHARS = 4


def hl7_missing(raw: bytes, knowledge: Knowledge, rules_for: RulesFor) -> Iterator[MissingCode]:
    """Every code of every message of a frame that a table should have and has not, and nothing of a patient."""
    for one in read_batch(raw).messages:
        sender = peek(one).sender
        try:
            message = read_message(one, rules_for(sender).default_charset)
        except NotHl7:
            continue
        yield from for_others(missing_in_results(*result_rows(message, sender, knowledge), sender))


def missing_in_results(rows: Sequence[ResultRow], orders: Sequence[Judged], sender: str) -> list[MissingCode]:
    """The codes of one message that are in no table."""
    # The code of an order stands beside those of its results: it is no gap of its own.
    hiding = _hiding(rows, orders) | set(_ours_otherwise(rows, sender))
    deciding = [*(row.judged for row in rows), *(order for order in orders if order.verdict == "near")]
    found = list(_deciding(deciding, sender, hiding))
    for row in rows:
        if row.judged.verdict == "ours":
            found += _beside(row, sender)
    return once(found)


def _hiding(rows: Sequence[ResultRow], orders: Sequence[Judged]) -> set[str]:
    """Results of an order of ours that has no result of ours: one of them may be it."""
    wanted = {order.where for order in orders if order.verdict == "ours"}
    answered = {_order_of(row) for row in rows if row.judged.verdict == "ours"}
    return {row.judged.where for row in rows if _order_of(row) in wanted - answered}


def _ours_otherwise(rows: Sequence[ResultRow], sender: str) -> Iterator[str]:
    """Results whose code is in no row, and is ours under another coding system or in other letters."""
    spellings: dict[str, Spellings] = {}
    for row in rows:
        name = row.judged.select.table
        if name not in spellings:
            spellings[name] = spellings_of(row.results.knowledge.tables[name])
        if ours_otherwise(spellings[name], (code for code, _, _ in row.judged.triplets), sender):
            yield row.judged.where


def _order_of(row: ResultRow) -> str:
    request = row.scope.order.request if row.scope.order else None
    return f"OBR[{request.occurrence}]-4" if request else ""


def _deciding(judged: Iterable[Judged], sender: str, hiding: set[str]) -> Iterator[MissingCode]:
    for one in judged:
        if (named := named_by(one)) and one.at:
            near = one.verdict == "near" or one.where in hiding
            shareable = printable(named[0], LONGEST_CODE_CHARS)
            targets = targets_of(one.select.table)
            table = one.select.table
            yield _missing(table, one.at, named, sender, targets, shareable=shareable, near=near, other=not near)


def _beside(row: ResultRow, sender: str) -> Iterator[MissingCode]:
    for name, field in row.results.fields.items():
        if not field.spec.table or name == "test":
            continue
        table = row.results.table(name)
        match field.spec.reader:
            case "identifier":
                yield from _authorities(row, field, table, sender)
            case "quantity":
                yield from _units(row, field, table, sender)
            case _:
                yield from _codes(row, field, table, sender)
    yield from _limit(row, sender)


def _codes(row: ResultRow, field: V2Field, table: Table, sender: str) -> Iterator[MissingCode]:
    found = field.first(row.scope)
    if found is None:
        return
    named = codings(found.segment, found.field, found.repetition)
    if named and (code := named[0][0]) and look_up(table, named, sender) is None:
        at = (found.segment, found.field)
        shareable = printable(code, LONGEST_STATUS_CHARS) or bool(NAMESPACE.fullmatch(code))
        yield _missing(table.name, at, named[0], sender, targets_of(table.name, table), shareable=shareable)


def _units(row: ResultRow, field: V2Field, table: Table, sender: str) -> Iterator[MissingCode]:
    name, _, number = (field.spec.unit_path or "OBX-6").partition("-")
    segment, place = row.scope.segment(name) or row.scope.row, int(number.split(".")[0])
    named, stated = codings(segment, place), True
    if not named:
        segment, place = field.place(row.scope)
        inside = read_value(segment.components(place)).unit
        named, stated = ([(inside, "", "")] if inside else []), False
    known = (
        canonical_unit(said, system, table, sender) for code, text, system in named for said in (code, text) if said
    )
    if named and not any(known):
        unit = named[0][0] or named[0][1]
        # A unit inside of a value stands beside what nobody else may see.
        shareable = stated and printable(unit, LONGEST_CODE_CHARS)
        # A spelling means the same whatever coding system the sender names beside it.
        triplet, targets = (unit, "", ""), targets_of(table.name)
        yield _missing(table.name, (segment, place), triplet, sender, targets, shareable=shareable)


def _authorities(row: ResultRow, field: V2Field, table: Table, sender: str) -> Iterator[MissingCode]:
    path = field.places[0]
    segment = row.scope.segment(path.segment)
    if segment is None:
        return
    found: list[MissingCode] = []
    for repetition in range(1, len(segment.repetitions(path.field)) + 1):
        parts = (segment.value(path.field, repetition, 4, part) or "" for part in (1, 2, 3))
        namespace, universal, kind = (part.strip() for part in parts)
        if any(code and table.find(code, kind, sender) for code in (namespace, universal)):
            return  # one identifier that is known is enough
        if namespace or universal:
            identifier = (segment.value(path.field, repetition) or "").strip()
            triplet = (namespace, "", "") if namespace else (universal, "", kind)
            shareable = _is_authority(NAMESPACE if namespace else UNIVERSAL, triplet[0], identifier)
            at, targets = (segment, path.field), targets_of(table.name, table)
            found.append(_missing(table.name, at, triplet, sender, targets, shareable=shareable))
    yield from found


def _is_authority(looks: re.Pattern[str], text: str, identifier: str) -> bool:
    fits = len(text) <= LONGEST_SYSTEM_CHARS and bool(looks.fullmatch(text))
    return fits and (not identifier or identifier not in text)


def _limit(row: ResultRow, sender: str) -> Iterator[MissingCode]:
    """A test whose quantification limit nobody has stated."""
    limits = row.results.knowledge.tables.get(LIMITS)
    hit, at = row.judged.hit, row.judged.at
    if hit and at and not (limits and limits.find(hit.code, hit.system, sender)):
        yield _missing(LIMITS, at, (hit.code, hit.text, hit.system), sender, targets_of(LIMITS), shareable=True)


def _missing(
    table: str,
    at: tuple[Segment, int],
    named: tuple[str, str, str],
    sender: str,
    targets: tuple[str, ...],
    *,
    shareable: bool,
    near: bool = False,
    other: bool = False,
) -> MissingCode:
    segment, number = at
    code, text, system = named
    return MissingCode(
        table=table,
        sender=sender,
        code=code,
        system=system,
        text=text,
        where=f"{segment.name}[{segment.occurrence}]-{number}",
        example=masked(segment, number, code if shareable else ""),
        near=near,
        other=other,
        shareable=shareable,
        targets=targets,
    )


def masked(segment: Segment, field: int, code: str) -> str:
    """`OBX|*|*|ASPX||*|*`: which fields are filled, and of the one field only the code."""
    last = max((n for n in range(1, segment.field_count() + 1) if segment.field(n)), default=0)
    cells = [(code or "*") if n == field else ("*" if segment.field(n) else "") for n in range(1, last + 1)]
    return "|".join([segment.name, *cells])
