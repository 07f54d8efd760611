"""Where a problem stands: segment, occurrence, field, component and line, or the FHIRPath."""

from __future__ import annotations

import re
from typing import Any

from adapter.domain.problems import Problem
from adapter.ingest.compiled import compiled
from adapter.ingest.hl7v2 import Message, Segment
from adapter.knowledge.paths import joined, read_v2_path
from adapter.pipeline.parts import Parts

_LINE_END = re.compile(r"\r\n|\r|\n")
_WHERE = re.compile(r"([A-Z][A-Z0-9]{2})\[(\d+)\]-(\d+)", re.ASCII)


def hl7_place(found: Problem, message: Message | None, parts: Parts) -> dict[str, Any] | None:
    """The place of a problem in an HL7 message; None for the message as a whole."""
    place = _WHERE.fullmatch(found.where or "")
    if place is None:
        return None
    segment, occurrence, number = place[1], int(place[2]), int(place[3])
    return {
        "segment": segment,
        "occurrence": occurrence,
        "field": number,
        "component": _component(segment, number, parts),
        "line": _line(segment, occurrence, message),
    }


def _component(segment: str, number: int, parts: Parts) -> int | None:
    """The component the mapping reads there, where all its paths name the same one."""
    named = {
        path.component
        for results in compiled(parts.knowledge).results
        for spec in results.mapping.fields
        for text in spec.paths
        for path in map(read_v2_path, joined(text))
        if path and (path.segment, path.field) == (segment, number)
    }
    return named.pop() if len(named) == 1 else None


def _line(segment: str, occurrence: int, message: Message | None) -> int | None:
    if message is None:
        return None
    found = (s for s in message.segments if (s.name, s.occurrence) == (segment, occurrence))
    return next((line_number(message, s) for s in found), None)


def line_number(message: Message, segment: Segment) -> int:
    """The line of a segment, from 1, as an editor counts: blank lines too."""
    return len(_LINE_END.findall(message.text, 0, segment.start)) + 1


def fhir_expression(found: Problem, prefix: str) -> str | None:
    """The FHIRPath of a problem from the root of the body."""
    if not found.where or not prefix or found.where.startswith("Bundle."):
        return found.where
    return prefix + found.where.partition(".")[2] if "." in found.where else prefix.rstrip(".")
