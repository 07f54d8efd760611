"""Reading one FHIR resource: references, codes, times and identity, with what is noticed on the way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from adapter.domain.events import Version
from adapter.domain.problems import problem
from adapter.domain.times import Moment, iso_moment
from adapter.fhir import Json
from adapter.ingest.code_lookup import Triplet
from adapter.ingest.compiled import Compiled
from adapter.ingest.fhir_bundle import literal_reference, reference_to
from adapter.ingest.fhir_fields import FhirField, FhirPath, Resource, Row
from adapter.ingest.notes import Notes
from adapter.ingest.patients import best_identifier
from adapter.ingest.zones import unclear_local_time

REPLACED_BY = "replaced-by"
"""The link of a record that ended to the surviving one."""
HOPS = 5
"""Links that are followed from a record without a mapped number; those of a circle end there too."""
Known = Callable[[str], Resource | None]


@dataclass(slots=True, kw_only=True)
class FhirReading:
    """One resource while it is read."""

    resource: Resource
    kind: str
    ready: Compiled
    known: Known
    source: str
    zone: tzinfo | None
    notes: Notes = field(default_factory=Notes)
    waits_for: list[str] = field(default_factory=list)
    parked: str | None = None

    def park(self, code: str, where: str, *references: str) -> None:
        """Leave the resource in the work list, until one of the references arrives if any is named."""
        self.notes.add(problem(code, where=f"{self.kind}.{where}"))
        self.parked = self.parked or code
        self.waits_for.extend(references)


def elements(value: Json) -> list[Resource]:
    """The objects of a list, whatever else was sent there."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_of(value: Json) -> str:
    """A string, else nothing."""
    return value.strip() if isinstance(value, str) else ""


def identifiers(resource: Resource) -> list[tuple[str, str]]:
    """(system, value) of every identifier with a value; those marked old come last."""
    listed = [item for item in elements(resource.get("identifier")) if text_of(item.get("value"))]
    listed.sort(key=lambda item: item.get("use") == "old")
    return [(text_of(item.get("system")), text_of(item.get("value"))) for item in listed]


def triplets(concept: Resource) -> list[Triplet]:
    """(code, text, system) of a CodeableConcept or Coding; its own text last, without a code."""
    codings = elements(concept.get("coding")) or ([concept] if concept.get("code") else [])
    found = [
        (text_of(coding.get("code")), text_of(coding.get("display")), text_of(coding.get("system")))
        for coding in codings
    ]
    text = text_of(concept.get("text")) or text_of(concept.get("display"))
    return [*found, ("", text, "")] if text else found


def resolve(reading: FhirReading, reference: str) -> Resource | None:
    """A contained resource, or one the source told before."""
    if reference.startswith("#"):
        contained = elements(reading.resource.get("contained"))
        return next((item for item in contained if item.get("id") == reference[1:]), None)
    return reading.known(literal_reference(reference))


def reference_of(element: Json) -> str:
    """`Type/id` of a Reference element, else `<system>|<value>` of its identifier, else nothing."""
    if not isinstance(element, dict):
        return ""
    if text_of(element.get("reference")):
        return literal_reference(text_of(element["reference"]))
    pairs = identifiers({"identifier": [element.get("identifier")]})
    return "|".join(pairs[0]) if pairs else ""


def subject(reading: FhirReading, element: Json, where: str) -> str | None:
    """The patient a resource is about, by the subject's own identifier, else by a Patient known from the source."""
    if not isinstance(element, dict):
        reading.park("patient-missing", where)
        return None
    own = best_identifier(identifiers({"identifier": [element.get("identifier")]}), reading.ready.ranks)
    if own:
        return own
    reference = reference_of(element)
    if not text_of(element.get("reference")):
        reading.park("unknown-authority" if reference else "patient-missing", where)
        return None
    if reference.startswith("Group/"):
        reading.notes.add(problem("resource-unsupported", where=f"{reading.kind}.{where}"))
        return None
    found = resolve(reading, text_of(element["reference"]))
    if found is None:
        reading.park("unknown-patient", where, reference)
        return None
    patient, missing, passed = surviving(reading, found)
    if missing:
        reading.park("unknown-patient", where, missing, reference, *passed)
    elif patient is None:
        reading.park("unknown-authority", where, reference, *passed)
    return patient


