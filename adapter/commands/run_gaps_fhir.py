"""Codes of a FHIR resource of ours that are in no table: status, route, unit, manifestation, identifier system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapter.commands.run_gaps import Gap, gap
from adapter.commands.run_rows import ResourceRow
from adapter.ingest.activity_reading import canonical_unit
from adapter.ingest.code_lookup import look_up, look_up_text
from adapter.ingest.fhir_fields import FhirField
from adapter.ingest.fhir_reading import concepts_of, identifiers, place, text_of, triplets

_READ_ELSEWHERE = frozenset({"product", "role"})
"""Fields whose code decided that the resource is ours."""


def gaps_within(row: ResourceRow, source: str, ranks: dict[str, int]) -> Iterator[Gap]:
    """The gaps of one resource, or reaction row, of ours."""
    for name, field in row.mapping.fields.items():
        match field.spec.reader:
            case "reference" if name == "patient":
                yield from _systems(row, field, ranks)
            case "quantity":
                yield from _units(row, field, source)
            case "code" | "codes" if name not in _READ_ELSEWHERE:
                yield from _codes(row, field, source)


def _codes(row: ResourceRow, field: FhirField, source: str) -> Iterator[Gap]:
    for concept in concepts_of(field.values(row.row)):
        named = triplets(concept)
        texts = (text for _, text, _ in named)
        if named and not (look_up(field.table, named, source) or look_up_text(field.table, texts, source)):
            yield gap(field.table.name, _where(row, field), named[0])


def _units(row: ResourceRow, field: FhirField, source: str) -> Iterator[Gap]:
    for quantity in field.values(row.row):
        sent = [text for name in ("code", "unit") if (text := _text(quantity, name))]
        system = _text(quantity, "system")
        if sent and not any(canonical_unit(text, system, field.table, source) for text in sent):
            yield gap(field.table.name, _where(row, field), (sent[0], "", ""))


def _systems(row: ResourceRow, field: FhirField, ranks: dict[str, int]) -> Iterator[Gap]:
    for element in field.values(row.row):
        if not isinstance(element, dict):
            continue
        own = identifiers({"identifier": [element.get("identifier")]})
        for system, _ in own:
            if system and system not in ranks:
                yield gap("identifier_systems", _where(row, field), (system, "", ""))


def _text(quantity: Any, name: str) -> str:  # noqa: ANN401 - any JSON
    return text_of(quantity.get(name)) if isinstance(quantity, dict) else ""


def _where(row: ResourceRow, field: FhirField) -> str:
    found = field.first(row.row)
    path = place(found[1], row.row) if found else field.spec.name
    return f"{row.prefix or row.row.resource['resourceType'] + '.'}{path}"
