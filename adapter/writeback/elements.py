"""FHIR elements the outputs share: quantities, times, references, absent reasons and the narrative."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

from adapter.domain.events import Coding
from adapter.domain.times import Moment
from adapter.fhir import UCUM, Canonical

ABSENT_REASONS = {
    "unknown": "Unknown",
    "temp-unknown": "Temporarily Unknown",
    "not-asked": "Not Asked",
    "not-performed": "Not Performed",
    "as-text": "As Text",
}
"""http://terminology.hl7.org/CodeSystem/data-absent-reason"""
ENTRY_OF = "of"
"""The part of an entry of a list that says what it is made of, where entries of one list differ in that."""
NARRATIVE_OPENS = '<div xmlns="http://www.w3.org/1999/xhtml">'
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
_FHIR_ID = re.compile(r"(MedicationAdministration|AllergyIntolerance)/[A-Za-z0-9\-.]{1,64}")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The patient as outputs name him: the mapped identifier, and the target's own reference when it is known."""

    patient: str
    """`<system>|<value>`"""
    reference: str | None = None
    """`Patient/<id>`"""


def subject_reference(subject: Subject) -> dict[str, Any]:
    """Literal reference plus identifier: servers that index no logical references still find the patient."""
    system, _, value = subject.patient.partition("|")
    named = {"reference": subject.reference} if subject.reference else {}
    identifier = {"system": system, "value": value}
    return {**named, "type": "Patient", "identifier": identifier}


def source_reference(canonical: Canonical, source: str, key: str) -> dict[str, Any]:
    """A resource of a source: literal where its key is `Type/id`, and always by an identifier.

    The literal part is taken out again for targets that do not hold that source (`bundle.for_target`).
    """
    found = _FHIR_ID.match(key)
    if found:
        identifier = {"system": canonical.source(source), "value": found[0]}
        return {"reference": found[0], "type": found[1], "identifier": identifier}
    system, listed, value = key.partition("|")
    identifier = {"system": system, "value": value} if listed else {"system": canonical.source(source), "value": key}
    return {"type": "MedicationAdministration", "identifier": identifier}


def device(canonical: Canonical) -> dict[str, Any]:
    """The adapter as author and device, by identifier: a literal Device would have to exist on every target."""
    identifier = {"system": f"{canonical.base}/sid/device", "value": "troughline"}
    return {"type": "Device", "identifier": identifier, "display": "Troughline"}


def quantity(value: Decimal, unit: str, code: str | None = None, comparator: str | None = None) -> dict[str, Any]:
    """A FHIR Quantity with its digits; UCUM only when a code is known."""
    coded = {"system": UCUM, "code": code} if code else {}
    compared = {"comparator": comparator} if comparator else {}
    return {"value": value, **compared, "unit": unit, **coded}


def absent(code: str) -> dict[str, Any]:
    """A data-absent-reason as a CodeableConcept."""
    system = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
    return {"coding": [{"system": system, "code": code, "display": ABSENT_REASONS[code]}]}


def fhir_time(text: str | None) -> str | None:
    """A time as FHIR dateTime; one without a zone keeps its date only, because FHIR forbids a time without zone."""
    if text is None or "T" not in text:
        return text
    return text if _TIME.fullmatch(text) else text[:10]


def moment_time(at: Moment | None) -> str | None:
    """A moment as FHIR dateTime, never more precise than it was sent."""
    if at is None:
        return None
    return at.text[:10] if at.precision == "hour" else fhir_time(at.text)


def identifier_parts(coding: Coding | None) -> dict[str, str | None]:
    """An order number with its authority: as `system` where that is a URI or OID, else as `assigner`."""
    if coding is None:
        return {}
    system = uri(coding.system)
    return {"value": coding.code, "system": system, "assigner": None if system else coding.system}


def uri(system: str | None) -> str | None:
    """A coding system or authority as a URI; None when it is only a name such as `L`."""
    if not system:
        return None
    if _OID.fullmatch(system):
        return f"urn:oid:{system}"
    return system if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+", system) else None


def concept(code: str, displays: Mapping[str, str]) -> dict[str, str]:
    """A code with its display."""
    return {"code": code, "display": displays[code]}


def narrative(paragraphs: Sequence[str]) -> str:
    """The human text of a resource as escaped XHTML."""
    return NARRATIVE_OPENS + "".join(f"<p>{escape(_printable(text))}</p>" for text in paragraphs if text) + "</div>"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " for letter in text)
