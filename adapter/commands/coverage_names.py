"""What HL7 calls a place of a message, and the line that says it is not needed."""

from __future__ import annotations

from functools import cache

from adapter.commands.used_fields import NO_SEGMENT
from adapter.knowledge.hl7_tables import Part, segment_fields
from adapter.knowledge.paths import read_v2_path

_VERSIONS = ("2.8.2", "2.5.1")
"""The newest one, whose names of late fields are the surest (OBX-21), then the one most senders write."""
OPEN_WHY = ""


@cache
def name_of(place: str) -> str | None:
    """`OBX-17.3` is `observation method: name of coding system`; None where HL7 has no name for it."""
    path = read_v2_path(place)
    if path is None or path.segment.startswith("Z"):
        return None
    fields = (segment_fields(version, path.segment) or {} for version in _VERSIONS)
    part = next((known[path.field] for known in fields if path.field in known), None)
    if part is None:
        return None
    within = _component(part, path.component) if path.component else None
    return f"{part.name}: {within.name}" if within else part.name


def _component(part: Part, number: int) -> Part | None:
    return part.parts[number - 1] if number <= len(part.parts) else None


def not_needed_path(place: str) -> str | None:
    """The path under which a mapping calls this place not needed; None where there is none."""
    if place == NO_SEGMENT:
        return None
    if "-" in place:
        return place if read_v2_path(place) else None
    return place.partition(".")[2]


def not_needed_lines(place: str) -> str | None:
    """The two lines for the list `not_needed` of a mapping; the reason stays open, which the loader refuses."""
    path = not_needed_path(place)
    return f"  - path: {path}\n    why: {OPEN_WHY}".rstrip() if path else None
