"""Elements of a FHIR resource of ours that nothing reads, and nobody has said are not needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from adapter.commands.judged_rows import ResourceRow
from adapter.ingest.fhir_fields import ResourceMapping

_BY_THE_READER = frozenset({"resourceType", "id", "meta", "identifier", "contained", "implicitRules", "text"})
"""Elements that the reader uses, and the narrative, whatever the mapping says."""
_EXTENSIONS = frozenset({"extension", "modifierExtension"})
_TYPED = re.compile(r"\.?ofType\((\w+)\)")
Steps = tuple[str, ...]


def unread_elements(rows: Iterable[ResourceRow]) -> list[str]:
    """FHIRPaths of the largest elements of which nothing is read: `performer`, `dosage.site`."""
    places: dict[str, None] = {}
    seen: set[int] = set()
    rows = list(rows)
    for row in rows:
        resource = row.row.resource
        if id(resource) in seen:
            continue
        seen.add(id(resource))
        read = [steps for other in rows if other.row.resource is resource for steps in _read(other.mapping)]
        prefix = row.prefix or f"{resource['resourceType']}."
        for name, value in resource.items():
            if name not in _BY_THE_READER:
                places.update((f"{prefix}{place}", None) for place in _unread(value, (name,), read))
    return list(places)


def _read(mapping: ResourceMapping) -> Iterator[Steps]:
    """Every path of the mapping from the resource on, those it calls not needed too."""
    kind = mapping.mapping.resource or ""
    texts = [path.text for path in mapping.codes]
    texts += [path.text for field in mapping.fields.values() for path in field.paths]
    texts += [path for path, _ in mapping.mapping.not_needed]
    for text in texts:
        steps = _steps(text.removeprefix(f"{kind}."))
        yield steps
        if mapping.mapping.for_each and not text.startswith(f"{kind}."):
            yield (mapping.mapping.for_each, *steps)


def _steps(text: str) -> Steps:
    """`effective.ofType(Period).start` as the JSON writes it: effectivePeriod, start."""
    return tuple(_TYPED.sub(lambda found: found[1][:1].upper() + found[1][1:], text).split("."))


def _unread(value: Any, place: Steps, read: list[Steps]) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if place[-1] in _EXTENSIONS:
        return
    deeper = False
    for steps in read:
        if _same(steps, place[: len(steps)]):
            return
        deeper = deeper or _same(steps[: len(place)], place)
    if not deeper:
        yield ".".join(place)
        return
    for element in value if isinstance(value, list) else [value]:
        if isinstance(element, dict):
            for name, inner in element.items():
                yield from _unread(inner, (*place, name), read)


def _same(steps: Steps, place: Steps) -> bool:
    """Whether the steps name the place; `medication` names medicationReference too."""
    if len(steps) != len(place):
        return False
    return all(
        step == name or (name.startswith(step) and name[len(step) : len(step) + 1].isupper())
        for step, name in zip(steps, place, strict=True)
    )
