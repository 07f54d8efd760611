"""The conformance report of one message: order of the segments first, then each segment."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.ingest.conformance.fields import check_fields
from adapter.ingest.conformance.finding import Finding, finding
from adapter.ingest.conformance.structure import check_structure
from adapter.ingest.hl7v2 import Message, Segment
from adapter.knowledge.hl7_tables import Node, message_structure, nearest_version, segment_fields

_SHOWN_CHARS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was checked of a message, against what, and what was found."""

    version: str
    """MSH-12 as sent."""
    checked_against: str
    """The version whose tables were used; empty when nothing could be read."""
    structure: str
    """`ORU_R01`; empty when the tables have none for the message."""
    segments: int
    findings: tuple[Finding, ...]


def unreadable() -> Report:
    """The report of bytes that are no message."""
    return Report(version="", checked_against="", structure="", segments=0, findings=(finding("not-hl7", "message"),))


def check_message(message: Message) -> Report:
    """Check a message against hl7apy's tables of its version, or of the nearest one they know; never raises."""
    sent = message.get("MSH-12") or ""
    version = nearest_version(sent)
    structure = _structure(message, version)
    found = [*_of_reading(message)]
    if version != sent:
        found.append(finding("version-unknown", "MSH[1]-12", f"version {version}", value=sent or None))
    if structure is None:
        found.append(finding("structure-unknown", "MSH[1]-9", f"version {version}"))
    else:
        found += check_structure(message.segments, structure, version)
    for segment in message.segments:
        found += _of_segment(segment, message, version)
    if version != sent:
        # Tables of another version do not list this one; that was said already, and is no fault of the message.
        found = [one for one in found if (one.code, one.where[:9]) != ("table-value", "MSH[1]-12")]
    return Report(
        version=sent,
        checked_against=version,
        structure=structure.name if structure else "",
        segments=len(message.segments),
        findings=tuple(found),
    )


def _of_reading(message: Message) -> list[Finding]:
    codes = {"charset-fallback": ("charset", "MSH[1]-18"), "too-many-segments": ("too-many-lines", "message")}
    return [finding(*codes[problem.code]) for problem in message.problems]


def _structure(message: Message, version: str) -> Node | None:
    """The structure MSH-9 names, or the one of its type and trigger, or of its type alone as `ACK`."""
    kind, trigger = message.get("MSH-9.1") or "", message.get("MSH-9.2") or ""
    named = [message.get("MSH-9.3") or "", f"{kind}_{trigger}", kind]
    return next((known for name in named if name and (known := message_structure(version, name))), None)


def _of_segment(segment: Segment, message: Message, version: str) -> list[Finding]:
    place = f"{segment.name}[{segment.occurrence}]"
    if not segment.name:
        return [finding("line-without-segment", f"line {segment.index + 1}", value=segment.text[:_SHOWN_CHARS])]
    if segment.name.startswith("Z"):
        return [finding("not-checked", place, "a segment of the site's own")]
    if segment_fields(version, segment.name) is None:
        return [finding("segment-unknown", place, f"version {version}")]
    return check_fields(segment, version, message.delimiters, message.charset)
