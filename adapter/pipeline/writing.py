"""Write one resource to one target: by its strategy, then whatever the server answers (docs/reference/outputs.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapter.domain.message import Outcome
from adapter.pipeline.destination import Destination, Outbox
from adapter.pipeline.outcomes import failed, later
from adapter.pipeline.standing import DELETED, Letter, There, look
from adapter.pipeline.strategy import LADDER, Plan, Strategy
from adapter.transport.fhir_client import EntryResult
from adapter.transport.fhir_failures import FhirFailure, Permanent

MOST_CONFLICTS = 5
NOT_OFFERED = "not-offered"
LOOKS_FIRST = frozenset({"conditional-create", "search-first"})
"""A POST whose answer was lost has left something: asked for before every first one, it is never made twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """One pass over a target."""

    destination: Destination
    outbox: Outbox
    plan: Plan
    now: datetime

    @classmethod
    def over(cls, destination: Destination, outbox: Outbox, now: datetime) -> Writer:
        """A pass over a target as it can be written to now; raises Transient when it is away."""
        abilities = destination.known.of(destination.server, now)
        remembered = destination.known.brought_down
        if remembered is None:
            remembered = destination.known.brought_down = outbox.strategies(destination.name)
        plan = Plan(abilities=abilities, choice=destination.strategy, remembered=remembered)
        return cls(destination=destination, outbox=outbox, plan=plan, now=now)

    def write(self, letter: Letter, strategy: Strategy | None) -> Outcome:
        """How the attempt with one resource ended."""
        if letter.settled:
            return letter.confirmed(letter.there, None, "unchanged")
        if strategy is None:
            return letter.parked(NOT_OFFERED)
        if letter.row.resource_type == "Provenance" and strategy != "update-as-create":
            strategy = "search-first"
        try:
            return self._written(letter, strategy)
        except _Refused as refused:
            return self._lower(letter, strategy, refused.failure)
        except FhirFailure as failure:
            return failed(letter.row, failure, self.now, sent_hash=letter.sent)

    def _lower(self, letter: Letter, strategy: Strategy, failure: Permanent) -> Outcome:
        """The next strategy, remembered once it has worked: a single refusal may have other reasons."""
        below = self.plan.below(strategy, letter.row.resource_type)
        if below is None:
            return failed(letter.row, failure, self.now, sent_hash=letter.sent)
        outcome = self.write(letter, below)
        if outcome.state == "confirmed" and outcome.strategy in LADDER:
            self.outbox.remember_strategy(self.destination.name, letter.row.resource_type, outcome.strategy)
            self.destination.known.brought_down = None
        return outcome

    def _written(self, letter: Letter, strategy: Strategy) -> Outcome:
        there = letter.there
        looks = strategy in LOOKS_FIRST if there is None else not self.guarded(letter)
        for conflicts in range(MOST_CONFLICTS + 1):
            if conflicts:
                self.destination.pause(conflicts)
            if looks or conflicts:
                seen = look(letter, self.destination, strategy)
                if isinstance(seen, Outcome):
                    return seen
                there = seen
            done = self._sent(letter, there, strategy)
            if done is not None:
                return done
        return later(letter.row, "conflict", self.now, sent_hash=letter.sent)

    def guarded(self, letter: Letter) -> bool:
        """Whether the server itself refuses an update of anything but the version we know."""
        there = letter.there
        able = self.plan.abilities.of(letter.row.resource_type)
        return able.guards_versions and there is not None and there.version is not None

    def note(self, letters: Sequence[Letter]) -> None:
        """Remember what is about to be sent: whoever dies before its answer must know it again as ours."""
        if notes := [letter.noted for letter in letters if letter.sent != letter.row.sent_hash]:
            self.outbox.remember_sent(notes)

    def _sent(self, letter: Letter, there: There | None, strategy: Strategy) -> Outcome | None:
        """One request; None after a conflict, when what stands there must be looked at."""
        self.note([letter])
        try:
            result = self._request(letter, there, strategy)
        except FhirFailure as failure:
            return _answered(letter, there, failure, self.plan.refusals(strategy, letter.row.resource_type))
        if strategy == "conditional-create" and there is None and result.status == 200:
            return None  # it found one, and wrote nothing
        return self._confirmed(letter, there, strategy, result)

    def _request(self, letter: Letter, there: There | None, strategy: Strategy) -> EntryResult:
        server, row = self.destination.server, letter.row
        if there:
            return server.put(row.resource_type, there.id, letter.bytes_as(there.id), there.version)
        match strategy:
            case "update-as-create":
                return server.put(row.resource_type, row.id, letter.bytes_as(row.id))
            case "conditional-update":
                return server.put_where(row.resource_type, letter.identifier, letter.bytes_as(None))
            case "conditional-create":
                return server.post(row.resource_type, letter.bytes_as(None), none_exist=letter.identifier)
            case "search-first":
                return server.post(row.resource_type, letter.bytes_as(None))

    def _confirmed(self, letter: Letter, there: There | None, strategy: Strategy, result: EntryResult) -> Outcome:
        own = letter.row.id if strategy == "update-as-create" else None
        held = there.id if there else result.id or own
        place = There(id=held, version=result.version) if held else self._place_of(letter, result)
        return letter.confirmed(place, strategy, "; ".join(result.issues) or None)

    def _place_of(self, letter: Letter, result: EntryResult) -> There | None:
        """Where a server that does not tell has put it; asked for again before the next write when it cannot say."""
        if letter.row.resource_type == "Provenance":
            return None  # it never changes
        try:
            found = self.destination.server.carriers(letter.row.resource_type, *letter.identifier)
        except FhirFailure:
            return None
        return There(id=str(found[0].get("id")), version=result.version) if len(found) == 1 else None


class _Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """The server does not create resources in this way."""

    def __init__(self, failure: Permanent) -> None:
        super().__init__(str(failure))
        self.failure = failure


def _answered(letter: Letter, there: There | None, failure: FhirFailure, refusals: frozenset[int]) -> Outcome | None:
    """How a failed request goes on: None after a conflict; raises what is not about this one resource."""
    status = getattr(failure, "status", None)
    if status in (409, 412):
        return None
    if status == 410 or (status == 404 and there):
        return letter.parked(f"{status}: {DELETED}")
    if isinstance(failure, Permanent) and status in refusals and there is None:
        raise _Refused(failure)
    raise failure
