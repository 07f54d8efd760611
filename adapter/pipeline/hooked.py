"""What one call of a source at its hook comes down to: a body that counts, records to read there, a poll."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.fhir import Json, UnreadableJsonError, loads
from adapter.ingest.fhir_notification import Notification, is_reference, named_in, notification_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a call says, and what is to be done about it."""

    kind: str
    """`resource`, `bundle`, `delete`, `empty`, or the kind of a notification."""
    counts: bool = False
    """Whether the body is taken as it is; else it is a hint, and what it names is read at the source."""
    read: tuple[str, ...] = ()
    """`Type/id` of what is to be read there."""
    poll: bool = False
    """Whether the source is to be polled: nothing says where to look."""
    needed: bool = False
    """Whether reading and polling are the only way to learn what happened, not a precaution."""
    notification: Notification | None = None


def hear(raw: bytes, method: str, target: str | None, *, trusted: bool) -> Heard:
    """What a call says; `trusted`: a body may count without being read back."""
    if method == "DELETE":
        # A deletion may overtake the last version of what it deletes: reading it again settles that.
        read = _references([target or ""])
        return Heard(kind="delete", counts=trusted, read=read, poll=not read, needed=not trusted)
    body = _body(raw)
    if not body:
        return Heard(kind="empty", poll=True, needed=True)
    notification = notification_of(body)
    if notification is not None:
        return _heard_of(notification, body, trusted=trusted)
    held, deleted, nameless = named_in(body)
    kind = "bundle" if isinstance(body, dict) and body.get("resourceType") == "Bundle" else "resource"
    if trusted:
        return Heard(kind=kind, counts=True, read=_references(deleted))
    return Heard(kind=kind, read=_references([*held, *deleted]), poll=nameless, needed=True)


def _heard_of(notification: Notification, body: Json, *, trusted: bool) -> Heard:
    held, deleted, nameless = named_in(body)
    brings = bool(held or deleted or nameless)
    counts = trusted and brings
    focus = [one for one in notification.focus if one not in (*held, *deleted)]
    wanted = _references([*([] if counts else [*held, *deleted]), *focus])
    nowhere = notification.eventful and not brings and not wanted
    unnamed = nameless and not counts
    return Heard(
        kind=notification.kind,
        counts=counts,
        read=tuple(dict.fromkeys((*wanted, *_references(deleted)))),
        poll=nowhere or unnamed or notification.out_of_order or notification.kind == "handshake",
        needed=bool(wanted) or nowhere or unnamed,
        notification=notification,
    )


def _references(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if is_reference(text)))


def _body(raw: bytes) -> Json:
    """The JSON of a body; nothing where there is none, or none that can be read."""
    try:
        return loads(raw) if raw.strip() else {}
    except UnreadableJsonError:
        return {}
