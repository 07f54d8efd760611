"""What was made of it, in memory: findings, rendered resources, and the ledger of deliveries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from adapter.domain.identities import Membership
from adapter.domain.message import OutboxRow, Outcome, Work
from adapter.domain.outputs import Written
from adapter.store.encoding import json_text, read_object, read_objects, text_hash
from adapter.store.ledger import DELIVERY_ORDER, LEFT_OUT, REMEMBERED, STATES
from adapter.store.search import Entry, Place, Query, Token, tokens_of

_COMPARE = {"eq": eq, "ne": ne, "ge": ge, "gt": gt, "le": le, "lt": lt}
ResourcePlace = tuple[str, str]
"""(resource type, id)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resource:
    patient: str
    kind: str
    body: str
    content_hash: str
    written: Written | None
    version: int
    last_updated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owed:
    patient: str
    generation: int
    state: str
    attempts: int
    queued_at: datetime
    retry_at: datetime | None
    overtakes: bool = False  # an older state may still arrive at the target
    remote: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(REMEMBERED))

    @property
    def unanswered(self) -> bool:
        """Whether what was sent may not have arrived yet, for all that is known."""
        sent, held = self.remote["sent_hash"], self.remote["remote_hash"]
        unsure = sent is not None and (held is None or not sent.endswith(held))
        return unsure and self.state == "pending" and self.retry_at is not None


