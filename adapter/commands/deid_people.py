"""Who is who in a corpus: numbers and records that name one patient, whichever message joins them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from adapter.fhir import Json
from adapter.ingest.fhir_bundle import literal_reference
from adapter.ingest.hl7v2 import Message

Name = str
"""`number:4711` or `record:Patient/p1`: one of the names a patient has."""
_NUMBERED = (("PID", 2), ("PID", 3), ("PID", 4), ("MRG", 1))


@dataclass(slots=True, kw_only=True)
class People:
    """Names that belong to one patient, joined as they are met; and the first day each was seen."""

    above: dict[Name, Name] = field(default_factory=dict)
    seen: dict[Name, date] = field(default_factory=dict)

    def meet(self, names: Iterable[Name], on: date | None) -> None:
        """Take note that these are names of one patient, seen on a day."""
        first: Name | None = None
        for name in names:
            root = self.who(name)
            if first is None:
                first = root
            elif root != first:
                # The smallest name stands for all, whatever the order in which they are met.
                first, other = min(first, root), max(first, root)
                self.above[other] = first
                self._see(first, self.seen.get(other))
        if first is not None:
            self._see(first, on)

    def who(self, name: Name) -> Name:
        """The name that stands for the patient."""
        self.above.setdefault(name, name)
        while self.above[name] != name:
            self.above[name] = self.above[self.above[name]]
            name = self.above[name]
        return name

    def _see(self, name: Name, on: date | None) -> None:
        if on is not None:
            self.seen[name] = min(on, self.seen.get(name, on))


def names_in_message(message: Message) -> list[Name]:
    """Every number a message has for its patient; of two patients in one message, those of both."""
    names: list[Name] = []
    for segment_name, number in _NUMBERED:
        for segment in message.named(segment_name):
            values = (segment.value(number, place) for place in range(1, len(segment.repetitions(number)) + 1))
            names += [_number(value) for value in values if value and value.strip()]
    return list(dict.fromkeys(names))


def names_in_resource(resource: dict[str, Any]) -> list[Name]:
    """Every name a resource has for its patient."""
    if resource.get("resourceType") == "Patient":
        links = [link.get("other") for link in _dicts(resource.get("link"))]
        own = f"Patient/{resource['id']}" if isinstance(resource.get("id"), str) else None
        inner = [name for link in links for name in _referred(link, resource)]
        return [*([f"record:{own}"] if own else []), *_identifiers(resource.get("identifier")), *inner]
    subject = resource.get("subject") or resource.get("patient")
    return list(_referred(subject, resource))


def references_in(body: Json) -> Iterator[str]:
    """Every record a body refers to, as `Type/id`."""
    match body:
        case dict():
            for key, value in body.items():
                if key == "reference" and isinstance(value, str):
                    yield literal_reference(value)
                else:
                    yield from references_in(value)
        case list():
            for item in body:
                yield from references_in(item)


def _referred(reference: Json, resource: dict[str, Any]) -> Iterator[Name]:
    if not isinstance(reference, dict):
        return
    text = reference.get("reference")
    if isinstance(text, str) and text.startswith("#"):
        inside = [one for one in _dicts(resource.get("contained")) if one.get("id") == text[1:]]
        for one in inside:
            yield from _identifiers(one.get("identifier"))
    elif isinstance(text, str) and text:
        yield f"record:{literal_reference(text)}"
    yield from _identifiers([reference.get("identifier")])


def _identifiers(listed: Json) -> list[Name]:
    values = [one.get("value") for one in _dicts(listed if isinstance(listed, list) else [listed])]
    return [_number(value) for value in values if isinstance(value, str) and value.strip()]


def _number(value: str) -> Name:
    return f"number:{value.strip()}"


def _dicts(listed: Json) -> list[dict[str, Any]]:
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
