"""Points in time as hospitals send them: exact, or an interval that holds the truth."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Literal

ZoneSource = Literal["field", "MSH-7", "sender", "unknown"]
Precision = Literal["second", "minute", "hour", "day", "month", "year"]

WESTERNMOST = timezone(timedelta(hours=-12))
EASTERNMOST = timezone(timedelta(hours=14))
INSTANTS_REMEMBERED = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time as it was sent, with the earliest and the latest instant it can mean (equal when it is exact)."""

    text: str
    """ISO 8601 with the precision and the offset as sent: `2025-03-10T11:30:00+01:00`, `2025-03-10`."""
    earliest: datetime
    latest: datetime
    precision: Precision
    zone_from: ZoneSource

    @property
    def exact(self) -> bool:
        """Whether the moment is one instant."""
        return self.earliest == self.latest

    @property
    def date_only(self) -> bool:
        """Whether no time of day is known."""
        return self.precision in ("day", "month", "year")


def moment(
    year: int,
    month: int | None = None,
    day: int | None = None,
    hour: int | None = None,
    minute: int | None = None,
    second: int | None = None,
    *,
    microsecond: int = 0,
    zone: tzinfo | None,
    zone_from: ZoneSource,
) -> Moment:
    """Build a moment from its parts; a missing part widens it, a missing zone widens it to all zones.

    Raises ValueError when the parts are no calendar time.
    """
    precision = _precision(month, day, hour, minute, second)
    first = datetime(  # noqa: DTZ001 - the zone is put on below, once it is known whether there is one
        year, month or 1, day or 1, hour or 0, minute or 0, second or 0, microsecond
    )
    last = _last_of(first, precision)
    if zone is None:
        text = _text(first, precision)
        return Moment(
            text=text,
            earliest=first.replace(tzinfo=EASTERNMOST).astimezone(UTC),
            latest=last.replace(tzinfo=WESTERNMOST).astimezone(UTC),
            precision=precision,
            zone_from="unknown",
        )
    return Moment(
        text=_text(first.replace(tzinfo=zone), precision),
        earliest=first.replace(tzinfo=zone).astimezone(UTC),
        latest=last.replace(tzinfo=zone).astimezone(UTC),
        precision=precision,
        zone_from=zone_from,
    )


_ISO = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?)?)?"
)


def iso_moment(text: str, *, default_zone: tzinfo | None = None) -> Moment:
    """Read an ISO 8601 or FHIR dateTime; without its own offset it takes `default_zone`, else all zones.

    Raises ValueError when the text is no such time.
    """
    found = _ISO.fullmatch(text.strip())
    if not found:
        raise ValueError("not an ISO 8601 date or time")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    zone: tzinfo | None = default_zone
    zone_from: ZoneSource = "sender"
    if offset is not None:
        zone, zone_from = offset_zone(offset), "field"
    parts = [None if part is None else int(part) for part in (month, day, hour, minute, second)]
    return moment(
        int(year),
        *parts,
        microsecond=int((fraction or "0").ljust(6, "0")[:6]),
        zone=zone,
        zone_from=zone_from,
    )


@lru_cache(maxsize=256)
def offset_zone(offset: str) -> timezone:
    """`Z`, `+0100` or `+01:00` as a fixed zone; raises ValueError beyond 14 hours."""
    if offset == "Z":
        return UTC
    digits = offset[1:].replace(":", "")
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if delta > timedelta(hours=14) or int(digits[2:]) > 59:
        raise ValueError("no such offset")
    return timezone(-delta if offset[0] == "-" else delta, f"{offset[0]}{digits[:2]}:{digits[2:]}")


def exact_moment(at: datetime) -> Moment:
    """An aware datetime as an exact moment."""
    if at.tzinfo is None:
        raise ValueError("a moment needs a zone")
    return Moment(text=instant_text(at), earliest=at, latest=at, precision="second", zone_from="field")


def instant_text(at: datetime) -> str:
    """An aware datetime as ISO 8601 with its offset as sent; fractions only when there are any."""
    if at.tzinfo is UTC:
        return _utc_text(at)
    return at.isoformat().removesuffix("+00:00") + "Z" if at.tzname() == "UTC" else at.isoformat()


@lru_cache(maxsize=INSTANTS_REMEMBERED)
def _utc_text(at: datetime) -> str:
    """The text of an instant in UTC: in another zone the same instant, which is equal, has another text."""
    return f"{at.isoformat()[: -len('+00:00')]}Z"


def _precision(
    month: int | None, day: int | None, hour: int | None, minute: int | None, second: int | None
) -> Precision:
    names: tuple[Precision, ...] = ("year", "month", "day", "hour", "minute")
    for name, part in zip(names, (month, day, hour, minute, second), strict=True):
        if part is None:
            return name
    return "second"


def _last_of(first: datetime, precision: Precision) -> datetime:
    match precision:
        case "second" | "minute":
            return first
        case "hour":
            return first.replace(minute=59, second=59)
        case "day":
            return first.replace(hour=23, minute=59, second=59)
        case "month":
            following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
            return following - timedelta(seconds=1)
        case _:
            return first.replace(month=12, day=31, hour=23, minute=59, second=59)


def _text(first: datetime, precision: Precision) -> str:
    match precision:
        case "year":
            return f"{first.year:04d}"
        case "month":
            return f"{first.year:04d}-{first.month:02d}"
        case "day":
            return first.date().isoformat()
        case _:
            return instant_text(first)
