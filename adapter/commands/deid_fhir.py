"""One FHIR body without what identifies: element by element, everything off the keep list gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapter.commands.deid_keep_list import Rule
from adapter.commands.deid_leaf import Left, Means, Notes, Person, leaf_out
from adapter.fhir import Json

_PLAIN = (bool, int, Decimal)
_OF_TRUTHS = frozenset({"keep", "truth"})
_OF_NUMBERS = frozenset({"keep", "code", "value", "amount", "number"})
OFF_THE_LIST = "(a resource type off the keep list)"
PersonOf = Callable[[int], Person]
"""The patient of the entry at that place of a Bundle; of a single resource, entry 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body as it may be shared, and which entries of the Bundle it still has."""

    json: Json
    entries: tuple[int, ...] = ()


def body_out(body: dict[str, Any], person_of: PersonOf, whole: Person | None, means: Means, notes: Notes) -> Body:
    """A resource or a Bundle; `whole` is its only patient, None where there are several or none.

    An entry whose resource has no line in the keep list is left out; so is such a resource alone (`json` is None).
    """
    if body.get("resourceType") != "Bundle":
        return Body(json=resource_out(body, person_of(0), means, notes), entries=(0,))
    kept: list[Json] = []
    places: list[int] = []
    listed = body.get("entry")
    for place, entry in enumerate(listed if isinstance(listed, list) else []):
        new = _entry(entry, person_of(place), means, notes) if isinstance(entry, dict) else None
        if new:
            kept.append(new)
            places.append(place)
    around = {key: value for key, value in body.items() if key not in ("entry", "timestamp" if whole is None else "")}
    if whole is None and "timestamp" in body:
        notes.cleared("Bundle.timestamp", str(body["timestamp"]), "word")
    out = {"resourceType": "Bundle", **_element(around, "Bundle", whole or Person(), means, notes)}
    return Body(json={**out, "entry": kept} if "entry" in body else out, entries=tuple(places))


def _entry(entry: dict[str, Any], person: Person, means: Means, notes: Notes) -> dict[str, Any] | None:
    around = {key: value for key, value in entry.items() if key != "resource"}
    new: dict[str, Any] = _element(around, "Bundle.entry", person, means, notes)
    resource = entry.get("resource")
    if not isinstance(resource, dict):
        return new
    inner = resource_out(resource, person, means, notes)
    return {**new, "resource": inner} if inner is not None else None


def resource_out(resource: dict[str, Any], person: Person, means: Means, notes: Notes) -> dict[str, Any] | None:
    """One resource; None when no line of the keep list names its type."""
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or kind not in means.keep.resources or kind == "Bundle":
        place = kind if isinstance(kind, str) and kind in means.keep.people else OFF_THE_LIST
        _all_gone(resource, place, means, notes)
        return None
    inner = {key: value for key, value in resource.items() if key not in ("resourceType", "contained")}
    out = {"resourceType": kind, **_element(inner, kind, person, means, notes)}
    contained = resource.get("contained")
    if contained is not None:
        listed = contained if isinstance(contained, list) else []
        kept = [new for one in listed if isinstance(one, dict) and (new := resource_out(one, person, means, notes))]
        out |= {"contained": kept} if kept else {}
    return out


def _element(element: dict[str, Any], path: str, person: Person, means: Means, notes: Notes) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in element.items():
        new = _value(value, f"{path}.{key}", person, means, notes)
        if new not in (None, {}, []):
            out[key] = new
    return out


def _value(value: Json, path: str, person: Person, means: Means, notes: Notes) -> Json:
    match value:
        case dict():
            if path in means.keep.elements:
                return _element(value, path, person, means, notes)
            _all_gone(value, _known_part(path, means), means, notes)
            return None
        case list():
            kept = [_value(item, _numbered(path, item), person, means, notes) for item in value]
            return [item for item in kept if item not in (None, {}, [])]
        case None:
            return None
        case _:
            return _leaf(value, path, person, means, notes)


def _leaf(value: Json, path: str, person: Person, means: Means, notes: Notes) -> Json:
    rule = means.keep.fhir.get(path)
    place = path if rule else _known_part(path, means)
    if isinstance(value, _PLAIN):
        return _plain(value, rule, place, means, notes)
    text = str(value)
    new = leaf_out(text, rule, place, person, means, notes) if text.strip() else ""
    return new or None


def _plain(value: Json, rule: Rule | None, place: str, means: Means, notes: Notes) -> Json:
    """A number or a truth value: as it is, or gone."""
    text = str(value)
    if rule is None or rule.do not in (_OF_TRUTHS if isinstance(value, bool) else _OF_NUMBERS):
        notes.cleared(place, text, means.keep.level(place))
        return None
    if isinstance(value, bool):
        return value
    if rule.do not in ("amount", "number"):
        notes.left.append(Left(place=place, do=rule.do, text=text))
        return value
    return value if leaf_out(text, rule, place, Person(), means, notes) == text else None


def _numbered(path: str, item: Json) -> str:
    """Extensions are told apart by the end of their URL."""
    if not path.endswith("xtension") or not isinstance(item, dict):
        return path
    url = item.get("url")
    return (
        f"{path}[{url.rstrip('/').rpartition('/')[2]}]"
        if isinstance(url, str) and path.endswith(".extension")
        else path
    )


def _known_part(path: str, means: Means) -> str:
    """A place as it may be told: names of elements nobody listed may themselves hold what identifies."""
    steps = path.split(".")
    for end in range(len(steps), 0, -1):
        start = ".".join(steps[:end])
        if start in means.keep.elements or start in means.keep.fhir:
            return start if end == len(steps) else f"{start}.{_safe(steps[end])}"
    return steps[0]


_USUAL = frozenset(
    {
        *(
            "text",
            "div",
            "display",
            "note",
            "extension",
            "profile",
            "tag",
            "security",
            "source",
            "language",
            "ifNoneExist",
        ),
        *("name", "telecom", "address", "contact", "photo", "maritalStatus", "communication", "generalPractitioner"),
        *("managingOrganization", "multipleBirthBoolean", "multipleBirthInteger", "link", "period", "assigner"),
        *("performer", "context", "device", "eventHistory", "supportingInformation", "reasonCode", "reasonReference"),
        *("asserter", "encounter", "author", "time", "id"),
    }
)
"""Names of elements that may be told; any other name could itself hold what identifies."""


def _safe(step: str) -> str:
    return step if step in _USUAL else "(another element)"


def _all_gone(value: Json, place: str, means: Means, notes: Notes) -> None:
    """Everything below an element that is not on the list."""
    for text in _texts(value):
        notes.cleared(place, text, means.keep.level(place))


def _texts(value: Json) -> Iterator[str]:
    match value:
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for item in value:
                yield from _texts(item)
        case None | bool():
            return
        case _:
            yield str(value)
