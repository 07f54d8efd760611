"""Elements of a FHIR resource of ours that nothing reads, and nobody has said are not needed."""

from __future__ import annotations

from collections.abc import Iterable

from adapter.commands.judged_rows import ResourceRow
from adapter.commands.used_elements import ElementReads


def unread_elements(rows: Iterable[ResourceRow]) -> list[str]:
    """FHIRPaths of the largest elements of which nothing is read: `performer`, `dosage.site`."""
    places: dict[str, None] = {}
    for of_one in by_resource(rows):
        resource = of_one[0].row.resource
        prefix = of_one[0].prefix or f"{resource['resourceType']}."
        reads = ElementReads({id(row.mapping): row.mapping for row in of_one}.values())
        places.update((f"{prefix}{use.place}", None) for use in reads.uses(resource) if use.kind == "unread")
    return list(places)


def by_resource(rows: Iterable[ResourceRow]) -> list[list[ResourceRow]]:
    """The rows of each resource, in the order of the body."""
    found: dict[int, list[ResourceRow]] = {}
    for row in rows:
        found.setdefault(id(row.row.resource), []).append(row)
    return list(found.values())
