"""Fields of one segment against the tables of a version: required, repeated, unknown, and every value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from adapter.ingest.conformance.finding import Finding, finding
from adapter.ingest.conformance.values import check_value
from adapter.ingest.hl7v2 import NULL, Delimiters, Segment, unescape
from adapter.knowledge.hl7_tables import OPEN, Part, datatype_part, segment_fields

_HEADERS = ("MSH", "FHS", "BHS")
_WITHOUT_RESULT = ("X", "N", "O", "I", "D", "W")
"""OBX-11 of a result that has no value, or whose value does not count (table 0085)."""


def check_fields(segment: Segment, version: str, delimiters: Delimiters, charset: str) -> list[Finding]:
    """Everything wrong within one segment; nothing when the version has no such segment."""
    fields = segment_fields(version, segment.name)
    if not fields:
        return []
    place = f"{segment.name}[{segment.occurrence}]"
    walk = _Walk(version, delimiters, charset)
    found: list[Finding] = []
    for number, part in sorted(fields.items()):
        found += walk.field(segment, number, _typed(segment, number, part, version), f"{place}-{number}")
    last = max(fields)
    open_end = fields[last].datatype == OPEN and fields[last].most is None
    for number in range(last + 1, segment.field_count() + 1):
        if segment.field(number) and not (open_end and segment.name != "OBX"):
            detail = f"{segment.name} of version {version} ends at {last}"
            found.append(finding("field-unknown", f"{place}-{number}", detail, value=segment.field(number)))
    return found + list(_declared_type(segment, version, place))


def _typed(segment: Segment, number: int, part: Part, version: str) -> Part:
    """OBX-5 as OBX-2 declares it; any other field as its table says."""
    if segment.name != "OBX" or number != 5:
        return part
    declared = datatype_part(version, segment.value(2) or "")
    return replace(declared, name=part.name, required=part.required, most=part.most) if declared else part


def _declared_type(segment: Segment, version: str, place: str) -> Iterator[Finding]:
    if segment.name != "OBX":
        return
    declared = segment.value(2)
    if declared and datatype_part(version, declared) is None:
        yield finding("type-unknown", f"{place}-2", f"version {version}", value=declared)
    demanded_anyway = (segment_fields(version, "OBX") or {})[2].required
    if not declared and segment.value(5) and not demanded_anyway and segment.value(11) not in _WITHOUT_RESULT:
        yield finding("field-missing", f"{place}-2", "value type, required when OBX-5 is filled")


class _Walk:
    """Goes through repetitions, components and sub-components of a field with the message's own delimiters."""

    def __init__(self, version: str, delimiters: Delimiters, charset: str) -> None:
        self._version = version
        self._delimiters = delimiters
        self._charset = charset
        self._levels = (delimiters.component, delimiters.subcomponent)

    def field(self, segment: Segment, number: int, part: Part, where: str) -> list[Finding]:
        if segment.name in _HEADERS and number <= 2:
            return [] if segment.field(number) else [finding("field-missing", where, part.name)]
        repetitions = segment.repetitions(number)
        filled = any(repetitions)
        if part.required and not filled:
            return [finding("field-missing", where, part.name)]
        if part.most == 0:
            return [finding("field-withdrawn", where, part.name)] if filled else []
        found: list[Finding] = []
        if part.most is not None and len(repetitions) > part.most:
            often = "stands once" if part.most == 1 else f"stands at most {part.most} times"
            found.append(finding("field-repeated", where, f"{part.name} {often}, found {len(repetitions)}"))
        several = len(repetitions) > 1
        for count, raw in enumerate(repetitions, 1):
            found += self._value(part, raw, f"{where}({count})" if several else where, self._levels)
        return found

    def _value(self, part: Part, raw: str, where: str, levels: Sequence[str]) -> list[Finding]:
        if not raw or raw == NULL or part.datatype == OPEN:
            return []
        mark = levels[0] if levels else ""
        pieces = raw.split(mark) if mark else [raw]
        if not part.parts:
            return self._simple(part, pieces, where)
        if not mark:
            # No separator is left for this depth: what stands there is the first part.
            return self._value(part.parts[0], raw, where, levels)
        return self._composite(part, pieces, where, levels[1:])

    def _simple(self, part: Part, pieces: list[str], where: str) -> list[Finding]:
        text = unescape(pieces[0], self._delimiters, self._charset)
        found = check_value(part, text, where, self._version) if text else []
        return found + _beyond(pieces, 1, where, f"{part.name} is {part.datatype} and has one")

    def _composite(self, part: Part, pieces: list[str], where: str, levels: Sequence[str]) -> list[Finding]:
        found: list[Finding] = []
        for count, inner in enumerate(part.parts, 1):
            raw = pieces[count - 1] if count <= len(pieces) else ""
            if inner.required and not raw:
                found.append(finding("field-missing", f"{where}.{count}", f"{inner.name} of {part.datatype}"))
            found += self._value(inner, raw, f"{where}.{count}", levels)
        size = len(part.parts)
        return found + _beyond(pieces, size, where, f"{part.name} is {part.datatype} and has {size}")


def _beyond(pieces: list[str], known: int, where: str, detail: str) -> list[Finding]:
    extra = (count for count, piece in enumerate(pieces[known:], known + 1) if piece)
    return [finding("component-unknown", f"{where}.{count}", detail, value=pieces[count - 1]) for count in extra]
