"""Which codes of an HL7 v2 message stand in no table: read at the places its problems name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapter.commands.missing_codes import (
    LONGEST_CODE_CHARS,
    LONGEST_SYSTEM_CHARS,
    LONGEST_TEXT_CHARS,
    MissingCode,
    shown,
)
from adapter.domain.problems import Problem
from adapter.ingest.activity_reading import canonical_unit
from adapter.ingest.code_lookup import look_up
from adapter.ingest.compiled import compiled
from adapter.ingest.hl7v2 import Message, NotHl7, Segment, peek, read_batch, read_message
from adapter.ingest.oru import ResultMapping
from adapter.ingest.senders import RulesFor
from adapter.ingest.translate import translate_hl7
from adapter.ingest.v2_fields import codings
from adapter.knowledge.spec import Knowledge, Table

AUTHORITY_OF = {
    "namespace": re.compile(r"[A-Za-z](?!.*\d{4})[A-Za-z0-9_.&/-]{0,19}"),
    "universal": re.compile(r"[0-2](?:\.\d{1,20}){2,12}|(?!.*\d{5})(?:[a-z0-9-]+\.)+[a-z]{2,20}", re.ASCII),
}
"""What an assigning authority looks like; anything else in its place may be a patient's number and is not shown."""
LONGEST_STATUS_CHARS = 4
TESTS = frozenset({"near-miss", "code-unmapped"})
_EMPTY = Table(name="", rows=(), index={})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    segment: Segment
    field: int
    sender: str

    def missing(
        self, table: str, code: str, system: str = "", text: str = "", *, longest: int = LONGEST_CODE_CHARS
    ) -> MissingCode:
        code = shown(code, longest)
        return MissingCode(
            table=table,
            sender=self.sender,
            code=code,
            system=shown(system, LONGEST_SYSTEM_CHARS),
            text=shown(text, LONGEST_TEXT_CHARS),
            where=f"{self.segment.name}[{self.segment.occurrence}]-{self.field}",
            example=masked(self.segment, self.field, code),
        )


def hl7_missing(raw: bytes, knowledge: Knowledge, rules_for: RulesFor, *, source: str) -> Iterator[MissingCode]:
    """Every code of every message of a frame that a table should have and has not."""
    ready = compiled(knowledge)
    for one in read_batch(raw).messages:
        sender = peek(one).sender
        try:
            message = read_message(one, rules_for(sender).default_charset)
        except NotHl7:
            continue
        for translation in translate_hl7(one, knowledge, rules_for, source=source):
            for found in translation.problems:
                for results in ready.results:
                    yield from _at(found, message, results, sender)


def _at(found: Problem, message: Message, results: ResultMapping, sender: str) -> Iterator[MissingCode]:
    place = _place(found, message, sender)
    if place is None:
        return
    if found.code in TESTS:
        yield from _test(place, results)
    elif found.code == "unit-suspect":
        yield from _unit(place, results)
    elif found.code == "status-unmapped":
        code = (place.segment.value(place.field) or "").strip()
        yield place.missing(results.field("status").spec.table or "", code, longest=LONGEST_STATUS_CHARS)
    elif found.code == "unknown-authority":
        yield from _authorities(place, results.field("patient").spec.table or "")


def _place(found: Problem, message: Message, sender: str) -> _Place | None:
    """The segment and the field a problem names."""
    name, _, rest = (found.location or "").partition("^")
    occurrence, _, field = rest.partition("^")
    for segment in message.segments:
        if segment.name == name and occurrence == str(segment.occurrence) and field.isdigit():
            return _Place(segment=segment, field=int(field), sender=sender)
    return None


def _test(place: _Place, results: ResultMapping) -> Iterator[MissingCode]:
    """The first coding; an order of ours without a result of ours has its row already."""
    table = results.mapping.select.table
    triplets = codings(place.segment, place.field)
    if look_up(results.knowledge.tables.get(table, _EMPTY), triplets, place.sender) is None:
        for code, text, system in triplets[:1]:
            yield place.missing(table, code, system, text)


def _unit(place: _Place, results: ResultMapping) -> Iterator[MissingCode]:
    """The unit field only: a unit inside of a value stands beside what nobody may see."""
    stated = (results.field("activity").spec.unit_path or "OBX-6").partition(".")[0]
    if stated != f"{place.segment.name}-{place.field}":
        return
    units = results.table("activity")
    for code, text, system in codings(place.segment, place.field)[:1]:
        if canonical_unit(code or text, system, units, place.sender) is None:
            yield place.missing(units.name, code or text, "", text if code else "")


def _authorities(place: _Place, table: str) -> Iterator[MissingCode]:
    """Every assigning authority of a list of identifiers, and nothing else of it."""
    for repetition in range(1, len(place.segment.repetitions(place.field)) + 1):
        identifier = (place.segment.value(place.field, repetition) or "").strip()
        parts = [(place.segment.value(place.field, repetition, 4, part) or "").strip() for part in (1, 2, 3)]
        namespace, universal, kind = parts
        if namespace:
            code = namespace if _is_authority("namespace", namespace, identifier) else ""
            yield place.missing(table, code, kind)
        elif universal:
            code = universal if _is_authority("universal", universal, identifier) else ""
            yield place.missing(table, code, kind, longest=LONGEST_SYSTEM_CHARS)


def _is_authority(kind: str, text: str, identifier: str) -> bool:
    return bool(AUTHORITY_OF[kind].fullmatch(text)) and (not identifier or identifier not in text)


def masked(segment: Segment, field: int, code: str) -> str:
    """`OBX|*|*|ASPX||*|*`: which fields are filled, and of the one field only the code."""
    last = max((n for n in range(1, segment.field_count() + 1) if segment.field(n)), default=0)
    cells = [(code or "*") if n == field else ("*" if segment.field(n) else "") for n in range(1, last + 1)]
    return "|".join([segment.name, *cells])
