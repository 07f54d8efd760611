"""A Bundle reduced to one patient, or to the entries that are left of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapter.commands.deid_people import Name, references_in
from adapter.ingest.fhir_bundle import reference_to


def part_of_patient(
    body: dict[str, Any], mine: Sequence[bool], people: Sequence[Name | None]
) -> tuple[dict[str, Any], Sequence[Name | None]]:
    """The entries of one patient with the records of nobody they refer to; a single resource is its own only entry."""
    entries = body.get("entry")
    if body.get("resourceType") != "Bundle" or not isinstance(entries, list):
        return body, people
    if len(people) == len(entries) and all(mine):
        return body, people
    chosen = {place for place, is_mine in enumerate(mine) if is_mine}
    wanted = [reference for place in chosen for reference in references_in(entries[place])]
    nobodys = {
        name: place
        for place, entry in enumerate(entries)
        if place >= len(people) or people[place] is None
        for name in _names(entry)
    }
    while wanted:
        place = nobodys.get(wanted.pop(), -1)
        if place >= 0 and place not in chosen:
            chosen.add(place)
            wanted += references_in(entries[place])
    return only_entries(body, sorted(chosen)), [people[p] if p < len(people) else None for p in sorted(chosen)]


def only_entries(body: dict[str, Any], places: Sequence[int]) -> dict[str, Any]:
    """The body with those entries of it; a single resource as it is."""
    entries = body.get("entry")
    if body.get("resourceType") != "Bundle" or not isinstance(entries, list):
        return body
    return {**body, "entry": [entries[place] for place in places]}


def _names(entry: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """What others call the record of an entry."""
    if not isinstance(entry, dict):
        return []
    resource, url = entry.get("resource"), entry.get("fullUrl")
    own = reference_to(resource) if isinstance(resource, dict) else None
    return [*([own] if own else []), *([url] if isinstance(url, str) else [])]
