"""The status a notification begins with: told of a subscription, and no clinical resource (fhir-interface 1.2 b)."""

from __future__ import annotations

from typing import Any

from adapter.fhir import Json

OF_BACKPORT = frozenset({"subscription", "type"})
"""Parameters every status of the Backport IG names."""


def status_of(body: Json) -> dict[str, Any] | None:
    """SubscriptionStatus, or the Parameters that stand for it in R4, of a notification; None for any other body."""
    entry = first_entry(body)
    resource = entry.get("resource")
    if not isinstance(resource, dict):
        return None
    match resource.get("resourceType"):
        case "SubscriptionStatus":
            return resource
        case "Parameters" if {name for name, _ in parameters(resource)} >= OF_BACKPORT:
            return resource
        case _:
            return None


def first_entry(body: Json) -> dict[str, Any]:
    """The first entry of a Bundle, an empty one when there is none."""
    if not isinstance(body, dict) or body.get("resourceType") != "Bundle":
        return {}
    entries = body.get("entry")
    first = entries[0] if isinstance(entries, list) and entries else None
    return first if isinstance(first, dict) else {}


def parameters(resource: dict[str, Any], element: str = "parameter") -> list[tuple[str, dict[str, Any]]]:
    """(name, parameter) of a Parameters resource, or of the parts of one parameter."""
    listed = resource.get(element)
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    return [(name, row) for row in rows if isinstance(name := row.get("name"), str)]
