"""hl7apy's own validator as a second opinion, segment by segment, and what it lost on the way."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adapter.ingest.conformance import Finding, finding
from adapter.ingest.hl7v2 import NULL, Delimiters, Message, Segment
from adapter.knowledge.hl7_tables import segment_fields

SEGMENTS_LIMIT = 300
"""Most segments of a message the validator sees: it needs some 10 ms for each."""
SEGMENT_LIMIT_CHARS = 20_000
SEPARATORS_LIMIT = 400
"""Most repetitions, components and sub-components of one segment it sees: it needs half a millisecond for each."""

_PLACE = re.compile(r"\b(?P<segment>[A-Z][A-Z0-9]{2})_(?P<field>\d+)\b")
_HEADERS = 2


def second_opinion(message: Message, version: str, found: Sequence[Finding]) -> list[Finding]:
    """What hl7apy's validator says beyond `found`, and which segments and fields it did not check.

    It sees each segment alone, because among others it drops or misplaces those it has no place for; its words are
    not repeated, as they hold values. Never raises.
    """
    known = [s for s in message.segments if s.name and not s.name.startswith("Z") and segment_fields(version, s.name)]
    told = {_field_of(one.where) for one in found}
    opinions: list[Finding] = []
    with tempfile.TemporaryDirectory(prefix="troughline-conform-") as folder:
        report = Path(folder) / "report"
        for segment in known[:SEGMENTS_LIMIT]:
            opinions += _of_segment(segment, message.delimiters, version, report, told)
    if len(known) > SEGMENTS_LIMIT:
        left = len(known) - SEGMENTS_LIMIT
        opinions.append(finding("not-checked", "message", f"the last {left} segments, by hl7apy's validator"))
    return opinions


def _of_segment(
    segment: Segment, delimiters: Delimiters, version: str, report: Path, told: set[str]
) -> Iterator[Finding]:
    place = f"{segment.name}[{segment.occurrence}]"
    parsed = None if _is_heavy(segment, delimiters) else _validated(segment, delimiters, version, report)
    if parsed is None:
        yield finding("not-checked", place, "by hl7apy's validator; the table walk looked at it")
        return
    for number in _lost(segment, parsed):
        yield finding("not-checked", f"{place}-{number}", "by hl7apy's validator, which lost it when reading")
    for where in dict.fromkeys(_objections(report, segment.name, place)):
        if not _is_told(where, told) and not _is_misread(segment, where, delimiters):
            yield finding("second-opinion", where)


def _is_heavy(segment: Segment, delimiters: Delimiters) -> bool:
    marks = (delimiters.repetition, delimiters.component, delimiters.subcomponent, delimiters.field)
    separators = sum(segment.text.count(mark) for mark in marks if mark)
    return len(segment.text) > SEGMENT_LIMIT_CHARS or separators > SEPARATORS_LIMIT


def _validated(segment: Segment, delimiters: Delimiters, version: str, report: Path) -> Any:  # noqa: ANN401 - hl7apy has no types
    """The segment as hl7apy read it, its objections in `report`; None when it could not."""
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.exceptions import ValidationError
    from hl7apy.parser import parse_segment
    from hl7apy.validation import Validator

    report.write_text("", encoding="utf-8")
    try:
        parsed = parse_segment(segment.text, version, _encoding(delimiters), VALIDATION_LEVEL.TOLERANT)
        Validator.validate(parsed, report_file=str(report))
    except ValidationError:
        return parsed  # the first objection; all of them are in the report
    except Exception:  # noqa: BLE001 - what hl7apy cannot read it does not check; why is of no use to anybody
        return None
    return parsed


def _encoding(delimiters: Delimiters) -> dict[str, str]:
    return {
        "SEGMENT": "\r",
        "GROUP": "\r",
        "FIELD": delimiters.field,
        # hl7apy needs all four, all different: those not declared are signs no text holds.
        "COMPONENT": delimiters.component or "\x1d",
        "REPETITION": delimiters.repetition or "\x1e",
        "ESCAPE": delimiters.escape or "\x1f",
        "SUBCOMPONENT": delimiters.subcomponent or "\x1a",
    }


def _lost(segment: Segment, parsed: Any) -> Iterator[int]:  # noqa: ANN401 - hl7apy has no types
    """Numbers of the filled fields whose repetitions hl7apy's reading does not have all."""
    kept = Counter(child.name for child in parsed.children)
    first = _HEADERS + 1 if segment.name in ("MSH", "FHS", "BHS") else 1
    for number in range(first, segment.field_count() + 1):
        sent = len(segment.repetitions(number)) if segment.field(number).strip() else 0
        if sent > kept[f"{segment.name}_{number}"]:
            yield number


def _objections(report: Path, name: str, place: str) -> Iterator[str]:
    """Where each objection lies: the field when the report names one, else the segment."""
    for line in report.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line.startswith(("Error: ", "Warning: ")):
            continue
        fields = [found["field"] for found in _PLACE.finditer(line) if found["segment"] == name]
        yield f"{place}-{fields[-1]}" if fields else place


def _is_misread(segment: Segment, where: str, delimiters: Delimiters) -> bool:
    """Whether hl7apy cannot judge what stands there: it resolves no escapes and takes the explicit null for a value."""
    number = where.partition("]-")[2]
    raw = segment.field(int(number)) if number else ""
    return bool(delimiters.escape and delimiters.escape in raw) or NULL in raw


def _is_told(where: str, told: set[str]) -> bool:
    """Whether a finding lies there already; an objection to a whole segment is covered by one anywhere in it."""
    segment = where.partition("-")[0]
    return where in told or segment in told or (where == segment and any(one.startswith(f"{segment}-") for one in told))


def _field_of(where: str) -> str:
    """`PID[1]-3` of `PID[1]-3(2).4`."""
    return re.split(r"[.(]", where, maxsplit=1)[0]
