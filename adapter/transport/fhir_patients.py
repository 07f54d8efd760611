"""What a FHIR server's Patients say of themselves: whose number they carry, and which record took their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapter.transport.fhir_results import Page, rows_of

Identifier = tuple[str, str]
"""(system, value)"""


def carries(resource: Mapping[str, Any], system: str, value: str) -> bool:
    """A server that ignores the search parameter answers with everything; only bearers of the identifier count."""
    return any(row.get("system") == system and row.get("value") == value for row in rows_of(resource, "identifier"))


def replaced_by(patient: Mapping[str, Any]) -> list[str]:
    """`Patient/<id>` of the records that took the place of one."""
    if patient.get("active") is not False:
        return []
    links = [link for link in rows_of(patient, "link") if link.get("type") == "replaced-by"]
    return [_relative(link.get("other")) for link in links]


def sure_carriers(page: Page, identifiers: Sequence[Identifier]) -> dict[Identifier, str]:
    """The ids of those whom a search for several tells for certain.

    For certain: the answer is whole, nobody else in it carries the identifier, and no other record replaced him.
    """
    if page.next_url is not None or (page.total or 0) > len(page.resources):
        return {}
    carriers: dict[Identifier, list[Mapping[str, Any]]] = {one: [] for one in identifiers}
    for patient in page.resources:
        for carried in _carried(patient) & carriers.keys():
            carriers[carried].append(patient)
    return {
        one: found[0]["id"]
        for one, found in carriers.items()
        if len(found) == 1 and isinstance(found[0].get("id"), str) and not replaced_by(found[0])
    }


def _carried(patient: Mapping[str, Any]) -> set[Identifier]:
    told = [(row.get("system"), row.get("value")) for row in rows_of(patient, "identifier")]
    return {(system, value) for system, value in told if isinstance(system, str) and isinstance(value, str)}


def _relative(reference: object) -> str:
    """`Patient/<id>` of a relative or absolute reference, empty when there is none."""
    literal = reference.get("reference") if isinstance(reference, dict) else None
    return "/".join(literal.split("/_history/")[0].split("/")[-2:]) if isinstance(literal, str) else ""
