"""Fields a FHIR mapping wants filled, beyond those whose absence has a problem of its own."""

from __future__ import annotations

from collections.abc import Sequence

from adapter.domain.problems import problem
from adapter.ingest.code_lookup import Hit, Triplet, look_up, look_up_text
from adapter.ingest.fhir_fields import FhirField, ResourceMapping, Row
from adapter.ingest.fhir_reading import FhirReading, concepts_of, place, triplets

_WITH_OWN_PROBLEM = frozenset({"patient", "key", "product", "role", "status", "started"})


def require(reading: FhirReading, mapping: ResourceMapping, row: Row) -> None:
    """A problem for each empty field that the mapping requires."""
    for name, spec in mapping.fields.items():
        if name in _WITH_OWN_PROBLEM or not is_required(spec, mapping, row, reading.source) or spec.values(row):
            continue
        reading.notes.add(problem("field-missing", where=f"{reading.kind}.{place(spec.paths[0], row)}"))


def is_required(spec: FhirField, mapping: ResourceMapping, row: Row, source: str) -> bool:
    """Whether the mapping wants the field filled in this resource."""
    wanted = spec.spec.required
    if wanted is None or wanted.field is None:
        return wanted is not None
    return word_of(mapping.field(wanted.field), row, source) in wanted.values


def word_of(spec: FhirField, row: Row, source: str) -> str | None:
    """The table's word for the first value of a coded field, else the default of the mapping."""
    concept = next(concepts_of(spec.values(row)), None)
    hit = look_up_concept(spec, triplets(concept), source) if concept else None
    return hit.row.target if hit else spec.spec.default


def look_up_concept(spec: FhirField, named: Sequence[Triplet], source: str) -> Hit | None:
    """The row of a field's table for a concept: by any of its codes, else by its text."""
    hit = look_up(spec.table, named, source)
    return hit or look_up_text(spec.table, (text for _, text, _ in named), source)
