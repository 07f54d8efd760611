"""What the door says of a FHIR resource: its definition in R4, and the required codes the models do not check."""

from __future__ import annotations

import re
from typing import Any

from adapter.domain.problems import Problem, problem
from adapter.fhir import Json, required_code_problems, validate
from adapter.ingest.fhir_bundle import fhir_resources

CHECKED = frozenset({"MedicationAdministration", "AllergyIntolerance", "Patient", "Medication", "MedicationRequest"})
_WITHOUT_ZONE = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?", re.ASCII)


def check_fhir(resource: Json) -> list[Problem]:
    """Problems that forbid taking a resource, each with its FHIRPath expression; never with content.

    A retraction with an id is always taken. A time without zone breaks FHIR but exists: the translation deals with it.
    """
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        return [problem("fhir-unreadable")]
    if resource["resourceType"] == "Bundle":
        return _bundle_problems(resource)
    if resource["resourceType"] not in CHECKED or is_retraction(resource):
        return []
    zoned = _as_meant(resource)
    return [
        problem("fhir-invalid", where=where, text=f"{text[:1].upper()}{text[1:]}.")
        for where, text in [*validate(zoned), *required_code_problems(zoned)]
    ]


def is_refused(body: Json) -> bool:
    """Whether a body, or a resource of a Bundle, is not taken."""
    return bool(check_fhir(body)) or any(
        check_fhir(item.resource) for item in fhir_resources(body) if item.resource is not None
    )


def is_retraction(resource: dict[str, Any]) -> bool:
    """Whether the resource says of itself, under its id, that it never should have been."""
    if not isinstance(resource.get("id"), str):
        return False
    match resource.get("resourceType"):
        case "MedicationAdministration":
            return resource.get("status") == "entered-in-error"
        case "AllergyIntolerance":
            return _verification_codes(resource) == {"entered-in-error"}
        case _:
            return False


def _verification_codes(resource: dict[str, Any]) -> set[str]:
    concept = resource.get("verificationStatus")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    listed = codings if isinstance(codings, list) else []
    return {str(coding.get("code")) for coding in listed if isinstance(coding, dict)}


def _bundle_problems(bundle: dict[str, Any]) -> list[Problem]:
    if not isinstance(bundle.get("type"), str):
        return [problem("fhir-invalid", where="Bundle.type")]
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return [problem("fhir-invalid", where="Bundle.entry")]
    return []


def _as_meant(value: Json) -> Json:
    """The resource without empty properties, which the models let pass, and with a zone on every time."""
    match value:
        case dict():
            return {key: _as_meant(item) for key, item in value.items() if item is not None}
        case list():
            return [_as_meant(item) for item in value]
        case str() if found := _WITHOUT_ZONE.fullmatch(value):
            return f"{found[1]}{found[2] or ':00'}Z"
        case _:
            return value
