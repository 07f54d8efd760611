"""The state file: everything the two inboxes have led to, and how far each was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from threading import get_ident
from typing import Any

from sqlalchemy import Connection

from adapter.domain.events import Event, Recorded
from adapter.domain.identities import Group, IdentityTold, Statements
from adapter.domain.message import MessageRef, Parked, PatientState, Work
from adapter.domain.people import Person
from adapter.store import (
    state_ahead,
    state_facts,
    state_identities,
    state_outbox,
    state_outputs,
    state_worklist,
)
from adapter.store.crash_points import reached
from adapter.store.encoding import travels
from adapter.store.sql_database import Database
from adapter.store.sqlite_shelf import SqliteShelf
from adapter.store.sqlite_targets import SqliteTargets
from adapter.store.state_tables import STATE
from adapter.store.tally import Tally, may_wait, undone

CHECKPOINT_PAGES = 4_000
"""Ids have no order, so the same pages are written again and again: moved rarely, each moves once for many writings.

Nobody waits for an answer meanwhile, as senders do at an inbox.
"""


class SqliteState(SqliteTargets, SqliteShelf):
    """The one writer of the state file, with its readers; every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises StoreTooNew or StoreBroken."""
        self._database = Database(path, STATE, checkpoint_pages=CHECKPOINT_PAGES)
        self._tally: Tally | None = None
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
        tally = self._own_tally()
        if tally and patient in tally.strangers and not any(map(travels, facts)):
            return PatientState(patient=patient, recorded=(), records=(), written=())
        with self._past(patients=(patient,)) as connection:
            return PatientState(
                patient=patient,
                recorded=state_facts.history(connection, patient, facts),
                records=state_facts.records_of(connection, patient),
                written=state_outputs.written_of(connection, patient),
            )

    def look_ahead(self, patients: Sequence[str], digests: Sequence[str], ids: Sequence[str]) -> None:
        """Find out of which of these nothing is known: in a group they are not asked for again."""
        if tally := self._own_tally():
            with self._database.read() as connection:
                tally.strangers = state_ahead.strangers(connection, patients)
                tally.unheard = state_ahead.unheard(connection, digests)
                tally.unowned = state_ahead.unowned(connection, ids)
                tally.groups.update((patient, (patient,)) for patient in tally.strangers)

    def read_from(self, digests: Sequence[str]) -> tuple[Recorded, ...]:
        """The events that were read from messages with these digests."""
        tally = self._own_tally()
        if tally and tally.unheard.issuperset(digests):
            return ()
        with self._past(origins=digests) as connection:
            return state_facts.read_from(connection, digests)

    def twins(self, message: MessageRef) -> list[MessageRef]:
        """Parked messages with the very bytes of this one."""
        tally = self._own_tally()
        if tally and message.digest in tally.unheard:
            return []
        with self._past() as connection:
            return state_worklist.twins(connection, message)

    def holders(self, events: Sequence[Event]) -> tuple[str, ...]:
        """All patients whose history these events touch, in order."""
        with self._past() as connection:
            return state_facts.holders(connection, events)

    def group(self, patient: str) -> Group:
        """Everybody who is the same person as a patient, the surviving record first."""
        with self._past() as connection:
            return self._group_in(connection, patient)

    def told_about(self, patients: Sequence[str]) -> tuple[Statements, ...]:
        """What origins say of the identities of these patients."""
        with self._past() as connection:
            return state_identities.told_about(connection, patients)

    def said_by(self, source: str, origin: str) -> tuple[IdentityTold, ...]:
        """What one origin says of identities."""
        with self._past() as connection:
            return state_identities.said_by(connection, source, origin)

    def people(self, patient: str) -> tuple[Person, ...]:
        """Whom a record number, or one of a record merged with it, was said to stand for."""
        tally = self._own_tally()
        if tally and patient in tally.strangers:
            return ()
        with self._past() as connection:
            group = self._group_in(connection, patient)
            if tally and tally.holds(patients=group):
                self._settle()
            return tuple(one for member in group for one in state_identities.people_of(connection, member))

    def reason(self, message: MessageRef) -> str | None:
        """Why a message waits in the work list; None when it does not."""
        with self._database.read() as connection:
            return state_worklist.reason(connection, message)

    def commit(self, work: Work) -> bool:
        """Write everything of one step in one transaction; False when its message was already committed.

        Raises CannotKeep (nothing was written) or StoreBroken.
        """
        with self._database.write(settled=False) as connection:
            message, shared = work.message, self._own_tally()
            tally = shared or Tally()
            if message and message.seq <= tally.place(connection, message.inbox):
                return False
            if shared and may_wait(work):
                tally.put_off(connection, work)
            else:
                tally.settle(connection)
                _write(connection, work)
            tally.add(work)
            if not shared:
                tally.write(connection)
            reached("state-written")
        reached("state-committed")
        return True

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commits of this thread inside are one transaction with one sync, and see each other.

        Raises CannotKeep (GroupUndone after a commit that failed) or StoreBroken: nothing of the block was written.
        """
        with self._database.together(self._settle):
            self._tally = Tally()
            try:
                yield
                with undone():
                    self._settle()
            finally:
                self._tally = None
            reached("group-written")
        reached("group-committed")

    def _own_tally(self) -> Tally | None:
        tally = self._tally
        return tally if tally and tally.thread == get_ident() else None

    def _group_in(self, connection: Connection, patient: str) -> Group:
        tally = self._own_tally()
        known = tally.groups.get(patient) if tally else None
        group = known or state_identities.group_of(connection, patient)
        if tally:
            tally.groups[patient] = group
        return group

    def _settle(self) -> None:
        if tally := self._own_tally():
            with self._database.write(settled=False) as connection:
                tally.settle(connection)
                tally.write(connection)

    def _past(
        self, *, patients: Iterable[str] = (), origins: Iterable[str] = (), ids: Iterable[str] = ()
    ) -> AbstractContextManager[Connection]:
        """A reading to which nothing of the group that waits to be written matters, unless it is about one of these."""
        tally = self._own_tally()
        return self._database.read(settled=bool(tally and tally.holds(patients, origins, ids)))

    def known(self, source: str, reference: str) -> dict[str, Any] | None:
        """A supporting resource (`Patient/p1`) of a source."""
        with self._past() as connection:
            return state_facts.read_known(connection, source, reference)

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
        tally = self._own_tally()
        if tally and tally.unowned:
            ids = [one for one in ids if one not in tally.unowned]
        if not ids:
            return {}
        with self._past(ids=ids) as connection:
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
        queued = (*changed, *state_outputs.as_they_stand(connection, again, work.at))
        owed = state_outbox.owed_there(connection, target, queued, work.withheld)
        state_outbox.enqueue(connection, owed, target)
    state_worklist.change(connection, work.resolved, work.parked)
    for waiting in work.waiting:
        state_worklist.change(connection, (), waiting)