def surviving(reading: FhirReading, resource: Resource) -> tuple[str | None, str | None, tuple[str, ...]]:
    """The patient a Patient resource names, by its own number or by that of the record it was replaced by.

    Second comes the reference of a record on the way that nobody knows yet, third those of the known ones on the way:
    a newer version of each may have a number.
    """
    passed: list[str] = []
    for _ in range(HOPS + 1):
        patient, other = best_identifier(identifiers(resource), reading.ready.ranks), replaced_by(resource)
        if patient or not other:
            return patient, None, tuple(passed)
        found = reading.known(other)
        if found is None:
            return None, other, tuple(passed)
        passed.append(other)
        resource = found
    return None, None, tuple(passed)


def replaced_by(resource: Resource) -> str | None:
    """`Patient/<id>` of the record a Patient ended in; None when it names several: nobody can choose."""
    links = [link for link in elements(resource.get("link")) if link.get("type") == REPLACED_BY]
    others = {other for link in links if (other := reference_of(link.get("other")))}
    return others.pop() if len(others) == 1 else None


def version(reading: FhirReading, *, quiet: bool = False) -> Version:
    """meta.versionId and meta.lastUpdated; without either the last received counts, with a warning."""
    meta = reading.resource.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    text = text_of(meta.get("versionId"))
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
    updated = _moment(text_of(meta.get("lastUpdated")), reading.zone)
    if number is None and updated is None and not quiet:
        _weak(reading, "meta")
    return Version(number=number, updated=updated)


def fact_key(reading: FhirReading) -> str:
    """`Type/<id>`, else the first listed identifier, else a digest of the content and a warning (CONTRACTS 2)."""
    reference = reference_to(reading.resource)
    if reference:
        return reference
    listed = identifiers(reading.resource)
    if listed:
        return "|".join(listed[0])
    _weak(reading, "id")
    told = {key: value for key, value in reading.resource.items() if key not in {"meta", "text"}}
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"), default=str)
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()[:16]}"


def moment_at(reading: FhirReading, spec: FhirField, row: Row) -> tuple[Moment | None, FhirPath | None]:
    """The first filled time of a field and the path it came from; unreadable is None with its problem."""
    found = spec.first(row)
    if found is None:
        return None, None
    text, path = found
    at = _moment(text_of(text), reading.zone)
    where = f"{reading.kind}.{place(path, row)}"
    if at is None:
        reading.notes.add(problem("time-unreadable", where=where))
        return None, path
    if at.zone_from == "unknown":
        reading.notes.add(problem("zone-missing", where=where))
        reading.notes.remark("zone-missing")
    elif at.zone_from == "sender" and at.precision in {"hour", "minute", "second"}:
        reading.notes.remark("zone-assumed")
    unclear = unclear_local_time(at, reading.zone)
    if unclear:
        reading.notes.add(problem(unclear, where=where))
    return at, path


def place(path: FhirPath, row: Row) -> str:
    """The element a path reads, as the rest of a FHIRPath expression from the resource."""
    steps = [step for step in path.text.split(".") if not step.startswith("ofType(")]
    if steps[0] == row.resource.get("resourceType"):
        return ".".join(steps[1:])
    return ".".join(steps) if path.whole else f"reaction[{row.number - 1}].{'.'.join(steps)}"


def has_modifier(value: Json, *, top: bool = True) -> bool:
    """Whether any part carries a modifier extension, or the resource is bound to implicit rules."""
    match value:
        case dict():
            if value.get("modifierExtension") or (top and value.get("implicitRules")):
                return True
            return any(has_modifier(item, top=key == "contained") for key, item in value.items())
        case list():
            return any(has_modifier(item, top=top) for item in value)
        case _:
            return False


def concepts_of(values: list[Any]) -> Iterator[Resource]:
    """The values that are objects, and plain codes as objects."""
    for value in values:
        if isinstance(value, dict):
            yield value
        elif isinstance(value, str):
            yield {"code": value}


def _weak(reading: FhirReading, where: str) -> None:
    if not reading.notes.has("weak-identity"):
        reading.notes.add(problem("weak-identity", where=f"{reading.kind}.{where}"))
    reading.notes.remark("weak-identity")


def moment_of(reading: FhirReading, value: Json) -> Moment | None:
    """A time that only helps to understand another one; None when it cannot be read."""
    return _moment(text_of(value), reading.zone)


def birth_date(reading: FhirReading) -> Moment | None:
    """The birthDate of a Patient; None when it cannot be read: it only helps to point out impossible dates."""
    return _moment(text_of(reading.resource.get("birthDate")), reading.zone)


def _moment(text: str, zone: tzinfo | None) -> Moment | None:
    try:
        return iso_moment(text, default_zone=zone)
    except (ValueError, OverflowError):
        return None
