"""What stands on a target before we write: ours as we left it, what we want already, or somebody else's edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapter.domain.message import OutboxRow, Outcome
from adapter.fhir import dumps
from adapter.pipeline.destination import Destination, JsonObject
from adapter.pipeline.strategy import Strategy
from adapter.store.ledger import LEFT_OUT
from adapter.transport.fhir_failures import Permanent
from adapter.writeback.at_target import comparable_hash, has_new_verdict, is_ended_flag, stays_closed

DELETED = "deleted-on-target"
FOREIGN = "foreign-edit"
CLOSED_THERE = "closed-on-target"
SEVERAL = "several-on-target"
MISSING = frozenset({404, 410})
MOST_REMEMBERED = 16
"""States of one resource that may stand on a target without our knowing which: each an attempt without an answer."""
FIRST_VERSIONS = (None, "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """Where a target holds a resource, and in which version."""

    id: str
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One resource on its way to a target, as that target takes it."""

    row: OutboxRow
    body: JsonObject
    hash: str
    identifier: tuple[str, str]
    """Its output key, by which it is found again."""

    @property
    def there(self) -> There | None:
        """Where the ledger says the target holds it; None when it does not, or holds another copy."""
        if self.row.remote_id is None or self.row.strategy == LEFT_OUT:
            return None
        return There(id=self.row.remote_id, version=self.row.remote_version)

    @property
    def sent(self) -> str:
        """The hashes of all that may stand there once this was sent, the newest last: an answer tells which it is."""
        return self._after(self._before)

    @property
    def _before(self) -> list[str]:
        return (self.row.sent_hash or "").split()

    @property
    def _unanswered(self) -> list[str]:
        """What went since the last confirmation without an answer: it may be taken up even after the next one."""
        before = self._before
        return before[before.index(self.row.remote_hash) + 1 :] if self.row.remote_hash in before else before

    def _after(self, earlier: Sequence[str]) -> str:
        return " ".join([*(one for one in earlier if one != self.hash), self.hash][-MOST_REMEMBERED:])

    @property
    def noted(self) -> OutboxRow:
        """The row as it is remembered before the letter goes."""
        return replace(self.row, sent_hash=self.sent)

    @property
    def settled(self) -> bool:
        """The target holds exactly this: writing it again would make a version and notify every subscriber."""
        return self.there is not None and self.row.remote_hash == self.hash and self._before[-1:] == [self.hash]

    def bytes_as(self, resource_id: str | None) -> bytes:
        """The resource under an id of the target; None where the target gives one."""
        named = {"id": resource_id} if resource_id else {}
        rest = {name: value for name, value in self.body.items() if name not in ("resourceType", "id")}
        return dumps({"resourceType": self.row.resource_type, **named, **rest})

    def confirmed(self, there: There | None, strategy: str | None, reason: str | None = None) -> Outcome:
        """The target holds it."""
        return Outcome(
            row=self.row,
            state="confirmed",
            reason=reason,
            strategy=strategy,
            remote_id=there.id if there else None,
            remote_version=there.version if there else None,
            remote_hash=self.hash,
            sent_hash=self._after(self._unanswered),
        )

    def parked(self, reason: str) -> Outcome:
        """It waits for a person."""
        return Outcome(row=self.row, state="parked", reason=reason, sent_hash=self.sent)


def look(letter: Letter, destination: Destination, strategy: Strategy) -> There | Outcome | None:
    """Where to update, nothing there, or how the matter ends without a write.

    Raises Transient, Permanent: the target could not be asked.
    """
    try:
        found, reason = found_there(letter, destination, strategy)
    except Permanent as failure:
        if failure.status in MISSING:
            return letter.parked(f"{failure.status}: {DELETED}")
        raise
    return None if found is None else judged(letter, found, strategy, reason)


def found_there(letter: Letter, destination: Destination, strategy: Strategy) -> tuple[JsonObject | None, str | None]:
    """What stands on the target under our key, and why that is odd.

    Raises Transient, Permanent: the target could not be asked, or it holds nothing where it should.
    """
    row, server = letter.row, destination.server
    if letter.there:
        return server.read(row.resource_type, letter.there.id), None
    if strategy == "update-as-create":
        try:
            return server.read(row.resource_type, row.id), None
        except Permanent as failure:
            if failure.status == 404:
                return None, None
            raise
    if row.resource_type == "Provenance":
        return _same_trail(letter, destination), None
    carriers = server.carriers(row.resource_type, *letter.identifier)
    if len(carriers) > 1:
        return _the_one(letter, carriers, destination), SEVERAL
    return (carriers[0] if carriers else None), None


def _same_trail(letter: Letter, destination: Destination) -> JsonObject | None:
    """A Provenance has no identifier in R4: it is known by what it is about, and by being the same."""
    about = str(letter.body["target"][0].get("reference"))
    found = destination.server.pointing_at("Provenance", "target", about)
    return next((one for one in found if comparable_hash(one) == letter.hash), None)


def _the_one(letter: Letter, carriers: Sequence[JsonObject], destination: Destination) -> JsonObject:
    """The oldest of several; the others bear our key, so they are ours, and are withdrawn."""
    first, *extra = sorted(carriers, key=lambda one: (str(_meta(one).get("lastUpdated", "")), str(one.get("id"))))
    for one in extra:
        if "status" in one and one["status"] != "entered-in-error":
            withdrawn = dumps({**one, "status": _withdrawn(letter, destination)})
            destination.server.put(letter.row.resource_type, str(one["id"]), withdrawn, version_in(one))
    return first


def _withdrawn(letter: Letter, destination: Destination) -> str:
    statuses = destination.status_map.get(letter.row.resource_type, {})
    return statuses.get("entered-in-error", "entered-in-error")


def judged(letter: Letter, standing: JsonObject, strategy: Strategy, reason: str | None = None) -> There | Outcome:
    """Whether what stands is what we want, may be updated, or is somebody's own doing and stays."""
    row, there = letter.row, There(id=str(standing.get("id")), version=version_in(standing))
    found = comparable_hash(standing)
    if found == letter.hash:
        return letter.confirmed(there, strategy, reason)
    if stays_closed(standing, letter.body) and not _unmoved(row, there, found):
        # The version of its closing is not remembered, so that the next change looks again.
        return Outcome(row=row, state="confirmed", reason=CLOSED_THERE, strategy=strategy, remote_id=there.id)
    if _unmoved(row, there, found) or _reopened(standing, letter.body):
        return there
    return letter.parked(FOREIGN)


def _unmoved(row: OutboxRow, there: There, found: str) -> bool:
    """Nobody but us has written it: the version or the content is ours, or it was written once and we remember none."""
    if row.remote_version is not None and there.version == row.remote_version:
        return True
    remembered = {row.remote_hash, *(row.sent_hash or "").split()} - {None}
    return found in remembered if remembered else there.version in FIRST_VERSIONS


def _reopened(standing: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """A Flag somebody closed is written again when there is something new to say."""
    return is_ended_flag(standing) and (wanted.get("status") == "entered-in-error" or has_new_verdict(standing, wanted))


def version_in(resource: Mapping[str, Any]) -> str | None:
    """`meta.versionId`"""
    version = _meta(resource).get("versionId")
    return str(version) if version else None


def _meta(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = resource.get("meta")
    return meta if isinstance(meta, dict) else {}
