"""Events as plain JSON values: times as sent, decimals as strings, absent things as null."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from adapter.domain.events import Event
from adapter.domain.identities import IdentityTold
from adapter.domain.times import Moment


def printed_event(event: Event) -> dict[str, Any]:
    """One event with its name first and every field after it."""
    return {"event": type(event).__name__, **_plain(event)}


def printed_identity(told: IdentityTold) -> dict[str, Any]:
    """What was told of two patient records, with its status first."""
    plain = _plain(told)
    return {"status": plain.pop("status"), **plain}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field of any event
    if isinstance(value, Moment):
        return value.text
    if isinstance(value, Decimal):
        return format(value, "f")
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
