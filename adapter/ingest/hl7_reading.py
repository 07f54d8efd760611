"""What has been understood of one HL7 v2 message so far, and what is noted of codes that are not ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapter.domain.identities import IdentityTold
from adapter.domain.message import Relevance
from adapter.domain.problems import Problem
from adapter.ingest.code_lookup import Triplet
from adapter.ingest.compiled import Compiled
from adapter.ingest.hl7v2 import Message, Segment
from adapter.ingest.notes import Notes, at_field, echo
from adapter.ingest.repeated_keys import Read
from adapter.ingest.result_mapping import ResultMapping
from adapter.ingest.senders import SenderRules
from adapter.ingest.zones import Zone

CENSUS_CODES_PER_MESSAGE = 200
_RANKS: dict[Relevance, int] = {"irrelevant": 0, "near-miss": 1, "relevant": 2}


@dataclass(slots=True, kw_only=True)
class Reading:
    """What has been understood of one message so far."""

    message: Message
    rules: SenderRules
    zone: Zone
    sender: str
    source: str
    compiled: Compiled
    notes: Notes = field(default_factory=Notes)
    events: list[Read] = field(default_factory=list)
    identities: tuple[IdentityTold, ...] = ()
    relevance: Relevance = "irrelevant"
    parked: str | None = None
    codes_seen: dict[Triplet, None] = field(default_factory=dict)
    """In the order they were met."""
    patients: dict[int, tuple[str | None, Problem | None]] = field(default_factory=dict)

    def counts_as(self, relevance: Relevance) -> None:
        """Raise the relevance, never lower it."""
        if _RANKS[relevance] > _RANKS[self.relevance]:
            self.relevance = relevance


def note_near(
    reading: Reading, segment: Segment, number: int, triplets: Sequence[Triplet], verdict: str = "near"
) -> None:
    """A code or an order that may be ours: kept, named, and counted in the census."""
    reading.counts_as("near-miss")
    code = next((code for code, _, _ in triplets if code), "") if segment.name == "OBX" else ""
    said = f"The code {echo(code)} looks like ours and is in no table." if code else None
    if verdict == "ours":
        said = "A test of ours was ordered, and none of its results bears a code of ours."
    reading.notes.add(at_field("near-miss", segment, number, said))
    note_census(reading, triplets)


def note_report(
    reading: Reading, results: ResultMapping, segment: Segment, number: int, triplets: Sequence[Triplet]
) -> None:
    """A code of no table, where the mapping wants to hear of it."""
    wish = results.mapping.select.otherwise
    if wish != "ignore" and triplets:
        said = f"The code {echo(triplets[0][0])} is in no table."
        found = at_field("code-unmapped", segment, number, said)
        reading.notes.add(found, severity="error" if wish == "reject" else "warning")


def note_census(reading: Reading, triplets: Sequence[Triplet]) -> None:
    """A code of no table, for the census of what senders send."""
    for code, text, system in triplets[:1]:
        row = (system, code, text)
        if len(reading.codes_seen) < CENSUS_CODES_PER_MESSAGE:
            reading.codes_seen[row] = None
