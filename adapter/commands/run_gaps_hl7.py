"""Codes beside a result of ours that are in no table: unit, status, specimen, authority, quantification limit."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.commands.run_gaps import LIMITS, Gap, gap, limit_gap
from adapter.commands.run_rows import ResultRow
from adapter.domain.values import read_value
from adapter.ingest.activity_reading import canonical_unit
from adapter.ingest.code_lookup import look_up
from adapter.ingest.hl7v2 import Segment
from adapter.ingest.v2_fields import V2Field, codings
from adapter.knowledge.spec import Table


def gaps_beside(row: ResultRow, sender: str) -> Iterator[Gap]:
    """The gaps of one result of ours."""
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


def _codes(row: ResultRow, field: V2Field, table: Table, sender: str) -> Iterator[Gap]:
    found = field.first(row.scope)
    if found is None:
        return
    named = codings(found.segment, found.field, found.repetition)
    if named and named[0][0] and look_up(table, named, sender) is None:
        used = (known.target for known in table.rows)
        yield gap(table.name, _where(found.segment, found.field), named[0], sender=sender, used=used)


def _units(row: ResultRow, field: V2Field, table: Table, sender: str) -> Iterator[Gap]:
    name, _, number = (field.spec.unit_path or "OBX-6").partition("-")
    segment = row.scope.segment(name) or row.scope.row
    named = codings(segment, int(number.split(".")[0]))
    where = _where(segment, int(number.split(".")[0]))
    if not named:
        segment, place = field.place(row.scope)
        inside = read_value(segment.components(place)).unit
        named, where = ([(inside, "", "")] if inside else []), _where(segment, place)
    known = (
        canonical_unit(said, system, table, sender) for code, text, system in named for said in (code, text) if said
    )
    if named and not any(known):
        code, text, _ = named[0]
        # A spelling means the same whatever coding system the sender names beside it.
        yield gap(table.name, where, (code or text, "", ""), sender=sender)


def _authorities(row: ResultRow, field: V2Field, table: Table, sender: str) -> Iterator[Gap]:
    path = field.places[0]
    segment = row.scope.segment(path.segment)
    if segment is None:
        return
    named: list[tuple[str, str]] = []
    for repetition in range(1, len(segment.repetitions(path.field)) + 1):
        parts = (segment.value(path.field, repetition, 4, part) or "" for part in (1, 2, 3))
        namespace, universal, kind = (part.strip() for part in parts)
        if any(code and table.find(code, kind, sender) for code in (namespace, universal)):
            return  # one identifier that is known is enough
        if namespace or universal:
            named.append((namespace or universal, kind))
    for code, _ in named:
        yield gap(table.name, _where(segment, path.field), (code, "", ""), sender=sender)


def _limit(row: ResultRow, sender: str) -> Iterator[Gap]:
    limits = row.results.knowledge.tables.get(LIMITS)
    hit = row.judged.hit
    if hit and not (limits and limits.find(hit.code, hit.system, sender)):
        yield limit_gap(row.judged.where, (hit.code, hit.text, hit.system), sender)


def _where(segment: Segment, number: int) -> str:
    return f"{segment.name}[{segment.occurrence}]-{number}"
