"""A state that lives as long as its process: what `play` and tests use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from threading import RLock
from typing import Any

from adapter.domain.events import Event, Recorded
from adapter.domain.identities import Group, IdentityTold, Statements
from adapter.domain.message import MessageRef, OutboxRow, Outcome, Parked, PatientState, Work
from adapter.domain.people import Person
from adapter.store.memory_facts import MemoryFacts
from adapter.store.memory_identities import MemoryIdentities
from adapter.store.memory_outputs import MemoryOutputs
from adapter.store.search import Comparison, Entry, Place, Query, Token


class MemoryState:
    """The same promises as the state file, except surviving the process."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._facts = MemoryFacts()
        self._outputs = MemoryOutputs()
        self._identities = MemoryIdentities()
        self._parked: dict[tuple[str, int], Parked] = {}
        self._cursors: dict[str, int] = {}
        self._messages: Counter[str] = Counter()
        self._problems: Counter[str] = Counter()
        self._strategies: dict[str, dict[str, str]] = {}

    def close(self) -> None:
        """Nothing to close."""

    def cursor(self, inbox: str) -> int:
        """The last place of an inbox whose effects are committed, 0 at the start."""
        with self._lock:
            return self._cursors.get(inbox, 0)

    def recall(self, patient: str, facts: Sequence[Event] = ()) -> PatientState:
        """All that is remembered of a patient, and every version of these facts wherever it is held."""
        with self._lock:
            return PatientState(
                patient=patient,
                recorded=self._facts.history(patient, facts),
                records=self._facts.records_of(patient),
                written=self._outputs.written_of(patient),
            )

    def read_from(self, digests: Sequence[str]) -> tuple[Recorded, ...]:
        """The events that were read from messages with these digests."""
        with self._lock:
            return self._facts.read_from(digests)

    def look_ahead(self, patients: Sequence[str], digests: Sequence[str], ids: Sequence[str]) -> None:
        """Everything is at hand."""

    def twins(self, message: MessageRef) -> list[MessageRef]:
        """Parked messages with the very bytes of this one."""
        with self._lock:
            rows = [parked.message for parked in self._parked.values()]
        same = [row for row in rows if (row.digest, row.source) == (message.digest, message.source)]
        return [row for row in same if row != message]

    def holders(self, events: Sequence[Event]) -> tuple[str, ...]:
        """All patients whose history these events touch, in order."""
        with self._lock:
            return self._facts.holders(events)

    def group(self, patient: str) -> Group:
        """Everybody who is the same person as a patient, the surviving record first."""
        with self._lock:
            return self._identities.group_of(patient)

    def told_about(self, patients: Sequence[str]) -> tuple[Statements, ...]:
        """What origins say of the identities of these patients."""
        with self._lock:
            return self._identities.told_about(patients)

    def said_by(self, source: str, origin: str) -> tuple[IdentityTold, ...]:
        """What one origin says of identities."""
        with self._lock:
            return self._identities.said_by(source, origin)

    def people(self, patient: str) -> tuple[Person, ...]:
        """Whom a record number, or one of a record merged with it, was said to stand for."""
        with self._lock:
            group = self._identities.group_of(patient)
            return tuple(one for member in group for one in self._identities.people_of(member))

    def reason(self, message: MessageRef) -> str | None:
        """Why a message waits in the work list; None when it does not."""
        with self._lock:
            waiting = self._parked.get((message.inbox, message.seq))
            return waiting.reason if waiting else None

    def commit(self, work: Work) -> bool:
        """Take over everything of one step; False when its message was already committed."""
        with self._lock:
            message = work.message
            if message and message.seq <= self._cursors.get(message.inbox, 0):
                return False
            self._facts.remove_events(work.superseded)
            self._facts.add_events(work.events)
            self._facts.add_records(work.patients)
            self._facts.add_known(message.source if message else "", work.known)
            self._identities.put(work.statements)
            self._identities.add_people(work.people)
            self._identities.move(work.memberships)
            self._outputs.move(work.memberships)
            self._outputs.put(work)
            self._change_worklist(work.resolved, work.parked)
            for waiting in work.waiting:
                self._change_worklist((), waiting)
            self._problems.update(problem.code for problem in work.problems)
            if message:
                self._cursors[message.inbox] = message.seq
                self._messages[message.inbox] += 1
            return True

    def _change_worklist(self, resolved: Sequence[MessageRef], waiting: Parked | None) -> None:
        place = (waiting.message.inbox, waiting.message.seq) if waiting else None
        before = self._parked.get(place) if place else None
        for message in resolved:
            self._parked.pop((message.inbox, message.seq), None)
        if waiting and place:
            references = tuple(dict.fromkeys(waiting.waits_for))
            # It has waited since it came into the work list, however often it is read in between.
            since = before.parked_at if before else waiting.parked_at
            self._parked[place] = replace(waiting, waits_for=references, parked_at=since)

    def known(self, source: str, reference: str) -> dict[str, Any] | None:
        """A supporting resource (`Patient/p1`) of a source."""
        with self._lock:
            return self._facts.known(source, reference)

    def named_by(self, reference: str) -> tuple[str, ...]:
        """The patients (`<system>|<value>`) whom `Patient/<id>` names, whatever its source, in order."""
        with self._lock:
            return self._facts.named_by(reference)

    def waiting_for(self, source: str, references: Sequence[str]) -> list[MessageRef]:
        """Parked messages of a source that wait for one of these references, the longest waiting first."""
        wanted = set(references)
        return [p.message for p in self.parked() if p.message.source == source and wanted.intersection(p.waits_for)]

    def awaited(self, source: str, limit: int) -> list[str]:
        """References of a source that messages of the work list wait for, in order."""
        with self._lock:
            rows = list(self._parked.values())
        return sorted({ref for row in rows if row.message.source == source for ref in row.waits_for})[:limit]

    def parked(self, reason: str | None = None) -> list[Parked]:
        """The work list, or its part with one reason, the longest waiting first."""
        with self._lock:
            rows = [row for row in self._parked.values() if reason is None or row.reason == reason]
        return sorted(rows, key=lambda row: (row.parked_at, row.message.inbox, row.message.seq))

    def owners(self, ids: Sequence[str]) -> dict[str, str]:
        """The patient each of these resource ids was first written for; unknown ids are left out."""
        with self._lock:
            return self._outputs.owners(ids)

    def checks_due(self, now: datetime, limit: int) -> list[str]:
        """Patients whose findings can change by the clock alone, the longest due first."""
        with self._lock:
            return self._outputs.checks_due(now, limit)

    def findings(self, patient: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Dose findings and unlinked samples of a patient as they were last printed, those of merged records too."""
        with self._lock:
            return self._outputs.findings(self._identities.survivor(patient))

    def all_patients(self) -> list[str]:
        """Every patient with an event or a finding, merged ones as the surviving record, in order.

        A retraction that names nobody is nobody's.
        """
        with self._lock:
            known = (self._facts.patients | self._outputs.patients) - {""}
            return sorted({self._identities.survivor(patient) for patient in known})

    def due(self, target: str, now: datetime, limit_patients: int) -> list[OutboxRow]:
        """All that is owed to a target about patients with something due now, the longest waiting patient first."""
        with self._lock:
            return self._outputs.due(target, now, limit_patients)

    def places(self, target: str, ids: Sequence[str]) -> dict[str, str | None]:
        """Where a target holds resources with these ids: `Type/id` -> its reference there, None when it does not."""
        with self._lock:
            return self._outputs.places(target, ids)

    def strategies(self, target: str) -> dict[str, str]:
        """The strategies remembered for a target after it refused a better one, by resource type."""
        with self._lock:
            return dict(self._strategies.get(target, {}))

    def remember_strategy(self, target: str, resource_type: str, strategy: str) -> None:
        """Write resources of this type to the target like this from now on."""
        with self._lock:
            self._strategies.setdefault(target, {})[resource_type] = strategy

    def mark_sent(self, rows: Sequence[OutboxRow]) -> None:
        """Note that these rows are under way; they are not due again until settled."""
        with self._lock:
            self._outputs.mark_sent(rows)

    def remember_sent(self, rows: Sequence[OutboxRow]) -> None:
        """Note the `sent_hash` of these rows before they are sent: what stands there after a crash is known as ours."""
        with self._lock:
            self._outputs.remember_sent(rows)

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Note how attempts ended; that of an older generation tells only what the target holds since."""
        with self._lock:
            self._outputs.settle(outcomes)

    def outbox_counts(self, target: str) -> dict[str, int]:
        """How many resources of a target are pending, sent, confirmed and parked."""
        with self._lock:
            return self._outputs.outbox_counts(target)

    def oldest_pending(self, target: str) -> datetime | None:
        """Since when the longest waiting resource of a target waits, None when nothing does."""
        with self._lock:
            return self._outputs.oldest_pending(target)

    def resource(self, resource_type: str, resource_id: str) -> Entry | None:
        """One resource as last rendered: (body, version, last updated)."""
        with self._lock:
            return self._outputs.resource(resource_type, resource_id)

    def resources(self, *resource_types: str) -> dict[str, dict[str, Any]]:
        """`Type/id` and body of every resource of these types as last rendered, in order."""
        with self._lock:
            return self._outputs.resources(resource_types)

    def search(
        self,
        resource_type: str,
        *,
        patients: Sequence[str] | None = None,
        identifier: Sequence[Sequence[Token]] = (),
        code: Sequence[Sequence[Token]] = (),
        status: Sequence[Sequence[Token]] = (),
        last_updated: Sequence[tuple[Comparison, datetime]] = (),
        ids: Sequence[str] | None = None,
        count: int = 50,
        after: Place | None = None,
    ) -> tuple[int, list[Entry]]:
        """How many resources match, and at most `count` of them behind `after`, by last update and id."""
        query = Query(
            resource_type=resource_type,
            patients=None if patients is None else [one for patient in patients for one in self.group(patient)],
            identifier=identifier,
            code=code,
            status=status,
            last_updated=last_updated,
            ids=ids,
        )
        with self._lock:
            return self._outputs.search(query, count, after)

    def problem_counts(self) -> dict[str, int]:
        """How often each problem occurred, by code."""
        with self._lock:
            return dict(sorted(self._problems.items()))

    def counts(self) -> dict[str, int]:
        """`messages:<inbox>` committed, `parked`, `findings`, `resources` and `pending` deliveries."""
        with self._lock:
            messages = {f"messages:{inbox}": count for inbox, count in sorted(self._messages.items())}
            return messages | {"parked": len(self._parked)} | self._outputs.counts()
