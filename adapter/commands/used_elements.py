"""What becomes of each element of a FHIR resource of ours: mapped, not needed, or unread."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from adapter.commands.used_fields import THE_READER, Class
from adapter.ingest.fhir_amounts import INFUSE_OVER_TIME
from adapter.ingest.fhir_fields import Resource, ResourceMapping

_BY_THE_READER = frozenset({"resourceType", "id", "meta", "identifier", "contained", "implicitRules"})
"""Elements that the reader uses, whatever the mapping says."""
_NARRATIVE = "text"
_WHY_NO_NARRATIVE = "the narrative repeats the elements"
_EXTENSION = "extension"
_BEARERS = (("_effectiveDateTime",), ("dosage", "rateQuantity"))
"""Elements of which the reader takes the one extension it knows, and nothing else."""
_TYPED = re.compile(r"\.?ofType\((\w+)\)")
Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementUse:
    """One filled element, the largest of which one thing is true."""

    steps: Steps
    kind: Class
    value: Any
    by: tuple[str, ...] = ()
    """The fields of the event that read it; or why nobody needs it."""

    @property
    def place(self) -> str:
        """`dosage.site`, from the resource on; the same in every resource."""
        return ".".join(self.steps)


class ElementReads:
    """Which elements of a resource mappings read, or call not needed."""

    def __init__(self, mappings: Collection[ResourceMapping]) -> None:
        self._read: list[tuple[Steps, str]] = [found for mapping in mappings for found in _read(mapping)]
        self._not_needed: list[tuple[Steps, str]] = [
            (steps, why)
            for mapping in mappings
            for text, why in mapping.mapping.not_needed
            for steps in _ways(mapping, text)
        ]
        self._not_needed.append(((_NARRATIVE,), _WHY_NO_NARRATIVE))

    def uses(self, resource: Resource) -> Iterator[ElementUse]:
        """Every filled element of a resource, largest first of which one thing is true, each as often as it stands."""
        for name, value in resource.items():
            if value in (None, "", [], {}):
                continue
            if name in _BY_THE_READER:
                yield ElementUse(steps=(name,), kind="mapped", value=value, by=(THE_READER,))
            else:
                yield from self._of(value, (name,))

    def _of(self, value: Any, place: Steps) -> Iterator[ElementUse]:  # noqa: ANN401 - any JSON
        by = tuple(dict.fromkeys(name for steps, name in self._read if _same(steps, place[: len(steps)])))
        if by:
            yield ElementUse(steps=place, kind="mapped", value=value, by=by)
            return
        why = next((why for steps, why in self._not_needed if _same(steps, place[: len(steps)])), None)
        if why is not None:
            yield ElementUse(steps=place, kind="not needed", value=value, by=(why,))
        elif place[-1] == _EXTENSION:
            yield _of_extension(value, place)
        elif self._names_within(place):
            for element in value if isinstance(value, list) else [value]:
                yield from self._within(element, place)
        else:
            yield ElementUse(steps=place, kind="unread", value=value)

    def _names_within(self, place: Steps) -> bool:
        paths = (*self._read, *self._not_needed)
        return place in _BEARERS or any(_same(steps[: len(place)], place) for steps, _ in paths)

    def _within(self, element: Any, place: Steps) -> Iterator[ElementUse]:  # noqa: ANN401 - any JSON
        if not isinstance(element, dict):
            yield ElementUse(steps=place, kind="unread", value=element)
            return
        for name, inner in element.items():
            if inner not in (None, "", [], {}):
                yield from self._of(inner, (*place, name))


def _of_extension(value: Any, place: Steps) -> ElementUse:  # noqa: ANN401 - any JSON
    """Of extensions one is read: how long an infusion took."""
    listed = value if isinstance(value, list) else []
    known = bool(listed) and all(isinstance(e, dict) and str(e.get("url")).endswith(INFUSE_OVER_TIME) for e in listed)
    return ElementUse(steps=place, kind="mapped" if known else "unread", value=value, by=(THE_READER,) if known else ())


def _read(mapping: ResourceMapping) -> Iterator[tuple[Steps, str]]:
    """Every path of the mapping from the resource on, with the field of the event it fills."""
    for path in mapping.codes:
        yield from ((steps, "select") for steps in _ways(mapping, path.text))
    for name, field in mapping.fields.items():
        for path in field.paths:
            yield from ((steps, name) for steps in _ways(mapping, path.text))


def _ways(mapping: ResourceMapping, text: str) -> Iterator[Steps]:
    """A path as steps from the resource; of a mapping with rows also from each row."""
    kind, rows = mapping.mapping.resource or "", mapping.mapping.for_each
    steps = _steps(text.removeprefix(f"{kind}."))
    yield steps
    if rows and not text.startswith(f"{kind}."):
        yield (rows, *steps)


def _steps(text: str) -> Steps:
    """`effective.ofType(Period).start` as the JSON writes it: effectivePeriod, start."""
    return tuple(_TYPED.sub(lambda found: found[1][:1].upper() + found[1][1:], text).split("."))


def _same(steps: Steps, place: Steps) -> bool:
    """Whether the steps name the place; `medication` names medicationReference too."""
    if len(steps) != len(place):
        return False
    return all(
        step == name or (name.startswith(step) and name[len(step) : len(step) + 1].isupper())
        for step, name in zip(steps, place, strict=True)
    )
