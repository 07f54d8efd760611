"""Topic notifications: what R4 with the Backport IG, R4B, R5 and HAPI FHIR say of a subscription and its events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args

from adapter.domain.times import iso_moment
from adapter.fhir import Json
from adapter.ingest.fhir_bundle import fhir_resources, literal_reference
from adapter.ingest.fhir_status_entry import first_entry, parameters, status_of

NotificationKind = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event", "unknown"]
EVENTFUL = frozenset({"event-notification", "query-event", "unknown"})
"""Notifications of something that happened; what cannot be named may be one."""
OUT_OF_ORDER = frozenset({"error", "off"})
_REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What one notification tells."""

    kind: NotificationKind
    subscription: str
    """`Subscription/<id>`, empty when it names none."""
    status: str
    total: int | None
    """`events-since-subscription-start`; None when it is missing, or cannot be relied on."""
    numbers: tuple[int, ...]
    """The numbers of the events in it."""
    focus: tuple[str, ...]
    """`Type/id` of what its events are about, and of what its entries only name."""
    told_at: datetime | None
    """The time of the newest event, else of the Bundle."""

    @property
    def out_of_order(self) -> bool:
        """Whether the server says that the subscription does not work."""
        return self.status in OUT_OF_ORDER

    @property
    def eventful(self) -> bool:
        """Whether something happened at the source."""
        return self.kind in EVENTFUL


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One event as it stands in the status."""

    number: int | None
    focus: str
    at: datetime | None
    dated: bool
    """Whether its time is a date: HAPI FHIR writes that, and its numbers begin anew with every start."""


def notification_of(body: Json) -> Notification | None:
    """The notification a body is; None for any other."""
    status = status_of(body)
    if status is None:
        return None
    said = dict(_elements(status))
    events = list(_events(status))
    reliable = _in_order(body) and not any(event.dated for event in events)
    numbers = tuple(event.number for event in events if event.number is not None)
    times = [event.at for event in events if event.at]
    own = body.get("timestamp") if isinstance(body, dict) else None
    return Notification(
        kind=_kind(said.get("type")),
        subscription=reference_in(said.get("subscription")),
        status=str(said.get("status") or ""),
        total=_number(said.get("total")) if reliable else None,
        numbers=numbers if reliable else (),
        focus=tuple(dict.fromkeys((*(event.focus for event in events if event.focus), *_only_named(body)))),
        told_at=max(times) if times else _instant(own),
    )


def named_in(body: Json) -> tuple[list[str], list[str], bool]:
    """`Type/id` of what a body holds and of what it deletes, and whether it also holds what has no name."""
    held: list[str] = []
    deleted: list[str] = []
    nameless = False
    for item in fhir_resources(body):
        if item.method == "DELETE" and item.reference:
            deleted.append(item.reference)
        elif is_reference(item.reference or ""):
            held.append(item.reference or "")
        else:
            nameless = True
    return list(dict.fromkeys(held)), list(dict.fromkeys(deleted)), nameless


def is_reference(text: str) -> bool:
    """Whether a text is `Type/id`."""
    return _REFERENCE.fullmatch(text) is not None


def reference_in(element: Json) -> str:
    """`Type/id` of a Reference, empty when there is none."""
    literal = element.get("reference") if isinstance(element, dict) else None
    reference = literal_reference(literal) if isinstance(literal, str) else ""
    return reference if is_reference(reference) else ""


def _elements(status: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """subscription, status, type and total, whichever form the status has."""
    if status.get("resourceType") == "SubscriptionStatus":
        yield from ((name, status.get(name)) for name in ("subscription", "status", "type"))
        yield "total", status.get("eventsSinceSubscriptionStart")
        return
    for name, row in reversed(parameters(status)):
        yield ("total" if name == "events-since-subscription-start" else name), _value(row)


def _events(status: dict[str, Any]) -> Iterator[_Told]:
    if status.get("resourceType") == "SubscriptionStatus":
        listed = status.get("notificationEvent")
        for row in listed if isinstance(listed, list) else []:
            if isinstance(row, dict):
                yield _told(row.get("eventNumber"), row.get("focus"), row.get("timestamp"))
        return
    for name, row in parameters(status):
        if name == "notification-event":
            parts = dict(reversed(parameters(row, "part")))
            number, focus, at = (parts.get(part, {}) for part in ("event-number", "focus", "timestamp"))
            yield _told(_value(number), _value(focus), _value(at), dated="valueDate" in at)


def _only_named(body: Json) -> Iterator[str]:
    """What entries without a resource stand for: they have its address alone."""
    entries = body.get("entry") if isinstance(body, dict) else None
    for entry in entries[1:] if isinstance(entries, list) else []:
        if isinstance(entry, dict) and not entry.get("resource") and not _deletes(entry):
            reference = reference_in({"reference": entry.get("fullUrl")})
            if reference:
                yield reference


def _deletes(entry: dict[str, Any]) -> bool:
    request = entry.get("request")
    return isinstance(request, dict) and request.get("method") == "DELETE"


def _told(number: Json, focus: Json, at: Json, *, dated: bool = False) -> _Told:
    return _Told(number=_number(number), focus=reference_in(focus), at=_instant(at), dated=dated)


def _in_order(body: Json) -> bool:
    """Whether the first entry is what a history Bundle asks for; HAPI FHIR leaves both empty.

    R5 has a Bundle type of its own, which asks for neither.
    """
    if not isinstance(body, dict) or body.get("type") != "history":
        return True
    entry = first_entry(body)
    request = entry.get("request")
    asked = isinstance(request, dict) and bool(request.get("method")) and bool(request.get("url"))
    return asked and bool(entry.get("response"))


def _kind(value: Json) -> NotificationKind:
    return cast("NotificationKind", value) if value in get_args(NotificationKind) else "unknown"


def _value(row: dict[str, Any]) -> Json:
    return next((value for name, value in row.items() if name.startswith("value")), None)


def _number(value: Json) -> int | None:
    """A count, sent as text (R4, R5) or as a number."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return int(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else None


def _instant(value: Json) -> datetime | None:
    try:
        return iso_moment(value, default_zone=UTC).latest if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
