"""The transaction a target is sent: one PUT per resource, references as that target can resolve them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapter.fhir import Canonical, Json


def transaction(
    rows: Sequence[Mapping[str, Any]], *, base_url: str, versions: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A transaction Bundle that creates or updates every resource under its id.

    `versions`: `Type/id` -> the version the server must still hold, or it refuses the whole.
    """
    entries = [_entry(row, base_url, versions or {}) for row in rows]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def for_target(
    body: Mapping[str, Any],
    *,
    canonical: Canonical,
    literal_sources: frozenset[str] = frozenset(),
    patient: str | None = None,
    patient_reference: str | None = None,
) -> dict[str, Any]:
    """A resource as one target can take it.

    A literal reference to a resource the target does not hold fails the whole transaction on servers with
    referential integrity, so doses and reactions keep theirs only when their source is in `literal_sources`;
    `patient_reference` (`Patient/<id>` on the target) replaces that of the subject, and `patient`
    (`<system>|<value>`) its identifier: a target of another authority knows one of merged records by its own number.
    """
    resource: dict[str, Any] = _localised(dict(body), canonical.source(""), literal_sources)
    if "subject" in resource:
        subject = {key: value for key, value in resource["subject"].items() if key != "reference"}
        if patient:
            system, _, number = patient.partition("|")
            subject["identifier"] = {"system": system, "value": number}
        resource["subject"] = {"reference": patient_reference, **subject} if patient_reference else subject
    return resource


def _entry(row: Mapping[str, Any], base_url: str, versions: Mapping[str, str]) -> dict[str, Any]:
    place = f"{row['resourceType']}/{row['id']}"
    unchanged = {"ifMatch": f'W/"{versions[place]}"'} if place in versions else {}
    return {
        "fullUrl": f"{base_url.rstrip('/')}/{place}",
        "resource": dict(row),
        "request": {"method": "PUT", "url": place, **unchanged},
    }


def _localised(node: Json, sources: str, literal: frozenset[str]) -> Json:
    """The same, without references that would lead nowhere; what has none of them stays itself."""
    kind = type(node)
    if kind is dict:
        places = node.items()
    elif kind is list:
        places = enumerate(node)
    else:
        return node
    changed = None
    for place, item in places:
        if type(item) is not str and (new := _localised(item, sources, literal)) is not item:
            if changed is None:
                changed = node.copy()
            changed[place] = new
    if kind is dict and "reference" in node and _is_foreign(node, sources, literal):
        if changed is None:
            changed = node.copy()
        del changed["reference"]
    return node if changed is None else changed


def _is_foreign(node: Mapping[str, Any], sources: str, literal: frozenset[str]) -> bool:
    identifier = node.get("identifier")
    system = identifier.get("system") if isinstance(identifier, dict) else None
    return isinstance(system, str) and system.startswith(sources) and system.removeprefix(sources) not in literal
