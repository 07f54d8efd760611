"""Whether a message or a record shows a name that may be a patient's: such a one becomes no case as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapter.ingest.hl7v2 import Segment
from adapter.knowledge.fake_names import is_fake

PASSES = "names on the list of made-up names pass (TEST^PATIENT), and names that begin with ZZ"
_PATIENT, _NAME = "PID", 5
_RESOURCE = "resourceType"
_SUBJECTS = ("subject", "patient")


def shows_a_name(segment: Segment) -> bool:
    """Whether any name in the PID-5 of a segment may be a patient's."""
    return segment.name == _PATIENT and not all(is_fake(name) for name in _names(segment))


def _names(segment: Segment) -> Iterator[str]:
    """Every name, its parts apart whatever separates them in this message."""
    for number in range(1, len(segment.repetitions(_NAME)) + 1):
        parts = segment.components(_NAME, number)
        yield "^".join(part.replace(segment.delimiters.subcomponent or "&", "&") for part in parts)


def named_at(resource: Mapping[str, Any]) -> str | None:
    """The element of a dose or allergy record that shows a name that may be a patient's."""
    for number, inner in enumerate(_rows(resource.get("contained"))):
        if inner.get(_RESOURCE) == "Patient":
            for name in _rows(inner.get("name")):
                if not (is_fake(_human(name)) and is_fake(str(name.get("text") or ""))):
                    return f"contained[{number}].name"
    for element in _SUBJECTS:
        reference = resource.get(element)
        shown = reference.get("display") if isinstance(reference, dict) else None
        if isinstance(shown, str) and not is_fake(shown.replace(",", " ")):
            return f"{element}.display"
    return None


def _rows(node: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    return [row for row in node if isinstance(row, dict)] if isinstance(node, list) else []


def _human(name: Mapping[str, Any]) -> str:
    given = name.get("given")
    parts = [name.get("family"), *(given if isinstance(given, list) else [])]
    return "^".join(str(part) for part in parts if part)
