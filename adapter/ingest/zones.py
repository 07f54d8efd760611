"""The zone of times that carry none: MSH-7's, the sender's, or every zone (CONTRACTS 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from adapter.domain.times import Moment, ZoneSource, offset_zone
from adapter.ingest.hl7v2 import read_time

_OFFSET = re.compile(r"[+-]\d{4}$", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """The zone a message gives to times without an offset, and where it comes from."""

    zone: tzinfo | None
    source: ZoneSource

    def read(self, text: str) -> Moment:
        """An HL7 time; raises ValueError, without content, when it is none."""
        return _read(text, self.zone, self.source)


@lru_cache(maxsize=512)
def _read(text: str, zone: tzinfo | None, source: ZoneSource) -> Moment:
    """One message names the same instant in many fields."""
    return read_time(text, zone=zone, zone_from=source)


def message_zone(sent: str | None, sender_zone: tzinfo | None) -> Zone:
    """The zone of a message by its MSH-7 and the sender's setting."""
    offset = _OFFSET.search((sent or "").strip())
    return _zone(offset.group() if offset else "", sender_zone)


@lru_cache(maxsize=512)
def _zone(offset: str, sender_zone: tzinfo | None) -> Zone:
    if offset:
        try:
            return Zone(zone=offset_zone(offset), source="MSH-7")
        except ValueError:
            pass
    return Zone(zone=sender_zone, source="sender" if sender_zone else "unknown")


def unclear_local_time(at: Moment, zone: tzinfo | None) -> str | None:
    """The problem of a time of day that a sender's clocks show twice in autumn, or skip in spring; else None.

    Of the two instants of an hour that comes twice the first is taken; a skipped one is read by the clock of before.
    """
    if zone is None or at.zone_from != "sender" or at.date_only:
        return None
    shown = datetime.fromisoformat(at.text).replace(tzinfo=zone)
    before, after = (shown.replace(fold=fold).utcoffset() for fold in (0, 1))
    if before is None or after is None or before == after:
        return None
    return "time-ambiguous" if before > after else "time-skipped"


def stamp_of(sent: str | None, zone: Zone) -> datetime | None:
    """MSH-7 as an instant, for the clock of `play`; a time without any zone is read as UTC."""
    if not sent:
        return None
    try:
        return _read(sent, zone.zone or UTC, zone.source).latest
    except ValueError:
        return None
