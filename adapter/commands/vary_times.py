"""Variations of times: where they stand, how exact they are, and whose zone they are in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from adapter.commands.vary_edit import Good, later, put
from adapter.commands.vary_variation import Variation, varied
from adapter.ingest.hl7v2 import Message

ZONE = "Europe/Berlin"
TWICE = "20251026023000"
"""An hour that comes twice in that zone."""
NEVER = "20250330023000"
_OFFSET = re.compile(r"(?:Z|[+-]\d{4})$")


def time_variations(good: Good) -> Iterator[Variation]:
    """Collection time, time of the analysis, offsets, and hours that come twice or never."""
    collected = good.order.field(7) or "20251103080000"
    yield varied("obx-14-empty", "OBX-14 is empty", good.put("OBX", 14, ""))
    yield varied("obx-14-equal", "OBX-14 repeats the collection time", good.put("OBX", 14, collected))
    yield varied("obx-14-analysis", "OBX-14 is the time of the analysis", good.put("OBX", 14, later(collected, 6)))
    only = _without_specimen_time(good.with_fields(("OBX", 14, collected), ("OBR", 7, "")).message)
    yield varied("obx-14-only", "only OBX-14 has a time", only)
    yield from _precisions(good, collected)
    yield from _zones(good, collected)


def _precisions(good: Good, collected: str) -> Iterator[Variation]:
    digits = re.match(r"\d*", collected)
    whole = digits.group() if digits else ""
    for name, raw, says in (
        ("minute", whole[:12], "collected to the minute"),
        ("day-only", whole[:8], "only the day of the collection is known"),
        ("month-only", whole[:6], "only the month of the collection is known"),
        ("fraction", f"{whole.ljust(14, '0')}.1234", "collected to a fraction of a second"),
        ("unreadable", "yesterday", "the collection time is no time"),
        ("impossible", f"{whole[:4]}0231", "the collection time is no day of the calendar"),
        ("empty", "", "there is no collection time"),
    ):
        yield varied(f"obr-07-{name}", says, _collected(good, raw))


def _zones(good: Good, collected: str) -> Iterator[Variation]:
    bare = _OFFSET.sub("", collected)
    sent = _OFFSET.sub("", good.message.segments[0].field(7))
    for name, time, message_time, says, zone in (
        ("none", bare, sent, "no time has an offset, and the sender has no zone", ""),
        ("of-the-sender", bare, sent, "no time has an offset, the sender has a zone", ZONE),
        ("of-the-message", bare, f"{sent}+0100", "only MSH-7 has an offset", ""),
        ("of-the-field", f"{bare}+0200", f"{sent}+0100", "the field has another offset than the message", ""),
        ("utc", f"{bare}Z", sent, "the offset is written as Z", ""),
        ("hour-twice", TWICE, "20251026120000", "collected in the hour that comes twice in autumn", ZONE),
        ("hour-never", NEVER, "20250330120000", "collected in the hour that is left out in spring", ZONE),
    ):
        site = {"zone": zone} if zone else {}
        made = _collected(good.with_fields(("MSH", 7, message_time)), time)
        yield varied(f"zone-{name}", says, made, **site)


def _collected(good: Good, raw: str) -> Message:
    """The message with that collection time wherever one was told."""
    message = good.put("OBR", 7, raw)
    specimen = message.first("SPM")
    if specimen and specimen.field(17):
        message = put(message, specimen, 17, raw)
    result = message.segments[good.result.index]
    return put(message, result, 14, raw) if result.field(14) else message


def _without_specimen_time(message: Message) -> Message:
    specimen = message.first("SPM")
    return put(message, specimen, 17, "") if specimen and specimen.field(17) else message
