"""Does HL7 know a place of a message?  Names of versions 2.5.1 to 2.8.2 from hl7apy: for lint, as it loads slowly."""

from __future__ import annotations

from functools import cache
from typing import Any

from adapter.knowledge.paths import V2Path

VERSIONS = ("2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
_OPEN_TYPES = ("varies", None)


def unknown_place(path: V2Path) -> str | None:
    """Why no version of HL7 has this place, None when one of them does; Z segments are the site's own."""
    if path.segment.startswith("Z"):
        return None
    fields = [_fields(version, path.segment) for version in VERSIONS]
    if not any(fields):
        return f"HL7 {VERSIONS[0]} to {VERSIONS[-1]} have no segment {path.segment}"
    references = [known[path.field] for known in fields if path.field in known]
    if not references:
        return f"HL7 {VERSIONS[0]} to {VERSIONS[-1]} have no {path.segment}-{path.field}"
    if path.component is None:
        return None
    place = f"{path.segment}-{path.field}"
    components = [child for reference in references if (child := _child(reference, path.component))]
    if not components:
        return _too_few(place, max(_size(reference) for reference in references), path.component, "components")
    if path.subcomponent is None or any(_child(component, path.subcomponent) for component in components):
        return None
    most = max(_size(component) for component in components)
    return _too_few(f"{place}.{path.component}", most, path.subcomponent, "subcomponents")


def _too_few(place: str, size: int, wanted: int, kind: str) -> str:
    return f"{place} has {size} {kind[:-1] if size == 1 else kind}, not {wanted}"


@cache
def _fields(version: str, segment: str) -> dict[int, Any]:
    """The reference of each field of a segment; empty when the version has no such segment."""
    import hl7apy
    from hl7apy.exceptions import ChildNotFound

    try:
        structure = hl7apy.load_library(version).get(segment, "Segment")
    except ChildNotFound:
        return {}
    return {int(child[0].partition("_")[2]): child[1] for child in structure[1]}


def _child(reference: Any, number: int) -> Any:  # noqa: ANN401 - hl7apy's tables are untyped tuples
    """The reference of a component; a simple datatype is its own only component, an open one has any."""
    if reference[0] == "leaf":
        return reference if number == 1 or reference[2] in _OPEN_TYPES else None
    return reference[1][number - 1][1] if number <= len(reference[1]) else None


def _size(reference: Any) -> int:  # noqa: ANN401 - hl7apy's tables are untyped tuples
    return 1 if reference[0] == "leaf" else len(reference[1])
