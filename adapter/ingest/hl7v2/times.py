"""HL7 v2 times (TS, DTM) as moments of the domain."""

from __future__ import annotations

import re
from datetime import tzinfo

from adapter.domain.times import Moment, ZoneSource, moment, offset_zone

_TIME = re.compile(
    r"(\d{4})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:(\d{2})(?:\.(\d{1,9}))?)?)?)?)?)?\s*(Z|[+-]\d{4})?", re.ASCII
)


def read_time(text: str, *, zone: tzinfo | None, zone_from: ZoneSource) -> Moment:
    """Read `YYYY[MM[DD[HH[MM[SS[.S...]]]]]][+/-ZZZZ]` (HL7 2.5 section 2.A.77) with the precision as sent.

    An offset in the field wins over `zone`. Raises ValueError, without the text, when it is no calendar time.
    """
    found = _TIME.fullmatch(text.strip())
    if not found:
        raise ValueError("not an HL7 date or time")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        return moment(
            int(year),
            *(None if part is None else int(part) for part in (month, day, hour, minute, second)),
            microsecond=int((fraction or "").ljust(6, "0")[:6]),
            zone=offset_zone(offset) if offset else zone,
            zone_from="field" if offset else zone_from,
        )
    except (ValueError, OverflowError):
        raise ValueError("no such date or time") from None
