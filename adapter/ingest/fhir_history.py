"""A Bundle of type history: its entries as they happened, for it tells the newest first."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from adapter.domain.times import iso_moment
from adapter.fhir import Json
from adapter.ingest.fhir_status_entry import status_of

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_ETAG = re.compile(r'(?:W/)?"([0-9]{1,18})"', re.ASCII)


def is_history(body: dict[str, Any]) -> bool:
    """Whether a Bundle tells how resources came to be as they are; a notification of that type does not."""
    return body.get("type") == "history" and status_of(body) is None


def version_of_deletion(entry: dict[str, Any]) -> dict[str, Any]:
    """`meta` as the version had that a deletion made, so that it wins over older ones in whatever order they come."""
    response = entry.get("response")
    told = response if isinstance(response, dict) else {}
    number = _ETAG.fullmatch(str(told.get("etag", "")))
    meta = {"lastUpdated": told["lastModified"]} if _told(told, "lastModified") else {}
    return {**meta, "versionId": number[1]} if number else meta


def turns_of(body: dict[str, Any], entries: list[dict[str, Any]]) -> list[int]:
    """The turn of each entry of a history, the oldest first; of any other Bundle all have the same.

    By their times where every entry has one, else by their versions, else from the last entry to the first, as FHIR
    orders a history.
    """
    if not is_history(body):
        return [0] * len(entries)
    order = list(range(len(entries) - 1, -1, -1))
    times = [_time(entry) for entry in entries]
    numbers = [_number(entry) for entry in entries]
    known = [time for time in times if time is not None]
    if len(known) == len(times):
        order.sort(key=known.__getitem__)
    elif all(numbers):
        order.sort(key=numbers.__getitem__)
    turns = [0] * len(entries)
    for turn, index in enumerate(order):
        turns[index] = turn
    return turns


def _time(entry: dict[str, Any]) -> datetime | None:
    """When an entry happened: the time its server gave it, else that of its version."""
    resource = entry.get("resource")
    said = _told(entry.get("response"), "lastModified")
    return said or _told(resource.get("meta") if isinstance(resource, dict) else None, "lastUpdated")


def _number(entry: dict[str, Any]) -> int:
    """The version of an entry, from 1; 0 when it tells none."""
    resource = entry.get("resource")
    meta = resource.get("meta") if isinstance(resource, dict) else version_of_deletion(entry)
    number = str(meta.get("versionId", "")) if isinstance(meta, dict) else ""
    return int(number) if _NUMBER.fullmatch(number) else 0


def _told(element: Json, name: str) -> datetime | None:
    text = element.get(name) if isinstance(element, dict) else None
    try:
        return iso_moment(text, default_zone=UTC).latest if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None
