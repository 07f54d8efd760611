"""Which element of which FHIR resource shows a field of an event."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from adapter.knowledge.spec import OutputTemplate
from adapter.knowledge.text_yaml import Node

_ACTIVITY, _INTERPRETATION, _FLAG = "observation-activity", "observation-interpretation", "flag"
_PATIENT = ((_ACTIVITY, "subject"), (_INTERPRETATION, "subject"), (_FLAG, "subject"))
SHOWN: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("ActivityMeasured", "patient"): _PATIENT,
    ("ActivityMeasured", "test"): ((_ACTIVITY, "test"),),
    ("ActivityMeasured", "status"): ((_ACTIVITY, "status"),),
    ("ActivityMeasured", "activity"): ((_ACTIVITY, "value"), (_ACTIVITY, "absent"), (_INTERPRETATION, "activity")),
    ("ActivityMeasured", "collected"): (
        (_ACTIVITY, "collected"),
        (_INTERPRETATION, "effective"),
        (_INTERPRETATION, "hours"),
    ),
    ("ActivityMeasured", "resulted"): ((_ACTIVITY, "resulted"),),
    ("ActivityMeasured", "filler"): ((_ACTIVITY, "filler"),),
    ("ActivityMeasured", "placer"): ((_ACTIVITY, "placer"),),
    ("ActivityMeasured", "specimen"): ((_ACTIVITY, "specimen"),),
    ("ActivityMeasured", "specimen_type"): ((_ACTIVITY, "specimen_type"),),
    ("ActivityMeasured", "method"): ((_ACTIVITY, "method"),),
    ("ActivityMeasured", "laboratory"): ((_ACTIVITY, "laboratory"),),
    ("ActivityMeasured", "reference_range"): ((_ACTIVITY, "reference_range"),),
    ("ActivityMeasured", "laboratory_flag"): ((_ACTIVITY, "laboratory_flag"),),
    ("ActivityMeasured", "comment"): ((_ACTIVITY, "notes"),),
    ("AsparaginaseAdministered", "patient"): _PATIENT[1:],
    ("AsparaginaseAdministered", "key"): ((_INTERPRETATION, "dose"),),
    ("AsparaginaseAdministered", "started"): ((_INTERPRETATION, "hours"),),
    ("AsparaginaseAdministered", "ended"): ((_INTERPRETATION, "hours"),),
    ("PremedicationGiven", "role"): ((_INTERPRETATION, "premedicated"),),
    ("PremedicationGiven", "started"): ((_INTERPRETATION, "premedicated"),),
    ("HypersensitivityRecorded", "patient"): _PATIENT[1:],
    ("HypersensitivityRecorded", "occurred"): ((_INTERPRETATION, "reaction"),),
    ("HypersensitivityRecorded", "grade"): ((_INTERPRETATION, "reaction"),),
    ("HypersensitivityRecorded", "severity"): ((_INTERPRETATION, "reaction"),),
}
"""(event, field) -> (output template, first word of its placeholder); every other field is read by the rules alone."""
_PLACEHOLDER = re.compile(r"\$\{([a-z][a-z0-9_]*)")


def shown_in(event: str, field: str, outputs: Mapping[str, OutputTemplate]) -> tuple[str, ...]:
    """`Observation.effectiveDateTime (observation-activity)`, in the order of the template."""
    found: dict[str, None] = {}
    for template, word in SHOWN.get((event, field), ()):
        output = outputs.get(template)
        for element in elements_with(word, output.resource) if output else ():
            found[f"{element} ({template})"] = None
    return tuple(found)


def elements_with(word: str, resource: Mapping[str, Node]) -> Iterator[str]:
    """The elements of a template below which a placeholder begins with the word: `Observation.valueQuantity`."""
    kind = resource.get("resourceType")
    for name, node in resource.items():
        if _holds(word, node):
            yield f"{kind}.{_deepest(word, name, node)}"


def _holds(word: str, node: Node) -> bool:
    match node:
        case str():
            return word in _PLACEHOLDER.findall(node)
        case list():
            return any(_holds(word, item) for item in node)
        case dict():
            return any(_holds(word, item) for item in node.values())


def _deepest(word: str, path: str, node: Node) -> str:
    """The path down to where the placeholder is no longer in one place only."""
    if isinstance(node, list):
        inside = [item for item in node if _holds(word, item)]
        return _deepest(word, f"{path}{_coded(inside[0])}", inside[0]) if len(inside) == 1 else path
    if isinstance(node, dict):
        names = [name for name, item in node.items() if _holds(word, item)]
        return _deepest(word, f"{path}.{names[0]}", node[names[0]]) if len(names) == 1 else path
    return path


def _coded(node: Node) -> str:
    """`[reaction]` for a row of a list that is told apart by a code of its own."""
    code = node.get("code") if isinstance(node, dict) else None
    codings = code.get("coding") if isinstance(code, dict) else None
    first = codings[0] if isinstance(codings, list) and codings else None
    word = first.get("code") if isinstance(first, dict) else None
    return f"[{word}]" if isinstance(word, str) and "$" not in word else ""
