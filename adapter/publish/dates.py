"""Dates in searches: a prefix and a partial date become bounds (http://hl7.org/fhir/R4/search.html#date)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

from adapter.transport.http_outcome import RefusedRequest

Bound = tuple[Literal["ge", "lt"], datetime]
"""At or after the instant, or before it."""

_DATE = re.compile(
    r"(?P<prefix>[a-z]{2})?"
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6})[0-9]*)?)?"
    r"(?P<zone>Z|[+ -][0-9]{2}:[0-9]{2})?)?)?)?"
)


def read_bounds(text: str) -> list[Bound]:
    """The bounds an instant must keep to match; without an offset UTC is meant.

    Raises:
        RefusedRequest: 400 for another prefix than eq, ge, gt, le, lt, an OR of dates, or what is no date.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise _unreadable()
    start, end = _interval(found)
    match found["prefix"] or "eq":
        case "eq":
            return [("ge", start), ("lt", end)]
        case "ge":
            return [("ge", start)]
        case "gt":
            return [("ge", end)]
        case "lt":
            return [("lt", start)]
        case "le":
            return [("lt", end)]
        case _:
            raise RefusedRequest(400, "Only eq, ge, gt, le and lt are supported.", expression="_lastUpdated")


def _interval(found: re.Match[str]) -> tuple[datetime, datetime]:
    """The instants from the first of the written precision to the first after it."""
    try:
        start = _start(found)
        return start, _end(start, found)
    except (ValueError, OverflowError):
        raise _unreadable() from None


def _start(found: re.Match[str]) -> datetime:
    zone = (found["zone"] or "Z").replace(" ", "+").replace("Z", "+00:00")  # an unencoded + arrives as a space
    date = f"{found['year']}-{found['month'] or '01'}-{found['day'] or '01'}"
    clock = f"{found['hour'] or '00'}:{found['minute'] or '00'}:{found['second'] or '00'}"
    fraction = (found["fraction"] or "").ljust(6, "0")
    return datetime.fromisoformat(f"{date}T{clock}.{fraction}{zone}").astimezone(UTC)


def _end(start: datetime, found: re.Match[str]) -> datetime:
    if found["month"] is None:
        return start.replace(year=start.year + 1)
    if found["day"] is None:
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start + _width(found)


def _width(found: re.Match[str]) -> timedelta:
    if found["hour"] is None:
        return timedelta(days=1)
    if found["second"] is None:
        return timedelta(minutes=1)
    if found["fraction"] is None:
        return timedelta(seconds=1)
    return timedelta(microseconds=10 ** (6 - len(found["fraction"])))


def _unreadable() -> RefusedRequest:
    return RefusedRequest(400, "The date cannot be read.", expression="_lastUpdated")
