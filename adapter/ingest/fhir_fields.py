"""The fields of a FHIR mapping: FHIRPath compiled once for R4, read from a resource or one of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from adapter.fhir import Json
from adapter.knowledge.spec import FieldSpec, Knowledge, Mapping, Table

Resource = dict[str, Any]
"""A FHIR resource or element as parsed JSON."""
PathReader = Callable[[Any], list[Any]]
_EMPTY = Table(name="", rows=(), index={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A resource and the row of it that becomes an event (the resource itself when the mapping has no rows)."""

    resource: Resource
    element: Resource
    number: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirPath:
    """One compiled path."""

    text: str
    read: PathReader
    whole: bool
    """Whether it is read from the resource and not from the row."""

    def values(self, row: Row) -> list[Any]:
        """Everything the path selects; an element of an unexpected shape selects nothing."""
        try:
            found = self.read(row.resource if self.whole else row.element)
        except Exception:  # noqa: BLE001  (a path over a malformed element; the shape is reported at the door)
            return []
        return [item for item in found if item not in (None, "", [], {})]


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirField:
    """One field of a FHIR mapping."""

    spec: FieldSpec
    paths: tuple[FhirPath, ...]
    table: Table

    def values(self, row: Row) -> list[Any]:
        """The values of the first filled path."""
        return next((found for path in self.paths if (found := path.values(row))), [])

    def first(self, row: Row) -> tuple[Any, FhirPath] | None:
        """The first value and the path it came from."""
        return next(((found[0], path) for path in self.paths if (found := path.values(row))), None)

    def text(self, row: Row) -> str | None:
        """The text of the first filled path, several joined when the mapping says so; else the default."""
        return self.spec.told([value for value in self.values(row) if isinstance(value, str)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceMapping:
    """A compiled FHIR mapping."""

    mapping: Mapping
    fields: dict[str, FhirField]
    codes: tuple[FhirPath, ...]
    """The paths that decide whether a row is ours."""
    table: Table
    rows: FhirPath | None

    def field(self, name: str) -> FhirField:
        """The field of that name, or one that is never filled."""
        return self.fields.get(name, _LEFT_OPEN)

    def each(self, resource: Resource) -> Iterator[Row]:
        """The rows of a resource, numbered from 1."""
        whole = Row(resource=resource, element=resource)
        if self.rows is None:
            yield whole
            return
        elements = [element for element in self.rows.values(whole) if isinstance(element, dict)]
        for number, element in enumerate(elements, start=1):
            yield Row(resource=resource, element=element, number=number)
        if not elements and self.mapping.if_none == "once":
            yield Row(resource=resource, element={})


_LEFT_OPEN = FhirField(spec=FieldSpec(name="", paths=()), paths=(), table=_EMPTY)


def compile_resource(mapping: Mapping, knowledge: Knowledge) -> ResourceMapping:
    """Compile one FHIR mapping; its paths were checked when the mapping was loaded."""
    name = mapping.resource or ""
    return ResourceMapping(
        mapping=mapping,
        fields={
            spec.name: FhirField(
                spec=spec,
                paths=tuple(_path(text, name, mapping.for_each) for text in spec.paths),
                table=knowledge.tables.get(spec.table or "", _EMPTY),
            )
            for spec in mapping.fields
        },
        codes=tuple(_path(text, name, mapping.for_each) for text in mapping.select.codes),
        table=knowledge.tables.get(mapping.select.table, _EMPTY),
        rows=_path(mapping.for_each, name, None) if mapping.for_each else None,
    )


def _path(text: str, resource: str, for_each: str | None) -> FhirPath:
    whole = for_each is None or text.split(".", maxsplit=1)[0] == resource
    return FhirPath(text=text, read=_evaluator(text), whole=whole)


@lru_cache(maxsize=512)
def _evaluator(text: str) -> PathReader:
    """A FHIRPath as a function; compiled on its first use, so that a process without FHIR never loads the parser."""
    ready: list[PathReader] = []

    def read(element: Json) -> list[Any]:
        if not ready:
            from fhirpathpy import compile as compile_path
            from fhirpathpy.models import models

            evaluate: Any = compile_path(text, models["r4"])
            ready.append(evaluate)
        return list(ready[0](element))

    return read
