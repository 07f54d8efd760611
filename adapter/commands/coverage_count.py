"""Filled places added up over the messages of a store or of files: how often, since when, of which sender."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapter.commands.coverage_places import Feed, Filled, Occurrence, Place, Reading
from adapter.commands.run_message import body_of
from adapter.commands.store_parts import StoreParts
from adapter.commands.traffic import Body, of_files, of_store, since_time, supporting
from adapter.commands.worklist_read import Site, known_beside
from adapter.domain.message import Arrival, Kind
from adapter.ingest.fhir_bundle import fhir_stamp
from adapter.ingest.fhir_reading import Known
from adapter.ingest.hl7v2 import peek, split_messages
from adapter.ingest.relevance import RelevanceFilter
from adapter.ingest.zones import message_zone, stamp_of

REMEMBERED = 10_000
MOST_PLACES = 20_000
"""Places of senders that are told apart; a sender could make up fields without end."""


@dataclass(slots=True, kw_only=True)
class Span:
    """How many messages and results, from when to when."""

    messages: int = 0
    results: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, results: int, at: datetime | None) -> None:
        """Count one message."""
        self.messages += 1
        self.results += results
        if at is not None:
            self.first = min(self.first or at, at)
            self.last = max(self.last or at, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One place of one feed."""

    span: Span
    example: str
    seen_in: str
    """`inbox/412`, or the name of a file, of the first message that has it."""


@dataclass(slots=True, kw_only=True)
class LookedAt:
    """The messages there were, by what could be made of them."""

    with_events: int = 0
    without_events: int = 0
    """Of ours or like ours, and no event came of them: nothing of them is judged."""
    irrelevant: int = 0
    failed: int = 0
    """Messages a fault of ours keeps from being read."""
    pruned: int = 0
    """Messages whose bytes are no longer kept."""
    headers_only: int = 0
    """Messages that did not concern us, of which only the header is kept."""


@dataclass(slots=True, kw_only=True)
class Coverage:
    """What is filled in real traffic, and what becomes of it."""

    feeds: dict[Feed, Span] = field(default_factory=dict)
    places: dict[tuple[Feed, Place], Sighting] = field(default_factory=dict)
    looked_at: LookedAt = field(default_factory=LookedAt)
    left_out: int = 0
    """Sightings beyond the number of places that are told apart."""
    since: datetime | None = None
    """What was first seen then or later is new; None where no message says when it was made."""
    oldest: datetime | None = None
    laid_over: tuple[Path, ...] = ()
    """Folders of the site over the shipped mappings."""

    def add(self, found: Iterable[Filled], at: datetime | None, seen_in: str) -> None:
        """Count what one message has filled."""
        for filled in found:
            self.feeds.setdefault(filled.feed, Span()).add(filled.results, at)
            for place, occurrence in filled.places.items():
                self._see(filled.feed, place, occurrence, at, seen_in)
            if at is not None:
                self.oldest = min(self.oldest or at, at)

    def _see(self, feed: Feed, place: Place, occurrence: Occurrence, at: datetime | None, seen_in: str) -> None:
        known = self.places.get((feed, place))
        if known is None:
            if len(self.places) >= MOST_PLACES:
                self.left_out += 1
                return
            known = Sighting(span=Span(), example=occurrence.example(), seen_in=seen_in)
            self.places[feed, place] = known
        known.span.add(occurrence.results, at)

    def is_new(self, sighting: Sighting) -> bool:
        """Whether a place was first seen since then."""
        first = sighting.span.first
        return self.since is not None and first is not None and first >= self.since

    def shipped_only(self, file: str) -> bool:
        """Whether a mapping is the shipped one, of which the site has no copy it may change."""
        inside = ((folder, file.removeprefix(f"{folder.as_posix()}/")) for folder in self.laid_over)
        return not any(name != file and (folder / name).is_file() for folder, name in inside)

    def unread(self, *, new: bool = False) -> dict[tuple[Feed, Place], Sighting]:
        """What nothing reads, or the part of it that is new."""
        return {
            key: sighting
            for key, sighting in self.places.items()
            if key[1].kind == "unread" and (not new or self.is_new(sighting))
        }


