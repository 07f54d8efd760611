"""Where the fields of an event that a FHIR resource became came from, by the compiled mapping that read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from adapter.commands.judged_rows import ResourceRow
from adapter.commands.run_trace import Origin, Place, line_of, row_names
from adapter.domain.event_text import printed_event
from adapter.domain.events import Event
from adapter.ingest.activity_reading import unit_row
from adapter.ingest.code_lookup import look_up, look_up_text
from adapter.ingest.fhir_fields import FhirField
from adapter.ingest.fhir_reading import concepts_of, place, text_of, triplets
from adapter.knowledge.spec import Row as TableRow

_BY_MAPPING = {
    "unit": "amount",
    "route_text": "route",
    "medication": "product",
    "concepts": "manifestations",
    "record": "key",
}
"""Fields of events that another field of the mapping gives."""
_BY_ELEMENT = {"version": "meta", "identifiers": "identifier"}
"""Fields that every resource has at the same place."""
_BY_THE_READER = {
    "source": "name of the source in the configuration",
    "remarks": "the problems found in it",
    "ordered_amount": "the request it refers to, or the amount of its Medication",
    "lot": "the batch of its Medication",
    "occurred_from": "the element the time was found in",
}


def traced_resources(rows: Sequence[ResourceRow], events: Sequence[Event], source: str) -> list[tuple[Origin, ...]]:
    """The origins of every event of one resource; none when they cannot be told apart, as those of a retraction."""
    if len(rows) != len(events):
        return [() for _ in events]
    return [tuple(_origins(row, event, source)) for row, event in zip(rows, events, strict=True)]


def _origins(row: ResourceRow, event: Event, source: str) -> Iterator[Origin]:
    for name, value in printed_event(event).items():
        if (
            name != "event"
            and value not in (None, [], "", False)
            and value != {"number": None, "updated": None, "sent": None}
        ):
            yield _origin(row, name, source)


def _filled(value: Any) -> bool:  # noqa: ANN401 - any field of any event
    if isinstance(value, dict):
        return any(_filled(inner) for inner in value.values())
    return value not in (None, [], "", False)


def _origin(row: ResourceRow, name: str, source: str) -> Origin:
    if name in _BY_THE_READER:
        return Origin(field=name, said=(_BY_THE_READER[name],))
    if name in _BY_ELEMENT:
        return Origin(field=name, places=(Place(where=_root(row) + _BY_ELEMENT[name]),))
    of_mapping = _BY_MAPPING.get(name, name)
    if of_mapping == "product" and of_mapping not in row.mapping.fields:
        of_mapping = "role"
    field = row.mapping.field(of_mapping)
    found = field.first(row.row)
    places = (Place(where=_root(row) + place(found[1], row.row)),) if found else ()
    decided = row.judged.hit.row if of_mapping in {"product", "role"} and row.judged.hit else None
    rows = [decided] if decided else _rows(field, row, source)
    said = () if places else (_otherwise(field, name),)
    return Origin(
        field=name,
        places=places,
        mapping=line_of(row.mapping.mapping, field.spec),
        rows=row_names(*rows),
        said=said,
    )


def _otherwise(field: FhirField, name: str) -> str:
    """What gave a field of which no path is filled."""
    if name == "ended":
        return "start and duration of the infusion"
    if name in {"key", "record"}:
        return "no id: an identifier, or the content of the resource"
    return "the default of the mapping" if field.spec.default else "the reader"


def _rows(field: FhirField, row: ResourceRow, source: str) -> list[TableRow]:
    """The rows of the codes, or of the unit, that stand at a field."""
    found: list[TableRow] = []
    if field.spec.reader in {"code", "codes"}:
        for concept in concepts_of(field.values(row.row)):
            named = triplets(concept)
            texts = (text for _, text, _ in named)
            hit = look_up(field.table, named, source) or look_up_text(field.table, texts, source)
            found += [hit.row] if hit else []
    if field.spec.reader == "quantity":
        for quantity in field.values(row.row):
            found += _unit(quantity, field, source)
    return found


def _unit(quantity: Any, field: FhirField, source: str) -> list[TableRow]:  # noqa: ANN401 - any JSON
    if not isinstance(quantity, dict):
        return []
    system = text_of(quantity.get("system"))
    sent = (text_of(quantity.get(name)) for name in ("code", "unit"))
    known = (unit_row(text, system, field.table, source) for text in sent if text)
    return [row for row in known if row][:1]


def _root(row: ResourceRow) -> str:
    return row.prefix or f"{row.row.resource['resourceType']}."
