"""Where one field of an event came from: places of the message, line of the mapping, row of a table, factor."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapter.knowledge.spec import FieldSpec, Mapping, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place of a message a value was read at."""

    where: str
    """`SPM[1]-17.1`, or the FHIRPath from the root of the body."""
    span: tuple[int, int] | None = None
    """First byte of an HL7 message, and the byte behind the last; None for JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """All that made one field of an event."""

    field: str
    places: tuple[Place, ...] = ()
    mapping: str | None = None
    """`mappings/v2/oru_activity.yaml:71`"""
    rows: tuple[str, ...] = ()
    """Rows of tables, as file and line."""
    factor: Decimal | None = None
    """What the number was multiplied by to get IU/mL."""
    said: tuple[str, ...] = ()
    """What else decided: a default, a zone, a setting of the sender."""


def line_of(mapping: Mapping, spec: FieldSpec | None) -> str | None:
    """The line of a mapping that names a field; None when it names it nowhere."""
    return f"{mapping.file}:{spec.line}" if spec and spec.line else None


def row_names(*rows: Row | None) -> tuple[str, ...]:
    """Rows as file and line."""
    return tuple(f"{row.file}:{row.line}" for row in rows if row)


def printed_origin(origin: Origin) -> dict[str, Any]:
    """An origin as plain values."""
    return {
        "field": origin.field,
        "places": [{"where": p.where, "bytes": list(p.span) if p.span else None} for p in origin.places],
        "mapping": origin.mapping,
        "rows": list(origin.rows),
        "factor": None if origin.factor is None else format(origin.factor, "f"),
        "said": list(origin.said),
    }


def origin_line(origin: dict[str, Any]) -> str:
    """`collected <- SPM[1]-17.1 (bytes 310-324); mappings/v2/oru_activity.yaml:71`"""
    words = [_place(place) for place in origin["places"]]
    words += [origin["mapping"]] if origin["mapping"] else []
    words += [f"row {row}" for row in origin["rows"]]
    words += [f"times {origin['factor']}"] if origin["factor"] else []
    return f"{origin['field']} <- {'; '.join([*words, *origin['said']])}"


def _place(place: dict[str, Any]) -> str:
    span = place["bytes"]
    return f"{place['where']} (bytes {span[0]}-{span[1]})" if span else str(place["where"])
