"""The state file: everything the two inboxes have led to, and how far each was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from adapter.domain.events import Event, Recorded
from adapter.domain.identities import Group, IdentityTold, Statements
from adapter.domain.message import MessageRef, Parked, PatientState, Work
from adapter.domain.people import Person
from adapter.store import (
    state_facts,
    state_identities,
    state_outbox,
    state_outputs,
    state_search,
    state_worklist,
)
from adapter.store.crash_points import reached
from adapter.store.search import Comparison, Entry, Place, Query, Token
from adapter.store.sql_database import Database
from adapter.store.sqlite_targets import SqliteTargets
from adapter.store.state_tables import STATE


class SqliteState(SqliteTargets):
    """The one writer of the state file, with its readers; every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises StoreTooNew or StoreBroken."""
        self._database = Database(path, STATE)
        with self._database.write() as connection:
            state_outbox.recover_sent(connection)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def cursor(self, inbox: str) -> int:
        """The last place of an inbox whose effects are committed, 0 at the start."""
        with self._database.read() as connection:
            return state_worklist.cursor(connection, inbox)

    def recall(self, patient: str, facts: Sequence[Event] = ()) -> PatientState:
        """All that is remembered of a patient, and every version of these facts wherever it is held."""
        with self._database.read() as connection:
            return PatientState(
                patient=patient,
                recorded=state_facts.history(connection, patient, facts),
                records=state_facts.records_of(connection, patient),
                written=state_outputs.written_of(connection, patient),
            )

    def read_from(self, digests: Sequence[str]) -> tuple[Recorded, ...]:
        """The events that were read from messages with these digests."""
        with self._database.read() as connection:
            return state_facts.read_from(connection, digests)

    def twins(self, message: MessageRef) -> list[MessageRef]:
        """Parked messages with the very bytes of this one."""
        with self._database.read() as connection:
            return state_worklist.twins(connection, message)

    def holders(self, events: Sequence[Event]) -> tuple[str, ...]:
        """All patients whose history these events touch, in order."""
        with self._database.read() as connection:
            return state_facts.holders(connection, events)

    def group(self, patient: str) -> Group:
        """Everybody who is the same person as a patient, the surviving record first."""
        with self._database.read() as connection:
            return state_identities.group_of(connection, patient)

    def told_about(self, patients: Sequence[str]) -> tuple[Statements, ...]:
        """What origins say of the identities of these patients."""
        with self._database.read() as connection:
            return state_identities.told_about(connection, patients)

    def said_by(self, source: str, origin: str) -> tuple[IdentityTold, ...]:
        """What one origin says of identities."""
        with self._database.read() as connection:
            return state_identities.said_by(connection, source, origin)

    def people(self, patient: str) -> tuple[Person, ...]:
        """Whom a record number, or one of a record merged with it, was said to stand for."""
        with self._database.read() as connection:
            group = state_identities.group_of(connection, patient)
            return tuple(one for member in group for one in state_identities.people_of(connection, member))

    def reason(self, message: MessageRef) -> str | None:
        """Why a message waits in the work list; None when it does not."""
        with self._database.read() as connection:
            return state_worklist.reason(connection, message)

    def commit(self, work: Work) -> bool:
        """Write everything of one step in one transaction; False when its message was already committed.

        Raises CannotKeep (nothing was written) or StoreBroken.
        """
        with self._database.write() as connection:
            message = work.message
            if message and message.seq <= state_worklist.cursor(connection, message.inbox):
                return False
            _write(connection, work)
            reached("state-written")
        reached("state-committed")
        return True

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commits of this thread inside are one transaction with one sync, and see each other.

        Raises CannotKeep (GroupUndone after a commit that failed) or StoreBroken: nothing of the block was written.
        """
        with self._database.together():
            yield
            reached("group-written")
        reached("group-committed")

    def known(self, source: str, reference: str) -> dict[str, Any] | None:
        """A supporting resource (`Patient/p1`) of a source."""
        with self._database.read() as connection:
            return state_facts.read_known(connection, source, reference)

    def named_by(self, reference: str) -> tuple[str, ...]:
        """The patients (`<system>|<value>`) whom `Patient/<id>` names, whatever its source, in order."""
        with self._database.read() as connection:
            return state_facts.named_by(connection, reference)

    def waiting_for(self, source: str, references: Sequence[str]) -> list[MessageRef]:
        """Parked messages of a source that wait for one of these references, the longest waiting first."""
        with self._database.read() as connection:
            return state_worklist.waiting_for(connection, source, references)

    def awaited(self, source: str, limit: int) -> list[str]:
        """References of a source that messages of the work list wait for, in order."""
        with self._database.read() as connection:
            return state_worklist.awaited(connection, source, limit)

    def parked(self, reason: str | None = None) -> list[Parked]:
        """The work list, or its part with one reason, the longest waiting first."""
        with self._database.read() as connection:
            return state_worklist.read_parked(connection, reason)

    def owners(self, ids: Sequence[str]) -> dict[str, str]:
        """The patient each of these resource ids was first written for; unknown ids are left out."""
        with self._database.read() as connection:
            return state_outputs.owners(connection, ids)

    def checks_due(self, now: datetime, limit: int) -> list[str]:
        """Patients whose findings can change by the clock alone, the longest due first."""
        with self._database.read() as connection:
            return state_outputs.checks_due(connection, now, limit)

    def findings(self, patient: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Dose findings and unlinked samples of a patient as they were last printed, those of merged records too."""
        with self._database.read() as connection:
            return state_outputs.read_findings(connection, state_identities.group_of(connection, patient)[0])

    def all_patients(self) -> list[str]:
        """Every patient with an event or a finding, merged ones as the surviving record, in order."""
        with self._database.read() as connection:
            return state_identities.all_patients(connection)

    def resource(self, resource_type: str, resource_id: str) -> Entry | None:
        """One resource as last rendered: (body, version, last updated)."""
        with self._database.read() as connection:
            return state_search.read_resource(connection, resource_type, resource_id)

    def resources(self, *resource_types: str) -> dict[str, dict[str, Any]]:
        """`Type/id` and body of every resource of these types as last rendered, in order."""
        with self._database.read() as connection:
            return state_search.read_resources(connection, resource_types)

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
            patients=patients,
            identifier=identifier,
            code=code,
            status=status,
            last_updated=last_updated,
            ids=ids,
        )
        with self._database.read() as connection:
            if patients is not None:
                query = replace(query, patients=state_identities.groups_of(connection, patients))
            return state_search.search(connection, query, count, after)

    def problem_counts(self) -> dict[str, int]:
        """How often each problem occurred, by code."""
        with self._database.read() as connection:
            return state_worklist.read_problem_counts(connection)

    def counts(self) -> dict[str, int]:
        """`messages:<inbox>` committed, `parked`, `findings`, `resources` and `pending` deliveries."""
        with self._database.read() as connection:
            messages = state_worklist.messages_by_inbox(connection)
            return {f"messages:{inbox}": count for inbox, count in sorted(messages.items())} | {
                "parked": state_worklist.count_parked(connection),
                "findings": state_outputs.count_findings(connection),
                "resources": state_outputs.count_resources(connection),
                "pending": state_outbox.count_pending(connection),
            }


def _write(connection: Connection, work: Work) -> None:
    message = work.message
    state_facts.remove_events(connection, work.superseded)
    state_facts.add_events(connection, work.events)
    state_facts.add_records(connection, work.patients)
    state_facts.add_known(connection, message.source if message else "", work.known)
    state_identities.put_statements(connection, work.statements)
    state_identities.add_people(connection, work.people)
    state_identities.move(connection, work.memberships)
    state_outbox.readdress(connection, work.memberships)
    state_outputs.put_findings(connection, work.results)
    changed = state_outputs.put_resources(connection, work.results, work.at)
    for target in work.deliver_to:
        again = [one for one in work.owed_again if one.target == target]
        queued = (*changed, *state_outputs.as_they_stand(connection, again))
        owed = state_outbox.owed_there(connection, target, queued, work.withheld)
        state_outbox.enqueue(connection, owed, (target,), work.at)
    state_worklist.change(connection, work.resolved, work.parked)
    for waiting in work.waiting:
        state_worklist.change(connection, (), waiting)
    state_worklist.count_problems(connection, (problem.code for problem in work.problems))
    if message:
        state_worklist.move_cursor(connection, message.inbox, message.seq)
