"""A FHIR body as its resources: one resource or any kind of Bundle, supporting resources first (fhir-interface 1.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from adapter.domain.times import iso_moment
from adapter.fhir import Json
from adapter.ingest.fhir_history import is_history, turns_of, version_of_deletion
from adapter.ingest.fhir_status_entry import status_of

Resource = dict[str, Any]
SUPPORTING = ("Patient", "Medication", "MedicationRequest")
"""Resources others refer to: they are translated before those."""
_URN = "urn:uuid:"
_EVENT_TIMES = (
    ("effectiveDateTime",),
    ("effectivePeriod", "end"),
    ("effectivePeriod", "start"),
    ("onsetDateTime",),
    ("onsetPeriod", "start"),
    ("lastOccurrence",),
    ("recordedDate",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirItem:
    """One resource of a body, or the deletion of one."""

    resource: Resource | None
    """None for a deletion, and for an entry that holds nothing."""
    reference: str | None
    """`Type/id`, when the resource has an id."""
    method: str
    """HTTP method of the entry: `DELETE` is a retraction."""
    index: int
    """Place in the Bundle, from 0."""
    meta: Resource = field(default_factory=dict, hash=False)
    """The version a deletion made, as far as a history tells it."""
    turn: int = 0
    """When it happened among the entries of a history; 0 for all of any other Bundle."""


def fhir_resources(body: Json) -> list[FhirItem]:
    """The resources of a body: patients, medications and orders first, otherwise in the order of the entries.

    A Bundle of type history is told the oldest first.

    References by `urn:uuid:` that the Bundle itself resolves become `Type/id`; what is no JSON object has none. Of a
    notification neither its status nor an entry that only names a resource is one.
    """
    if not isinstance(body, dict):
        return []
    if body.get("resourceType") != "Bundle":
        return [FhirItem(resource=body, reference=reference_to(body), method="POST", index=0)]
    entries = [entry if isinstance(entry, dict) else {} for entry in _listed(body.get("entry"))]
    resources = [_identified(entry) for entry in entries]
    urns = {
        str(entry.get("fullUrl")): reference
        for entry, resource in zip(entries, resources, strict=True)
        if resource and (reference := reference_to(resource)) and str(entry.get("fullUrl", "")).startswith(_URN)
    }
    turns, is_told = turns_of(body, entries), is_history(body)
    items = [
        replace(
            _item(entry, resource, urns, index),
            turn=turns[index],
            meta=version_of_deletion(entry) if is_told and resource is None else {},
        )
        for index, (entry, resource) in enumerate(zip(entries, resources, strict=True))
    ]
    if status_of(body) is not None:
        items = [item for item in items[1:] if item.resource is not None or item.method == "DELETE"]
    return sorted(items, key=_order)


def reference_to(resource: Resource) -> str | None:
    """`Type/id`; None without an id."""
    kind, identity = resource.get("resourceType"), resource.get("id")
    return f"{kind}/{identity}" if isinstance(kind, str) and isinstance(identity, str) and identity else None


def literal_reference(text: str) -> str:
    """A reference as `Type/id`, whatever server and version it names; `urn:` and `#` references stay as they are."""
    if text.startswith(("urn:", "#")):
        return text
    parts = text.split("/_history/", maxsplit=1)[0].rstrip("/").split("/")
    return "/".join(parts[-2:])


def fhir_stamp(body: Json) -> datetime | None:
    """When a body says it was made: Bundle.timestamp, meta.lastUpdated, else the latest time of its facts.

    A date or a time without zone is read as UTC, to its latest instant; None when there is no time at all.
    """
    if not isinstance(body, dict):
        return None
    own = _instant(body.get("timestamp")) if body.get("resourceType") == "Bundle" else None
    meta = body.get("meta")
    own = own or _instant(meta.get("lastUpdated") if isinstance(meta, dict) else None)
    if own:
        return own
    if body.get("resourceType") == "Bundle":
        entries = [entry.get("resource") for entry in _listed(body.get("entry")) if isinstance(entry, dict)]
        stamps = [fhir_stamp(resource) for resource in entries if isinstance(resource, dict)]
    else:
        stamps = [_instant(text) for text in _event_times(body)]
    return max((stamp for stamp in stamps if stamp), default=None)


def _event_times(resource: Resource) -> Iterator[Any]:
    for first, *rest in _EVENT_TIMES:
        value = resource.get(first)
        yield value.get(rest[0]) if rest and isinstance(value, dict) else value
    for reaction in _listed(resource.get("reaction")):
        if isinstance(reaction, dict):
            yield reaction.get("onset")


def _instant(text: Json) -> datetime | None:
    try:
        return iso_moment(text, default_zone=UTC).latest if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def _listed(value: Json) -> list[Any]:
    return value if isinstance(value, list) else []


def _identified(entry: Resource) -> Resource | None:
    """The resource of an entry; a supporting one without id takes it from the URL it is put to, or from its urn."""
    resource = entry.get("resource")
    if not isinstance(resource, dict):
        return None
    target = _target(entry)
    if resource.get("id") or resource.get("resourceType") not in SUPPORTING:
        put = _method(entry) == "PUT" and target and target.split("/")[0] == resource.get("resourceType")
        return {**resource, "id": target.split("/")[1]} if put and target and not resource.get("id") else resource
    url = str(entry.get("fullUrl", ""))
    identity = target.split("/")[1] if target else url.removeprefix(_URN) if url.startswith(_URN) else ""
    return {**resource, "id": identity} if identity else resource


def _item(entry: Resource, resource: Resource | None, urns: dict[str, str], index: int) -> FhirItem:
    method = _method(entry)
    if method == "DELETE":
        return FhirItem(resource=None, reference=_target(entry), method=method, index=index)
    if resource is None:
        return FhirItem(resource=None, reference=None, method=method, index=index)
    linked: Resource = _relinked(resource, urns) if urns else resource
    return FhirItem(resource=linked, reference=reference_to(linked), method=method, index=index)


def _method(entry: Resource) -> str:
    request = entry.get("request")
    method = request.get("method") if isinstance(request, dict) else None
    return method.upper() if isinstance(method, str) else "POST"


def _target(entry: Resource) -> str | None:
    """`Type/id` of the URL an entry is sent to; None for a search or a bare type."""
    request = entry.get("request")
    url = request.get("url") if isinstance(request, dict) else None
    if not isinstance(url, str) or "?" in url:
        return None
    reference = literal_reference(url)
    return reference if "/" in reference and all(reference.split("/")) else None


def _relinked(value: Json, urns: dict[str, str]) -> Json:
    match value:
        case dict():
            return {
                key: urns.get(item, item) if key == "reference" and isinstance(item, str) else _relinked(item, urns)
                for key, item in value.items()
            }
        case list():
            return [_relinked(item, urns) for item in value]
        case _:
            return value


def _order(item: FhirItem) -> tuple[int, int, int]:
    kind = (item.resource or {}).get("resourceType")
    rank = SUPPORTING.index(kind) if kind in SUPPORTING else len(SUPPORTING)
    return rank, item.turn, item.index
