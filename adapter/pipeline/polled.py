"""Polled resources on their way into the corridor: what they refer to is read, and what is new is kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from adapter.domain.message import POLL, Arrival, Translation
from adapter.fhir import content_hash, dumps
from adapter.ingest.fhir_bundle import literal_reference, reference_to
from adapter.pipeline.parts import JsonObject, Parts
from adapter.pipeline.references import References
from adapter.pipeline.understand import is_held, translated_unchecked
from adapter.store.polls import DELETED

HOPS = 3
"""A dose names a Medication, that an ingredient: nothing we read lies further away."""


class Memory(Protocol):
    """What was kept of a source before."""

    def contents(self, source: str, references: Sequence[str]) -> dict[str, str]:
        """The content that was last kept of these resources."""

    def put_contents(self, source: str, contents: Mapping[str, str], place: int) -> None:
        """Note what was kept, up to a place of the inbox."""


Keep = Callable[[Sequence[Arrival]], int]
"""Keeps arrivals in their order, on disk on return; gives the last place. Raises CannotKeep or StoreBroken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Where the polled resources of one source go."""

    source: str
    references: References
    memory: Memory
    keep: Keep
    parts: Callable[[], Parts]
    clock: Callable[[], datetime]
    observe: Callable[[Counter[str]], None] = lambda _: None
    """Called with what was seen as soon as it is kept, whatever becomes of the poll."""

    def take(self, resources: Sequence[JsonObject]) -> Counter[str]:
        """Keep what is new of a page; counts what was `kept`, `known` before, or of no concern (`irrelevant`).

        What says nothing to us is left at its server: most doses of a hospital are of other drugs. Whatever was kept
        once is kept in every later version, for it may say no longer what it said.
        Raises Transient or Ambiguous when something it refers to cannot be read now.
        """
        counts: Counter[str] = Counter()
        fresh: list[JsonObject] = []
        before = self.memory.contents(self.source, [ref for one in resources if (ref := reference_to(one))])
        for resource in resources:
            reference = reference_to(resource) or ""
            if before.get(reference) == content_of(resource):
                counts["known"] += 1
                continue
            explained = self._explained(resource, always=reference in before)
            counts["irrelevant" if explained is None else "kept"] += 1
            fresh += explained or ()
        self._keep(fresh)
        self.observe(counts)
        return counts

    def delete(self, references: Sequence[str]) -> int:
        """Keep that a server no longer has these resources; gives how many of these deletions are new."""
        before = self.memory.contents(self.source, references)
        gone = [reference for reference in references if before.get(reference) != DELETED]
        if gone:
            place = self.keep([self._deletion(reference) for reference in gone])
            self.memory.put_contents(self.source, dict.fromkeys(gone, DELETED), place)
            self.observe(Counter(deleted=len(gone)))
        return len(gone)

    def knows(self, reference: str) -> bool:
        """Whether something that is not deleted yet was kept under a reference, or a fact stands that it gave."""
        before = self.memory.contents(self.source, [reference]).get(reference)
        return before not in (None, DELETED) or is_held(self.source, reference, self.parts())

    def resolve(self, references: Sequence[str]) -> int:
        """Read what waiting messages wait for and keep what is new of it: that sets them free."""
        found = [resource for ref in references if (resource := self.references.read(ref)) is not None]
        return self.take(found)["kept"]

    def _keep(self, resources: Sequence[JsonObject]) -> None:
        """Those whose content is new, each content once, in their order."""
        named = {reference: resource for resource in resources if (reference := reference_to(resource))}
        before = self.memory.contents(self.source, list(named))
        contents = {reference: content_of(resource) for reference, resource in named.items()}
        new = {reference: content for reference, content in contents.items() if before.get(reference) != content}
        arrivals = [self._arrival(named[reference]) for reference in new]
        arrivals += [self._arrival(resource) for resource in resources if reference_to(resource) is None]
        if arrivals:
            self.memory.put_contents(self.source, new, self.keep(arrivals))

    def _explained(self, resource: JsonObject, *, always: bool) -> list[JsonObject] | None:
        """A resource behind everything it refers to that was not known; None when it is no concern of ours."""
        found: dict[str, JsonObject] = {}
        said = self._said(resource, found)
        for _ in range(HOPS):
            missing = {ref for ref in said.waits_for if ref not in found} if said else ()
            read = {ref: one for ref in sorted(missing) if (one := self.references.read(ref)) is not None}
            if not read:
                break
            found.update(read)
            said = self._said(resource, found)
        if not always and said and said.relevance == "irrelevant" and names_something(resource):
            return None
        if said and said.events:
            found.update(self._order_of(resource))
        return [*found.values(), resource]

    def _said(self, resource: JsonObject, found: Mapping[str, JsonObject]) -> Translation | None:
        return translated_unchecked(resource, self._arrival(resource), found, self.parts())

    def _order_of(self, resource: JsonObject) -> Iterator[tuple[str, JsonObject]]:
        """The order of a dose says how much was to be given; without it the dose is read all the same."""
        request = resource.get("request")
        literal = request.get("reference") if isinstance(request, dict) else None
        reference = literal_reference(literal) if isinstance(literal, str) else ""
        if reference and self.parts().state.known(self.source, reference) is None:
            order = self.references.read(reference)
            if order is not None:
                yield reference, order

    def _arrival(self, resource: JsonObject) -> Arrival:
        raw = dumps(resource)
        return Arrival(
            kind="fhir",
            source=self.source,
            listener=POLL,
            raw=raw,
            received_at=self.clock(),
            message_type=str(resource.get("resourceType", "")),
            digest=hashlib.sha256(raw).hexdigest(),
        )

    def _deletion(self, reference: str) -> Arrival:
        return Arrival(
            kind="fhir",
            source=self.source,
            listener=POLL,
            raw=b"",
            received_at=self.clock(),
            message_type=reference.partition("/")[0],
            digest=hashlib.sha256(f"DELETE {reference}".encode()).hexdigest(),
            method="DELETE",
            target=reference,
        )


def names_something(resource: JsonObject) -> bool:
    """Whether a code, a text or a reference can be read where a record names its drug.

    Where none can, the record may be ours and broken: it is kept, and its problem told.
    """
    named = resource.get("code") or resource.get("medicationCodeableConcept") or resource.get("medicationReference")
    if not isinstance(named, dict):
        return False
    coding = named.get("coding")
    codes = coding if isinstance(coding, list) else []
    return any(isinstance(text, str) for text in (named.get("text"), named.get("reference"))) or any(
        isinstance(code, dict) and isinstance(code.get("code"), str) for code in codes
    )


def content_of(resource: JsonObject) -> str:
    """A mark of what a resource says: without its narrative, and without the time of a version that has no number."""
    said = {name: value for name, value in resource.items() if name != "text"}
    meta = resource.get("meta")
    if isinstance(meta, dict) and not meta.get("versionId"):
        said["meta"] = {name: value for name, value in meta.items() if name != "lastUpdated"}
    return content_hash(said)
