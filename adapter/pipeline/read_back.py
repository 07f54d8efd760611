"""Records a source only named are read there before they count, and its events asked for where some did not come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from adapter.ingest.fhir_bundle import SUPPORTING, fhir_resources
from adapter.ingest.fhir_notification import notification_of
from adapter.pipeline.parts import JsonObject
from adapter.pipeline.poll import Server
from adapter.pipeline.poll_patient import NOT_THERE
from adapter.pipeline.polled import Intake
from adapter.transport.fhir_client import FhirFailure, Permanent

Refused = Callable[[Permanent], None]


def read_back(
    server: Server, intake: Intake, references: Sequence[str], types: Sequence[str], refused: Refused
) -> Iterator[str]:
    """Keep what a server holds under these references, one by one; gives each that is settled.

    What is not there (404, 410) and was known is withdrawn. One the server refuses is told and left; other failures
    end the reading: Transient, Ambiguous.
    """
    for reference in references:
        resource_type, _, identity = reference.partition("/")
        if resource_type in types or resource_type in SUPPORTING:
            _one(server, intake, resource_type, identity, refused)
        yield reference


def _one(server: Server, intake: Intake, resource_type: str, identity: str, refused: Refused) -> None:
    try:
        intake.take([server.read(resource_type, identity)])
    except Permanent as refusal:
        reference = f"{resource_type}/{identity}"
        if refusal.status not in NOT_THERE:
            refused(refusal)
        elif intake.knows(reference):
            intake.delete([reference])


def missed_events(
    server: Server, intake: Intake, subscription: str, first: int, last: int, types: Sequence[str], refused: Refused
) -> bool:
    """Ask for the events with these numbers and take what they bring; False when they are not all told.

    Servers need not answer this, and many do not: then only a poll tells what was missed.
    """
    if not subscription:
        return False
    try:
        bundle = server.events(subscription.partition("/")[2], first, last)
        told = notification_of(bundle)
        if told is None:
            return False
        named = _taken(intake, bundle, types)
        for _ in read_back(server, intake, [one for one in told.focus if one not in named], types, refused):
            pass
    except FhirFailure:
        return False
    return len({one for one in told.numbers if first <= one <= last}) == last - first + 1


def _taken(intake: Intake, bundle: JsonObject, types: Sequence[str]) -> set[str]:
    """Keep the records and deletions of a Bundle the server gave us itself."""
    items = fhir_resources(bundle)
    gone = [item.reference for item in items if item.method == "DELETE" and item.reference]
    ours = [item for item in items if item.resource and item.resource.get("resourceType") in (*types, *SUPPORTING)]
    intake.take([item.resource for item in ours if item.resource])
    intake.delete([reference for reference in gone if intake.knows(reference)])
    return {item.reference for item in ours if item.reference} | set(gone)