class MemoryOutputs:
    """Findings and resources in their present state, and what each target still has to be told."""

    def __init__(self) -> None:
        self._findings: dict[str, tuple[str, str, int, datetime | None]] = {}
        self._resources: dict[ResourcePlace, _Resource] = {}
        self._outbox: dict[tuple[str, ResourcePlace], _Owed] = {}

    @property
    def patients(self) -> set[str]:
        """Every patient with findings."""
        return set(self._findings)

    def put(self, work: Work) -> None:
        """Replace findings, write changed resources and new Provenance, and make every target owe what it may get."""
        at = work.at
        for result in work.results:
            self._findings[result.patient] = (
                json_text(result.findings),
                json_text(result.unlinked),
                len(result.findings) + len(result.unlinked),
                result.next_check,
            )
            owners = dict(result.owners)
            for change in result.changes:
                place = (change.after.resource_type, change.after.id)
                self._put_resource(owners.get(change.after.id, result.patient), change.after, at)
                self._enqueue(result.patient, place, self._owing(place, work.deliver_to, work), at)
            for body in result.provenance:
                owing = self._owing(("Provenance", body["id"]), work.deliver_to, work)
                self._put_provenance(result.patient, body, owing, at)
        for one in work.owed_again:
            place = (one.resource_type, one.id)
            owing = self._owing(place, [one.target] if one.target in work.deliver_to else [], work)
            self._enqueue(one.patient, place, owing, at)

    def _owing(self, place: ResourcePlace, targets: Sequence[str], work: Work) -> list[str]:
        """The targets that have to be told: of those it is withheld from, the ones that may hold it already."""
        return [t for t in targets if (t, place[1]) not in work.withheld or self._may_hold(t, place)]

    def _may_hold(self, target: str, place: ResourcePlace) -> bool:
        owed = self._outbox.get((target, place))
        return owed is not None and not (owed.state == "confirmed" and owed.remote["strategy"] == LEFT_OUT)

    def _put_resource(self, patient: str, written: Written, at: datetime) -> None:
        place = (written.resource_type, written.id)
        before = self._resources.get(place)
        first = before.written.first_written if before and before.written else written.first_written
        self._resources[place] = _Resource(
            patient=before.patient if before else patient,
            kind=written.kind,
            body=json_text(written.body),
            content_hash=written.content_hash,
            written=replace(written, first_written=first),
            version=before.version + 1 if before else 1,
            last_updated=at,
        )

    def _put_provenance(self, patient: str, body: dict[str, Any], targets: Sequence[str], at: datetime) -> None:
        place, text = ("Provenance", body["id"]), json_text(body)
        if place not in self._resources:
            self._resources[place] = _Resource(
                patient=patient,
                kind="provenance",
                body=text,
                content_hash=text_hash(text),
                written=None,
                version=1,
                last_updated=at,
            )
            self._enqueue(patient, place, targets, at)

    def _enqueue(self, patient: str, place: ResourcePlace, targets: Sequence[str], at: datetime) -> None:
        for target in targets:
            before = self._outbox.get((target, place))
            self._outbox[target, place] = _Owed(
                patient=patient,
                generation=max(self._resources[place].version, before.generation + 1 if before else 1),
                state="pending",
                attempts=0,
                queued_at=before.queued_at if before and before.state == "pending" else at,
                retry_at=before.retry_at if before and before.unanswered else None,
                overtakes=bool(before and before.unanswered),
                remote=before.remote if before else dict.fromkeys(REMEMBERED),
            )

    def move(self, rows: Iterable[Membership]) -> None:
        """Patients are read under another record from now on: findings are told there, what is owed goes out there."""
        for row in rows:
            if row.survivor != row.patient:
                self._findings.pop(row.patient, None)
            for (target, place), owed in self._outbox.items():
                if owed.state != "confirmed" and self._resources[place].patient == row.patient:
                    self._outbox[target, place] = replace(owed, patient=row.survivor)

    def written_of(self, patient: str) -> tuple[Written, ...]:
        """Every resource last rendered for a patient, closed and retracted ones included, by type and id."""
        return tuple(
            replace(resource.written, body=read_object(resource.body))
            for _, resource in self._in_order()
            if resource.patient == patient and resource.written
        )

    def _in_order(self) -> list[tuple[ResourcePlace, _Resource]]:
        return sorted(self._resources.items(), key=lambda item: item[0])

    def owners(self, ids: Sequence[str]) -> dict[str, str]:
        """The patient each of these resource ids was first written for; unknown ids are left out."""
        wanted = set(ids)
        return {place[1]: resource.patient for place, resource in self._in_order() if place[1] in wanted}

    def findings(self, patient: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Dose findings and unlinked samples of a patient."""
        findings, unlinked, _, _ = self._findings.get(patient, ("[]", "[]", 0, None))
        return read_objects(findings), read_objects(unlinked)

    def checks_due(self, now: datetime, limit: int) -> list[str]:
        """Patients whose findings can change by the clock alone, the longest due first."""
        times = ((at, patient) for patient, (_, _, _, at) in self._findings.items() if at is not None and at <= now)
        return [patient for _, patient in sorted(times)][:limit]

    def due(self, target: str, now: datetime, limit_patients: int) -> list[OutboxRow]:
        """All that is owed to a target about patients with something due now, the longest waiting patient first."""
        owed = [
            (row.queued_at, row.patient, place, row)
            for (at, place), row in self._outbox.items()
            if at == target and row.state == "pending"
        ]
        waiting = sorted((at, patient) for at, patient, _, row in owed if row.retry_at is None or row.retry_at <= now)
        late = {patient for _, patient, _, row in owed if row.overtakes and row.retry_at and row.retry_at > now}
        order = [one for one in dict.fromkeys(patient for _, patient in waiting) if one not in late][:limit_patients]
        chosen = sorted(
            (order.index(patient), DELIVERY_ORDER.index(self._resources[place].kind), queued_at, place[1], place[0])
            for queued_at, patient, place, _ in owed
            if patient in order
        )
        return [self._row(target, (resource_type, resource_id)) for *_, resource_id, resource_type in chosen]

    def _row(self, target: str, place: ResourcePlace) -> OutboxRow:
        owed, resource = self._outbox[target, place], self._resources[place]
        return OutboxRow(
            target=target,
            patient=owed.patient,
            resource_type=place[0],
            id=place[1],
            body=read_object(resource.body),
            content_hash=resource.content_hash,
            attempts=owed.attempts,
            generation=owed.generation,
            **owed.remote,
        )

    def places(self, target: str, ids: Sequence[str]) -> dict[str, str | None]:
        """Where a target holds resources with these ids: `Type/id` -> its reference there, None when it does not."""
        return {
            f"{place[0]}/{place[1]}": f"{place[0]}/{row.remote['remote_id']}" if row.remote["remote_id"] else None
            for (at, place), row in self._outbox.items()
            if at == target and place[1] in ids
        }

    def mark_sent(self, rows: Sequence[OutboxRow]) -> None:
        """Note that these rows are under way."""
        for row in rows:
            owed = self._outbox.get((row.target, (row.resource_type, row.id)))
            if owed and owed.generation == row.generation:
                self._outbox[row.target, (row.resource_type, row.id)] = replace(owed, state="sent")

    def remember_sent(self, rows: Sequence[OutboxRow]) -> None:
        """Note what a target may hold from now on, also when a newer state is owed meanwhile."""
        for row in rows:
            owed = self._outbox.get((row.target, (row.resource_type, row.id)))
            if owed:
                remote = {**owed.remote, "sent_hash": row.sent_hash}
                self._outbox[row.target, (row.resource_type, row.id)] = replace(owed, remote=remote)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Note how attempts ended; the outcome of an older generation tells only what the target holds since."""
        for outcome in outcomes:
            place = (outcome.row.target, (outcome.row.resource_type, outcome.row.id))
            if (owed := self._outbox.get(place)) is None:
                continue
            owed = replace(owed, remote={name: getattr(outcome, name) or owed.remote[name] for name in REMEMBERED})
            if owed.generation == outcome.row.generation:
                ended = replace(owed, state=outcome.state, attempts=owed.attempts + 1, retry_at=outcome.retry_at)
                owed = replace(ended, overtakes=False)
            elif owed.state == outcome.state == "pending" and outcome.sent_hash is not None:
                owed = replace(owed, retry_at=outcome.retry_at, overtakes=True)
            elif owed.overtakes and outcome.state == "confirmed":
                owed = replace(owed, retry_at=None, overtakes=False)
            self._outbox[place] = owed

    def outbox_counts(self, target: str) -> dict[str, int]:
        """How many resources of a target are in each state; every state is named."""
        return dict.fromkeys(STATES, 0) | Counter(row.state for (at, _), row in self._outbox.items() if at == target)

    def oldest_pending(self, target: str) -> datetime | None:
        """Since when the longest waiting resource of a target waits."""
        waiting = (row.queued_at for (at, _), row in self._outbox.items() if at == target and row.state == "pending")
        return min(waiting, default=None)

    def resource(self, resource_type: str, resource_id: str) -> Entry | None:
        """One resource as last rendered, with its version and time."""
        found = self._resources.get((resource_type, resource_id))
        return None if found is None else (read_object(found.body), found.version, found.last_updated)

    def resources(self, resource_types: Sequence[str]) -> dict[str, dict[str, Any]]:
        """`Type/id` and body of every resource of these types, in order."""
        return {
            f"{place[0]}/{place[1]}": read_object(resource.body)
            for place, resource in self._in_order()
            if place[0] in resource_types
        }

    def search(self, query: Query, count: int, after: Place | None) -> tuple[int, list[Entry]]:
        """How many resources match, and the page behind `after`, by last update and id."""
        found = sorted(
            (resource.last_updated, place[1])
            for place, resource in self._resources.items()
            if place[0] == query.resource_type and _matches(place[1], resource, query)
        )
        page = [entry for entry in found if after is None or entry > after][:count]
        entries = (self.resource(query.resource_type, resource_id) for _, resource_id in page)
        return len(found), [entry for entry in entries if entry]

    def counts(self) -> dict[str, int]:
        """`findings`, `resources` and `pending` deliveries."""
        return {
            "findings": sum(count for _, _, count, _ in self._findings.values()),
            "resources": sum(resource.written is not None for resource in self._resources.values()),
            "pending": sum(row.state == "pending" for row in self._outbox.values()),
        }


def _matches(resource_id: str, resource: _Resource, query: Query) -> bool:
    if query.patients is not None and resource.patient not in query.patients:
        return False
    if query.ids is not None and resource_id not in query.ids:
        return False
    if not all(_COMPARE[comparison](resource.last_updated, at) for comparison, at in query.last_updated):
        return False
    found = tokens_of(read_object(resource.body))
    return all(any(_has(found, parameter, token) for token in tokens) for parameter, tokens in query.tokens)


def _has(found: set[tuple[str, str, str]], parameter: str, token: Token) -> bool:
    system, code = token
    return any(p == parameter and system in (None, s) and code in (None, c) for p, s, c in found)