def over_store(store: StoreParts, site: Site, since: datetime | timedelta, now: datetime) -> Coverage:
    """Over what a store has kept of its messages, those archived whole among them; read with the tables of now."""
    coverage = Coverage(since=since_time(since, now))
    reading = _Gathering(site, coverage)
    for kept in of_store(store):
        arrival = kept.arrival
        if not arrival.raw and arrival.method != "DELETE":
            coverage.looked_at.pruned += 1
            continue
        reading.take(arrival, known_beside(store, arrival.source), arrival.received_at, kept.place)
    counts = (inbox.headers_by_sender(control_id=None, since=None, until=None) for inbox in store.inboxes)
    coverage.looked_at.headers_only = sum(sum(of_senders.values()) for of_senders in counts)
    return coverage


def over_files(paths: Iterable[Path], site: Site, since: datetime | timedelta) -> Coverage:
    """Over files and the files of folders (OSError: one cannot be read); time is what the messages say."""
    coverage = Coverage()
    reading = _Gathering(site, coverage)
    bodies = of_files(list(paths))
    known = supporting(bodies).get
    for body in bodies:
        for arrival, at in _arrivals(body, site):
            reading.take(arrival, known, at, body.name)
    latest = max((span.last for span in coverage.feeds.values() if span.last), default=None)
    coverage.since = since if isinstance(since, datetime) else latest and since_time(since, latest)
    return coverage


class _Gathering:
    """One message after the other."""

    def __init__(self, site: Site, coverage: Coverage) -> None:
        self._reading = Reading(site)
        self._judge = RelevanceFilter(site.knowledge, REMEMBERED).judge
        self._coverage = coverage

    def take(self, arrival: Arrival, known: Known, at: datetime | None, seen_in: str) -> None:
        """Add what one message has filled, or count why nothing of it is judged."""
        looked_at = self._coverage.looked_at
        if arrival.kind == "hl7v2" and self._judge(arrival.raw).relevance == "irrelevant":
            looked_at.irrelevant += 1
            return
        try:
            look = (
                self._reading.of_message(arrival) if arrival.kind == "hl7v2" else self._reading.of_body(arrival, known)
            )
        except Exception:  # noqa: BLE001 - such a message waits in the work list as an internal-error
            looked_at.failed += 1
            return
        self._coverage.add(look.filled, at, seen_in)
        if not look.ours:
            looked_at.irrelevant += 1
        elif look.events:
            looked_at.with_events += 1
        else:
            looked_at.without_events += 1


def _arrivals(body: Body, site: Site) -> Iterator[tuple[Arrival, datetime | None]]:
    """The messages of a file, each with the time at which it says it was made."""
    source = site.settings.sources[0].name
    if body.is_fhir:
        yield _arrival("fhir", source, body.raw), fhir_stamp(body_of(body.raw))
        return
    rules = site.rules_at("")
    for message in split_messages(body.raw):
        header = peek(message)
        zone = message_zone(header.sent, rules(header.sender).zone)
        yield _arrival("hl7v2", source, message), stamp_of(header.sent, zone)


def _arrival(kind: Kind, source: str, raw: bytes) -> Arrival:
    return Arrival(kind=kind, source=source, listener="", raw=raw, received_at=datetime.min.replace(tzinfo=UTC))


def fields_of(coverage: Coverage, feed: Feed) -> Mapping[str, Mapping[str, int]]:
    """For each field of a feed how often it has something that is mapped, not needed, or unread."""
    found: dict[str, dict[str, int]] = {}
    for (of, place), sighting in coverage.places.items():
        if of == feed:
            counts = found.setdefault(field_of(place.name), {"mapped": 0, "not needed": 0, "unread": 0})
            counts[place.kind] += sighting.span.results
    return found


def field_of(place: str) -> str:
    """`OBX-17.3` and `OBX-17(2)` are parts of `OBX-17`; an element is part of the one of the resource."""
    head, _, rest = place.partition("-")
    if rest:
        return f"{head}-{rest.partition('.')[0].partition('(')[0]}"
    return ".".join(place.split(".")[:2])
