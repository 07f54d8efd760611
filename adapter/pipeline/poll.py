"""Poll: everything of a source's server that changed since the last look, page by page (fhir-interface 1.3).

Every time here is the server's own: its clock may be wrong by hours, and nothing is missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from adapter.ingest.fhir_bundle import reference_to
from adapter.pipeline.parts import JsonObject
from adapter.pipeline.polled import Intake, Memory
from adapter.store.polls import Mark
from adapter.transport.fhir_client import Greeting, Page, PatientMatch, Permanent, Transient
from adapter.transport.fhir_results import instant_of

STARTS = 4
"""How often one poll begins anew before it is left for later."""
PAGES_GONE = frozenset({404, 410})
"""What a server answers whose search has run out."""


class Server(Protocol):
    """What a poll asks of a FHIR server."""

    def greeting(self) -> Greeting:
        """Its CapabilityStatement, with its time."""

    def search(self, resource_type: str, params: Sequence[tuple[str, str]]) -> Page:
        """The first page of a search."""

    def follow(self, next_url: str, resource_type: str) -> Page:
        """The page a link names."""

    def read(self, resource_type: str, resource_id: str) -> JsonObject:
        """One resource."""

    def find_patient(self, system: str, value: str) -> PatientMatch:
        """Who carries an identifier."""

    def events(self, subscription_id: str, first: int, last: int) -> JsonObject:
        """The events of a subscription with these numbers, as a Bundle."""


class Marks(Memory, Protocol):
    """How far a source is known."""

    def mark(self, source: str, resource_type: str) -> Mark | None:
        """How far one resource type is known."""

    def put_mark(self, source: str, resource_type: str, mark: Mark) -> None:
        """Note how far it is known now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What a site says of polling one source."""

    url: str
    resources: tuple[str, ...]
    overlap: timedelta
    safety_lag: timedelta
    window: timedelta
    page_size: int


class BeginAnew(Exception):  # noqa: N818 - named by what is to be done
    """The pages so far are no whole answer."""

    def __init__(self, reason: str, *, since: datetime | None = None, held: frozenset[str] = frozenset()) -> None:
        super().__init__(reason)
        self.since = since
        """From where, when it is another place."""
        self.held = held
        """What the pages held, where that alone was doubtful."""


def poll_changes(server: Server, rhythm: Rhythm, marks: Marks, intake: Intake) -> Counter[str]:
    """Take every change of every resource type; the marks move after the last page of each only.

    Raises:
        Transient, Permanent: the server gave no whole answer; what came before is kept, and the mark stays.
    """
    counts: Counter[str] = Counter()
    for resource_type in rhythm.resources:
        since = _since(server, rhythm, marks, intake, resource_type)
        mark = _whole(server, rhythm, intake, resource_type, since, counts)
        if mark is not None:
            read_with = intake.parts().knowledge.hash
            marks.put_mark(intake.source, resource_type, Mark(url=rhythm.url, mark=mark, read_with=read_with))
    return counts


def _since(server: Server, rhythm: Rhythm, marks: Marks, intake: Intake, resource_type: str) -> datetime | None:
    """The place where this poll begins; None for everything, when the server never told the time.

    Another server, or other mappings, may have something to say about what was left out before.
    """
    known = marks.mark(intake.source, resource_type)
    if known and (known.url, known.read_with) == (rhythm.url, intake.parts().knowledge.hash):
        return known.mark
    told = server.greeting().told_at
    return told - rhythm.window if told else None


def _whole(
    server: Server,
    rhythm: Rhythm,
    intake: Intake,
    resource_type: str,
    since: datetime | None,
    counts: Counter[str],
) -> datetime | None:
    """All pages, begun anew as often as they turn out to be no whole; gives the new mark."""
    last = BeginAnew("")
    for _ in range(STARTS):
        try:
            return _pass(server, rhythm, intake, resource_type, since, last.held, counts)
        except BeginAnew as told:
            since, last = told.since or since, told
    raise Transient(str(last))


def _pass(
    server: Server,
    rhythm: Rhythm,
    intake: Intake,
    resource_type: str,
    since: datetime | None,
    before: frozenset[str],
    counts: Counter[str],
) -> datetime | None:
    params = [("_sort", "_lastUpdated"), ("_count", str(rhythm.page_size))]
    if since is not None:
        params.insert(0, ("_lastUpdated", f"ge{_stamp(since - rhythm.overlap)}"))
    mark: datetime | None = None
    newest: datetime | None = None
    for number, page in enumerate(every_page(server, resource_type, params, before)):
        if number == 0 and page.told_at:
            mark = page.told_at - rhythm.safety_lag
            if since is not None and mark < since - rhythm.overlap:
                # What it stamps now lies before the place where we look, and nobody knows since when.
                raise BeginAnew("the clock of the server was set back", since=mark - rhythm.window)
        counts.update(intake.take(page.resources))
        newest = max((at for at in (newest, *map(_updated, page.resources)) if at), default=None)
    # A server that tells no time has at least stamped its resources.
    told = mark or (newest - rhythm.safety_lag if newest else None)
    return told or since


def every_page(
    server: Server, resource_type: str, params: Sequence[tuple[str, str]], before: frozenset[str] = frozenset()
) -> Iterator[Page]:
    """All pages of a search, one after the other.

    Raises BeginAnew behind the last one when something may have been left out between two pages: there was less than
    the first one told; or one thing came twice, and not the same things as `before`.
    """
    page = server.search(resource_type, params)
    promised, rows, held, followed = page.total, 0, set[str](), set[str]()
    while True:
        references = [reference for resource in page.resources if (reference := reference_to(resource))]
        rows += len(references)
        held.update(references)
        yield page
        if page.next_url is None:
            break
        if page.next_url in followed:
            raise Permanent(0, "the next links of the FHIR server go round in a circle")
        followed.add(page.next_url)
        page = _next(server, page.next_url, resource_type)
    if promised is not None and len(held) < promised:
        raise BeginAnew("the pages of the FHIR server held less than it told")
    if promised is None and len(held) < rows and held != before:
        raise BeginAnew("the pages of the FHIR server overlap", held=frozenset(held))


def _next(server: Server, url: str, resource_type: str) -> Page:
    try:
        return server.follow(url, resource_type)
    except Permanent as refusal:
        if refusal.status in PAGES_GONE:
            raise BeginAnew("the FHIR server forgot the search between two pages") from None
        raise


def _updated(resource: JsonObject) -> datetime | None:
    meta = resource.get("meta")
    return instant_of(meta.get("lastUpdated") if isinstance(meta, dict) else None)


def _stamp(at: datetime) -> str:
    """An instant as a search parameter, never later than it is."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
