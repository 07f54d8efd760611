"""The filled places of one message beside what became an event, each with what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from adapter.commands.coverage_masked import masked_element, masked_field, named_place
from adapter.commands.judged_rows import (
    ResourceRow,
    entry_prefix,
    resource_rows,
    result_rows,
    translated_resources,
)
from adapter.commands.run_message import body_of
from adapter.commands.run_unread_fhir import by_resource
from adapter.commands.used_elements import ElementReads, ElementUse
from adapter.commands.used_fields import Class, Reads, Use
from adapter.commands.used_segments import Surroundings, own
from adapter.commands.worklist_read import Site
from adapter.domain.message import Arrival, Translation
from adapter.ingest.fhir_check import check_fhir, is_retraction
from adapter.ingest.fhir_reading import Known
from adapter.ingest.hl7v2 import Segment, peek, read_message
from adapter.ingest.translate import translate_hl7


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place of a kind of message, and what becomes of it."""

    name: str
    """`OBX-17.3`, `MedicationAdministration.dosage.site`"""
    kind: Class
    by: tuple[str, ...]
    """The fields of the event that read it; or why nobody needs it."""
    files: tuple[str, ...]
    """The mappings that read such messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One kind of thing one sender sends."""

    sender: str
    """`MSH-3|MSH-4`, or the name of the source of a FHIR resource."""
    what: str
    """`OBX`, `MedicationAdministration`"""


@dataclass(slots=True, kw_only=True)
class Occurrence:
    """A place as it is filled in one message."""

    use: Use | ElementUse
    results: int = 0

    def example(self) -> str:
        """It without what stands there."""
        use = self.use
        return masked_field(use) if isinstance(use, Use) else masked_element(use)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What one message of a feed has filled."""

    feed: Feed
    results: int
    """Of ours, in this message."""
    places: dict[Place, Occurrence] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one message came to."""

    filled: tuple[Filled, ...] = ()
    """Nothing for what only withdraws."""
    events: bool = False
    ours: bool = True
    """Whether it concerns us at all."""


class Reading:
    """How messages are read now; what the mappings say is worked out once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._reads: dict[tuple[int, ...], Reads] = {}
        self._element_reads: dict[tuple[int, ...], ElementReads] = {}

    def of_message(self, arrival: Arrival) -> Look:
        """The filled places of an HL7 message; none when it made no event."""
        site = self._site
        rules = site.rules_at(arrival.listener)
        translations = translate_hl7(arrival.raw, site.knowledge, rules, source=arrival.source)
        if not any(translation.events for translation in translations):
            return Look()
        sender = peek(arrival.raw).sender
        message = read_message(arrival.raw, rules(sender).default_charset)
        rows, _ = result_rows(message, sender, site.knowledge)
        ours = [row for row in rows if row.judged.verdict == "ours"]
        mappings = {id(row.results): row.results.mapping for row in ours}
        if tuple(mappings) not in self._reads:
            self._reads[tuple(mappings)] = Reads(mappings.values())
        files = tuple(mapping.file for mapping in mappings.values())
        beside = Surroundings(ours)
        seen = _Seen(beside, self._reads[tuple(mappings)], files)
        feed = Feed(sender=sender, what=ours[0].scope.row.name)
        filled = Filled(feed=feed, results=sum(len(g.rows) for g in beside.groups), places=seen.places())
        return Look(filled=(filled,), events=True)

    def of_body(self, arrival: Arrival, known: Known) -> Look:
        """The filled elements of the resources of a FHIR body that made an event, one entry for each type."""
        if arrival.method == "DELETE":
            return Look(ours=False)
        site, body, source = self._site, body_of(arrival.raw), arrival.source
        zone = site.zone_of(source)
        read = list(translated_resources(body, site.knowledge, known, source=source, zone=zone))
        if not any(_concerns_us(translation) for _, translation in read):
            return Look(ours=False)
        made = {entry_prefix(body, item.index) for item, translation in read if translation.events}
        rows = [row for row in resource_rows(body, source, site.knowledge, known) if row.judged.verdict == "ours"]
        found: dict[str, Filled] = {}
        for of_one in by_resource(row for row in rows if row.prefix in made):
            resource = of_one[0].row.resource
            if is_retraction(resource) or check_fhir(resource):
                continue
            kind = str(resource["resourceType"])
            before = found.get(kind) or Filled(feed=Feed(sender=source, what=kind), results=0)
            found[kind] = replace(before, results=before.results + 1)
            self._add_elements(before.places, of_one, kind)
        return Look(filled=tuple(found.values()), events=bool(made))

    def _add_elements(self, places: dict[Place, Occurrence], rows: list[ResourceRow], kind: str) -> None:
        mappings = {id(row.mapping): row.mapping for row in rows}
        if tuple(mappings) not in self._element_reads:
            self._element_reads[tuple(mappings)] = ElementReads(mappings.values())
        files = tuple(mapping.mapping.file for mapping in mappings.values())
        seen: set[Place] = set()
        for use in self._element_reads[tuple(mappings)].uses(rows[0].row.resource):
            place = Place(name=f"{kind}.{named_place(use)}", kind=use.kind, by=use.by, files=files)
            if place not in seen:
                seen.add(place)
                places.setdefault(place, Occurrence(use=use)).results += 1


def _concerns_us(read: Translation) -> bool:
    return bool(read.events or read.parked) or read.relevance == "near-miss"


class _Seen:
    """The places of one message, counted result by result."""

    def __init__(self, beside: Surroundings, reads: Reads, files: tuple[str, ...]) -> None:
        self._beside = beside
        self._reads = reads
        self._files = files
        self._found: dict[Place, Occurrence] = {}

    def places(self) -> dict[Place, Occurrence]:
        """Each filled place with the number of results it is filled for."""
        above: dict[int, tuple[dict[Place, Use], int]] = {}
        for group in self._beside.groups:
            key, number = id(group.rows[0].scope.above), len(group.rows)
            shared, before = above.get(key) or (self._of(group.above), 0)
            above[key] = shared, before + number
            order = self._of(group.order)
            self._count({place: use for place, use in order.items() if place not in shared}, number)
            for row in group.rows:
                mine = self._of(own(row))
                self._count({p: use for p, use in mine.items() if p not in shared and p not in order}, 1)
        for shared, number in above.values():
            self._count(shared, number)
        return self._found

    def _count(self, places: Mapping[Place, Use], results: int) -> None:
        for place, use in places.items():
            self._found.setdefault(place, Occurrence(use=use)).results += results

    def _of(self, segments: Iterable[Segment]) -> dict[Place, Use]:
        """The places of segments; of one that is filled several times the first use."""
        found: dict[Place, Use] = {}
        for segment in segments:
            for part, reached in self._beside.parts(segment):
                for use in self._reads.uses(part, self._beside.message.delimiters, reached=reached):
                    place = Place(name=use.place, kind=use.kind, by=use.by, files=self._files)
                    found.setdefault(place, use)
        return found
