"""The state file as another process reads it: it never writes, and a file not made yet is an empty state."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from adapter.domain.identities import Group
from adapter.domain.message import Parked
from adapter.domain.outputs import Written
from adapter.store import (
    state_facts,
    state_identities,
    state_journey,
    state_outbox,
    state_outputs,
    state_parked_deliveries,
    state_settled,
    state_shadow,
    state_targets,
    state_worklist,
)
from adapter.store.journey import FactRead, Journey, Received
from adapter.store.migrations import stored_version
from adapter.store.sql_database import reader_engine
from adapter.store.sql_group import sorted_faults
from adapter.store.state_parked_deliveries import Delivered
from adapter.store.state_shadow import Shadowed, Withheld


class SqliteStateReader:
    """Findings, counts and cursors of a running service, for commands beside it."""

    def __init__(self, path: Path) -> None:
        self._engine: Engine = reader_engine(path)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @property
    def made(self) -> bool:
        """Whether the file holds a store yet."""
        with sorted_faults(), self._engine.begin() as connection:
            return stored_version(connection) > 0

    def cursor(self, inbox: str) -> int:
        """The last place of an inbox whose effects are committed."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_worklist.cursor(connection, inbox)

    def findings(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Dose findings and unlinked samples of all patients, as last printed."""
        doses: list[dict[str, Any]] = []
        unlinked: list[dict[str, Any]] = []
        with sorted_faults(), self._engine.begin() as connection:
            for patient in state_identities.all_patients(connection):
                found, loose = state_outputs.read_findings(connection, patient)
                doses += found
                unlinked += loose
        return doses, unlinked

    def findings_of(self, patient: str) -> list[dict[str, Any]]:
        """Dose findings, then unlinked samples, of one patient, as last printed; empty when nothing is known."""
        with sorted_faults(), self._engine.begin() as connection:
            doses, unlinked = state_outputs.read_findings(connection, _group(connection, patient)[0])
            return [*doses, *unlinked]

    def group(self, patient: str) -> Group:
        """Everybody who is the same person as a patient, the surviving record first."""
        with sorted_faults(), self._engine.begin() as connection:
            return _group(connection, patient)

    def written_of(self, patient: str) -> tuple[Written, ...]:
        """Every resource last rendered for a patient and his merged records, with its times."""
        with sorted_faults(), self._engine.begin() as connection:
            group = _group(connection, patient)
            return tuple(written for one in group for written in state_outputs.written_of(connection, one))

    def facts_from(self, digests: Sequence[str]) -> list[FactRead]:
        """The facts read from messages with these contents."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_journey.facts_from(connection, digests)

    def facts_of(self, *, patient: str | None, filler: str | None) -> list[FactRead]:
        """Every fact of a patient and his merged records, or the results of one filler order."""
        with sorted_faults(), self._engine.begin() as connection:
            if patient is not None:
                return state_journey.facts_of_patients(connection, _group(connection, patient))
            return [] if filler is None else state_journey.facts_of_filler(connection, filler)

    def journey(self, received: Received, facts: Sequence[FactRead]) -> Journey:
        """How far one message got."""
        with sorted_faults(), self._engine.begin() as connection:
            cursor = state_worklist.cursor(connection, received.inbox)
            return Journey(
                received=received,
                ahead=max(received.seq - cursor, 0),
                facts=tuple(facts),
                parked=state_journey.parked_at(connection, received.inbox, received.seq),
                resources=tuple(state_journey.resources_on(connection, facts, partial(_group, connection))),
            )

    def known(self, source: str, reference: str) -> dict[str, Any] | None:
        """A supporting resource (`Patient/p1`) of a source."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_facts.read_known(connection, source, reference)

    def parked(self) -> int:
        """How many messages wait in the work list."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_worklist.count_parked(connection)

    def parked_messages(self, reason: str | None = None) -> list[Parked]:
        """The work list, or its part with one reason, the longest waiting first."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_worklist.read_parked(connection, reason)

    def parked_by_reason(self) -> dict[str, int]:
        """How many messages wait in the work list, by reason."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_worklist.count_by_reason(connection)

    def targets(self) -> list[str]:
        """Every target anything was ever owed to."""
        with sorted_faults(), self._engine.begin() as connection:
            return list(state_journey.targets(connection))

    def oldest_pending(self, target: str) -> datetime | None:
        """Since when the longest waiting resource is owed to a target; None when nothing is."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_outbox.oldest_pending(connection, target)

    def undelivered(self, target: str) -> dict[str, int]:
        """How many resources of a target are pending, sent, confirmed and parked."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_outbox.outbox_counts(connection, target)

    def left_out(self, target: str) -> int:
        """How many of the confirmed ones were never sent: history when it went on, and what must not be written."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_targets.left_out(connection, target)

    def parked_deliveries(self) -> list[Delivered]:
        """Everything targets would not take, the longest owed first."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_parked_deliveries.parked_deliveries(connection)

    def deliveries_of(self, resource_id: str) -> list[Delivered]:
        """How far one resource got at every target."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_parked_deliveries.deliveries_of(connection, resource_id)

    def shadowed(self, target: str, withheld: Withheld) -> list[Shadowed]:
        """Everything owed to a target, as it would go; `withheld` names Flags it must not get."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_shadow.shadowed(connection, target, withheld)

    def waiting_places(self, inbox: str) -> frozenset[int]:
        """The places of an inbox's messages in the work list."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_settled.waiting_places(connection, inbox)

    def patients_by_digest(self, digests: Sequence[str]) -> dict[str, set[str]]:
        """For messages that gave facts, by digest, the patients of these facts, and the records they ended in."""
        with sorted_faults(), self._engine.begin() as connection:
            found = state_settled.patients_by_digest(connection, digests)
            return {
                digest: {one for p in named for one in (p, _group(connection, p)[0])} for digest, named in found.items()
            }

    def owed_patients(self, targets: Collection[str] | None) -> frozenset[str]:
        """Patients with a result that one of these targets (None: any) has not confirmed."""
        with sorted_faults(), self._engine.begin() as connection:
            return state_settled.owed_patients(connection, targets)


def _group(connection: Connection, patient: str) -> Group:
    """The group of a patient; himself in a file that no service has brought forward yet."""
    if not state_identities.brought_forward(connection):
        return (patient,)
    return state_identities.group_of(connection, patient)
