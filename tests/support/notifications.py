"""Notifications as servers of the field send them: R4 with the Backport IG, R4B, R5, and HAPI FHIR's own."""

from __future__ import annotations

from typing import Any

BASE = "https://ehr.example/fhir"
SUBSCRIPTION = f"{BASE}/Subscription/s1"
PROFILE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"
Resource = dict[str, Any]
Events = list[tuple[int, str]]
"""(number, `Type/id` of the focus)"""


def backport(
    kind: str = "event-notification",
    *,
    total: int = 1,
    events: Events | None = None,
    resources: list[Resource] | None = None,
    deleted: list[str] | None = None,
    status: str = "active",
    subscription: str = SUBSCRIPTION,
    at: str = "2025-06-01T12:00:00.000Z",
) -> Resource:
    """R4: a history Bundle that begins with Parameters; `resources` makes its payload full."""
    parameters: list[Resource] = [
        {"name": "subscription", "valueReference": {"reference": subscription}},
        {"name": "topic", "valueCanonical": f"{BASE}/SubscriptionTopic/doses"},
        {"name": "status", "valueCode": status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(total)},
    ]
    parameters += [_backport_event(number, focus, at) for number, focus in events or []]
    said = {"resourceType": "Parameters", "id": "n", "meta": {"profile": [PROFILE]}, "parameter": parameters}
    return _history(said, resources, deleted, at)


def r4b(
    kind: str = "event-notification",
    *,
    total: int = 1,
    events: Events | None = None,
    resources: list[Resource] | None = None,
    deleted: list[str] | None = None,
    at: str = "2025-06-01T12:00:00.000Z",
) -> Resource:
    """R4B: the same Bundle with a true SubscriptionStatus."""
    return _history(_status(kind, total, events, at), resources, deleted, at)


def r5(
    kind: str = "event-notification",
    *,
    total: int = 1,
    events: Events | None = None,
    resources: list[Resource] | None = None,
    at: str = "2025-06-01T12:00:00.000Z",
) -> Resource:
    """R5: a Bundle type of its own, whose entries need neither request nor response."""
    entries = [{"resource": _status(kind, total, events, at)}, *({"resource": one} for one in resources or [])]
    return {"resourceType": "Bundle", "type": "subscription-notification", "timestamp": at, "entry": entries}


def hapi(
    kind: str = "event-notification",
    *,
    total: int = 1,
    resources: list[Resource] | None = None,
    deleted: list[str] | None = None,
    focus: str | None = None,
) -> Resource:
    """HAPI FHIR's for R4: a date for an instant, no request and no response beside the status, numbers of its own."""
    focuses = [focus] if focus else [f"{one['resourceType']}/{one['id']}" for one in resources or []] + (deleted or [])
    events = [
        {
            "name": "notification-event",
            "part": [
                {"name": "event-number", "valueString": str(total)},
                {"name": "timestamp", "valueDate": "2025-06-01"},
                {"name": "focus", "valueReference": {"reference": one}},
            ],
        }
        for one in focuses
    ]
    parameters: list[Resource] = [
        {"name": "subscription", "valueReference": {"reference": "Subscription/s1"}},
        {"name": "topic", "valueCanonical": f"{BASE}/SubscriptionTopic/doses"},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(total)},
        *events,
    ]
    status = {"resourceType": "Parameters", "id": "n", "meta": {"profile": [PROFILE]}, "parameter": parameters}
    entries: list[Resource] = [{"fullUrl": "Parameters/n", "resource": status}]
    for one in resources or []:
        reference = f"{one['resourceType']}/{one['id']}"
        request = {"method": "POST", "url": one["resourceType"]}
        entries.append({"fullUrl": f"{reference}/_history/1", "resource": one, "request": request})
    entries += [{"request": {"method": "DELETE", "url": reference}} for reference in deleted or []]
    return {"resourceType": "Bundle", "type": "history", "entry": entries}


def _backport_event(number: int, focus: str, at: str) -> Resource:
    parts: list[Resource] = [
        {"name": "event-number", "valueString": str(number)},
        {"name": "timestamp", "valueInstant": at},
    ]
    if focus:
        parts.append({"name": "focus", "valueReference": {"reference": f"{BASE}/{focus}"}})
    return {"name": "notification-event", "part": parts}


def _status(kind: str, total: int, events: Events | None, at: str) -> Resource:
    told = [
        {"eventNumber": str(number), "timestamp": at, **({"focus": {"reference": focus}} if focus else {})}
        for number, focus in events or []
    ]
    return {
        "resourceType": "SubscriptionStatus",
        "status": "active",
        "type": kind,
        "eventsSinceSubscriptionStart": str(total),
        "subscription": {"reference": SUBSCRIPTION},
        **({"notificationEvent": told} if told else {}),
    }


def _history(status: Resource, resources: list[Resource] | None, deleted: list[str] | None, at: str) -> Resource:
    asked = {"method": "GET", "url": f"{SUBSCRIPTION}/$status"}
    entries = [{"resource": status, "request": asked, "response": {"status": "200"}}]
    for one in resources or []:
        url = f"{one['resourceType']}/{one['id']}"
        request, response = {"method": "PUT", "url": url}, {"status": "200"}
        entries.append({"fullUrl": f"{BASE}/{url}", "resource": one, "request": request, "response": response})
    entries += [_deletion(reference) for reference in deleted or []]
    return {"resourceType": "Bundle", "type": "history", "timestamp": at, "entry": entries}


def _deletion(reference: str) -> Resource:
    return {
        "fullUrl": f"{BASE}/{reference}",
        "request": {"method": "DELETE", "url": reference},
        "response": {"status": "204"},
    }
