"""What `troughline find` found, as a page: one paragraph per message with its three checkpoints."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.commands.find_tree import Found
from adapter.domain.identities import Group
from adapter.domain.message import Header, Parked
from adapter.domain.times import instant_text
from adapter.store.journey import Delivery, Journey, Received, Resource

NOTHING = {
    "control_id": "No message with this control id (MSH-10) is in the store.",
    "patient": "No message of this patient ('SYSTEM|VALUE') was understood.",
    "filler": "No result of this filler order (OBR-3) was understood.",
}
UNDERSTOOD_ONLY = "A message in the work list has no patient and no order yet: look for it by its control id."
ARCHIVES = {
    "count": "counts messages that do not concern it and keeps nothing of them",
    "headers": "keeps the header of messages that do not concern it",
    "full": "keeps messages that do not concern it whole",
}
NO_CONFIGURATION = "With --config FILE it is also told what each listener keeps of messages that do not concern it."


def page_of(found: Found) -> str:
    """The whole answer; holds no content of any message beyond its header and the keys of its facts."""
    paragraphs = [
        *("\n".join(_message(journey, found)) for journey in found.journeys),
        *("\n".join(_irrelevant(header)) for header in found.headers),
    ]
    if not paragraphs:
        paragraphs = ["\n".join(_nothing(found))]
    if found.merged:
        paragraphs.insert(0, merged_said(found.merged))
    return "\n\n".join(paragraphs)


def merged_said(group: Group) -> str:
    """That a patient has several records, and under which they are read."""
    survivor, *others = group
    return f"Merged records: {', '.join(others)} ended in {survivor}; all that is known of them is one history there."


def _nothing(found: Found) -> Iterator[str]:
    yield NOTHING[found.by]
    if found.by != "control_id":
        yield UNDERSTOOD_ONLY
        return
    if found.archives is None:
        yield NO_CONFIGURATION
        return
    for name, option in found.archives.items():
        yield f"Listener {name} {ARCHIVES[option]} (archive_irrelevant: {option})."


def _message(journey: Journey, found: Found) -> Iterator[str]:
    received = journey.received
    yield f"{_what(received)}, place {received.seq} of {received.inbox}"
    yield f"  received    {_received(received)}"
    understood = [*_understood(journey, found)]
    yield f"  understood  {understood[0]}"
    yield from (f"              {line}" for line in understood[1:])
    delivered = [*_delivered(journey, found)]
    yield f"  delivered   {delivered[0]}"
    yield from (f"              {line}" for line in delivered[1:])


def _what(received: Received) -> str:
    sender = f" from {received.sender}" if received.sender else ""
    named = f", control id {received.control_id}" if received.control_id else ""
    return f"{received.message_type or 'Message'}{sender}{named}"


def _received(received: Received) -> str:
    through = f"file {received.file}" if received.file else f"listener {received.listener}"
    answer = f", answered {received.answer}" if received.answer else ""
    size = f"{received.size} bytes, sha256 {received.digest[:12]}"
    kept = f"bytes pruned on {received.pruned_at.date().isoformat()}" if received.pruned_at else "on disk"
    return f"{instant_text(received.received_at)} through {through}, {kept}{answer}; {size}"


def _understood(journey: Journey, found: Found) -> Iterator[str]:
    if journey.ahead:
        before = journey.ahead - 1
        yield "not yet" + (
            f"; {before} {'message of its inbox comes' if before == 1 else 'messages of its inbox come'} before it"
            if before
            else "; it is the next"
        )
        return
    if journey.parked:
        yield from _parked(journey.parked)
    for fact in journey.facts:
        yield f"{fact.kind} {fact.name}"
    discards = found.discards_of(journey.received)
    for line in discards:
        yield f"discarded from the work list {line.at} by {line.by}: {line.because}"
    if not journey.facts and not journey.parked and not discards:
        yield _no_fact(journey.received)


def _no_fact(received: Received) -> str:
    if received.relevance == "irrelevant":
        return "it does not concern asparaginase; it was archived whole"
    if received.relevance == "near-miss":
        return "no fact: a code or text resembles ours, and no table has it (near-miss)"
    return "no fact of its own: it was understood, and what it says stands under another message or concerns no dose"


def _parked(parked: Parked) -> Iterator[str]:
    yield f"in the work list since {instant_text(parked.parked_at)}: {parked.reason}"
    for problem in parked.problems:
        where = f"{problem.where}: " if problem.where else ""
        yield f"  {where}{problem.text} ({problem.code})"
    if parked.waits_for:
        yield f"  it goes on by itself when one of these arrives, or a newer version: {', '.join(parked.waits_for)}"


def _delivered(journey: Journey, found: Found) -> Iterator[str]:
    if not journey.resources:
        yield "nothing rests on it" if not journey.ahead else "not yet"
        return
    for resource in journey.resources:
        name = f"{resource.kind}{f' {resource.topic}' if resource.topic else ''}"
        yield f"{resource.reference} ({name}, {resource.state}): {_targets(resource, found)}"


def _targets(resource: Resource, found: Found) -> str:
    if resource.deliveries:
        return "; ".join(_delivery(delivery, found) for delivery in resource.deliveries)
    if found.targets == ():
        return "no target is configured; it stands in the facade"
    return "no target owes it; it stands in the facade"


def _delivery(delivery: Delivery, found: Found) -> str:
    target = f"target {delivery.target}"
    if delivery.target in found.shadows:
        return f"{target} is in shadow: computed, not sent"
    if delivery.state == "confirmed":
        return f"{target} has confirmed it"
    told = f"{target}: {delivery.state} since {instant_text(delivery.queued_at)}, attempts {delivery.attempts}"
    again = f", next {instant_text(delivery.retry_at)}" if delivery.retry_at else ""
    return f"{told}{again}{f', {delivery.reason}' if delivery.reason else ''}"


def _irrelevant(header: Header) -> Iterator[str]:
    sender = f" from {header.sender}" if header.sender else ""
    yield f"{header.message_type or 'Message'}{sender}, control id {header.control_id}: does not concern asparaginase"
    at, size = instant_text(header.received_at), f"{header.size} bytes, sha256 {header.digest[:12]}"
    yield f"  received    {at} through listener {header.listener}, answered AA; only its header is kept; {size}"
    yield "  understood  nothing in it is ours"
    yield "  delivered   nothing rests on it"
