"""Which codes of FHIR resources stand in no table: drugs, statuses, routes, units, reactions, identifier systems."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from adapter.commands.judged_rows import ResourceRow, resource_rows
from adapter.commands.missing_codes import (
    LONGEST_CODE_CHARS,
    LONGEST_SYSTEM_CHARS,
    LONGEST_TEXT_CHARS,
    MissingCode,
    for_others,
    named_by,
    once,
    printable,
    shown,
    targets_of,
)
from adapter.fhir import UnreadableJsonError, loads
from adapter.ingest.activity_reading import canonical_unit
from adapter.ingest.code_lookup import look_up, look_up_text
from adapter.ingest.compiled import compiled
from adapter.ingest.fhir_check import is_retraction
from adapter.ingest.fhir_fields import FhirField
from adapter.ingest.fhir_reading import Known, concepts_of, identifiers, place, text_of, triplets
from adapter.knowledge.codes import TEXT_SYSTEM
from adapter.knowledge.spec import Knowledge, Table

DRUG_NAME = re.compile(r"[^\W\d_](?!.*\d{5})[\w .,/()%+-]{0,39}")
"""What the name of a drug looks like; any other text without a code is not shown."""
SYSTEM_NAME = re.compile(
    r"urn:oid:[0-2](?:\.\d{1,20}){2,12}|(?!.*\d{5})(?:https?://|urn:)[a-z0-9.-]+(?:[/:][A-Za-z0-9._-]*)*", re.ASCII
)
"""What an identifier system looks like; anything else may hold a patient's number and is not shown."""
_READ_ELSEWHERE = frozenset({"product", "role"})
"""Fields whose code decided that the resource is ours."""


def fhir_missing(raw: bytes, knowledge: Knowledge, known: Known, *, source: str) -> list[MissingCode]:
    """Every code of a body that a table should have and has not, and nothing of a patient."""
    try:
        body = loads(raw)
    except UnreadableJsonError:
        return []
    return for_others(missing_in_resources(resource_rows(body, source, knowledge, known), knowledge, source))


def missing_in_resources(rows: Sequence[ResourceRow], knowledge: Knowledge, source: str) -> list[MissingCode]:
    """The codes of resources that are in no table; a retraction needs none."""
    rows = [row for row in rows if not is_retraction(row.row.resource)]
    ours = [row for row in rows if row.judged.verdict == "ours"]
    # A drug that one mapping knows is no gap of the other one.
    known = {row.judged.where for row in ours}
    found = [one for row in rows if row.judged.where not in known for one in _deciding(row, source)]
    ranks = compiled(knowledge).ranks
    return once([*found, *(one for row in ours for one in _within(row, source, ranks))])


def _deciding(row: ResourceRow, source: str) -> Iterator[MissingCode]:
    if named := named_by(row.judged):
        near = row.judged.verdict == "near"
        longest_or_name = named[2] != TEXT_SYSTEM or DRUG_NAME.fullmatch(named[0])
        shareable = printable(named[0], LONGEST_TEXT_CHARS) and bool(longest_or_name)
        table = row.mapping.table
        yield _missing(table, row.judged.where, named, source, shareable=shareable, near=near, other=not near)


def _within(row: ResourceRow, source: str, ranks: dict[str, int]) -> Iterator[MissingCode]:
    for name, field in row.mapping.fields.items():
        match field.spec.reader:
            case "reference" if name == "patient":
                yield from _systems(row, field, source, ranks)
            case "quantity":
                yield from _units(row, field, source)
            case "code" | "codes" if name not in _READ_ELSEWHERE:
                yield from _codes(row, field, source)


def _codes(row: ResourceRow, field: FhirField, source: str) -> Iterator[MissingCode]:
    for concept in concepts_of(field.values(row.row)):
        named = triplets(concept)
        texts = (text for _, text, _ in named)
        if named and not (look_up(field.table, named, source) or look_up_text(field.table, texts, source)):
            code, text, system = named[0]
            # Free words may say anything of anybody.
            shareable = printable(code, LONGEST_TEXT_CHARS)
            triplet = (code, text, system) if code else (text, text, TEXT_SYSTEM)
            yield _missing(field.table, _where(row, field), triplet, source, shareable=shareable)


def _units(row: ResourceRow, field: FhirField, source: str) -> Iterator[MissingCode]:
    for quantity in field.values(row.row):
        sent = [text for name in ("code", "unit") if (text := _text(quantity, name))]
        system = _text(quantity, "system")
        if sent and not any(canonical_unit(text, system, field.table, source) for text in sent):
            shareable = printable(sent[0], LONGEST_CODE_CHARS)
            yield _missing(field.table, _where(row, field), (sent[0], "", ""), source, shareable=shareable)


def _systems(row: ResourceRow, field: FhirField, source: str, ranks: dict[str, int]) -> Iterator[MissingCode]:
    for element in field.values(row.row):
        if not isinstance(element, dict):
            continue
        for system, value in identifiers({"identifier": [element.get("identifier")]}):
            if system and system not in ranks:
                fits = printable(system, LONGEST_SYSTEM_CHARS) and bool(SYSTEM_NAME.fullmatch(system))
                shareable = fits and not (value and value in system)
                yield _missing("identifier_systems", _where(row, field), (system, "", ""), source, shareable=shareable)


def _text(quantity: Any, name: str) -> str:  # noqa: ANN401 - any JSON
    return text_of(quantity.get(name)) if isinstance(quantity, dict) else ""


def _where(row: ResourceRow, field: FhirField) -> str:
    found = field.first(row.row)
    path = place(found[1], row.row) if found else field.spec.name
    return f"{row.prefix or row.row.resource['resourceType'] + '.'}{path}"


def _missing(
    table: Table | str,
    where: str,
    named: tuple[str, str, str],
    source: str,
    *,
    shareable: bool,
    near: bool = False,
    other: bool = False,
) -> MissingCode:
    code, text, system = named
    name, known = (table, None) if isinstance(table, str) else (table.name, table)
    return MissingCode(
        table=name,
        sender=source,
        code=code,
        system=system,
        text=text,
        where=where,
        example=f"{where} = {shown(system, LONGEST_SYSTEM_CHARS) or '*'}|{code if shareable else '*'}",
        near=near,
        other=other,
        shareable=shareable,
        targets=targets_of(name, known),
    )
