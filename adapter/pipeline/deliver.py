"""Deliver: bring a FHIR server to the present wanted state, patient by patient, and settle what it said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby

from adapter.domain.message import OutboxRow, Outcome
from adapter.fhir import dumps
from adapter.pipeline.destination import Destination, Outbox
from adapter.pipeline.ending import OVER, WITHDRAWN, ended_where_held
from adapter.pipeline.outcomes import failed, later, left_out
from adapter.pipeline.raw_results import NOT_WRITTEN, raw_results
from adapter.pipeline.standing import SEVERAL, Letter, There, look
from adapter.pipeline.strategy import Strategy
from adapter.pipeline.writing import Writer
from adapter.store.crash_points import reached
from adapter.store.ledger import LEFT_OUT
from adapter.transport.fhir_client import EntryResult
from adapter.transport.fhir_failures import Ambiguous, FhirFailure, Permanent, Transient
from adapter.writeback.at_target import comparable_hash, references_in, with_links, with_status_of
from adapter.writeback.bundle import for_target, transaction

COUNTED = ("confirmed", "pending", "parked", "failed", "several")
Links = dict[str, str | None]


def deliver(destination: Destination, outbox: Outbox, now: datetime) -> dict[str, int]:
    """Send what is due to one target; gives how many rows ended confirmed, pending or parked.

    `failed` counts patients that met a fault of ours: their rows are pending; `several` counts resources that stood
    there more than once.
    """
    with destination.writing:
        return _deliver(destination, outbox, now)


def _deliver(destination: Destination, outbox: Outbox, now: datetime) -> dict[str, int]:
    rows = outbox.due(destination.name, now, destination.patients_at_once)
    patients = [(patient, list(group)) for patient, group in groupby(rows, key=lambda row: row.patient)]
    counts = Counter(dict.fromkeys(COUNTED, 0))

    def settled(one: tuple[str, list[OutboxRow]]) -> Counter[str]:
        return _settled(*one, destination, outbox, now)

    if destination.workers == 1 or len(patients) < 2:
        for one in patients:
            counts.update(settled(one))
        return counts
    with ThreadPoolExecutor(destination.workers, thread_name_prefix=f"deliver-{destination.name}") as pool:
        for found in pool.map(settled, patients):
            counts.update(found)
    return counts


def _settled(
    patient: str, rows: list[OutboxRow], destination: Destination, outbox: Outbox, now: datetime
) -> Counter[str]:
    """Deliver what is due of one patient, and note how it ended."""
    counts: Counter[str] = Counter()
    reached("delivery-due")
    try:
        outcomes = _deliver_patient(patient, rows, destination, outbox, now)
    except Exception:  # noqa: BLE001 - a fault of ours with one patient must not hold back the others
        counts["failed"] += 1
        outcomes = [later(row, "internal-error", now) for row in rows]
    reached("delivered")
    outbox.settle(outcomes)
    reached("settled")
    for outcome in outcomes:
        counts[outcome.state] += 1
        counts["several"] += outcome.reason == SEVERAL
    return counts


def _deliver_patient(
    patient: str, rows: Sequence[OutboxRow], destination: Destination, outbox: Outbox, now: datetime
) -> list[Outcome]:
    known_as = _known_as(patient, destination, outbox)
    if known_as is None:
        return ended_where_held(rows, partial(Writer.over, destination, outbox, now), WITHDRAWN, now)
    system, _, value = known_as.partition("|")
    try:
        match = destination.server.find_patient(system, value)
        if match.ambiguous:
            return [Outcome(row=row, state="parked", reason="patient-ambiguous") for row in rows]
        if match.reference is None:
            return ended_where_held(rows, partial(Writer.over, destination, outbox, now), OVER, now)
        writer = Writer.over(destination, outbox, now)
        sent, skipped = raw_results(rows, destination, match.reference)
    except FhirFailure as failure:
        return [failed(row, failure, now) for row in rows]
    round_ = _Round(writer=writer, patient=known_as, patient_reference=match.reference)
    round_.links = _links(sent, skipped, destination, outbox)
    return skipped + round_.sent(sent)


def _known_as(patient: str, destination: Destination, outbox: Outbox) -> str | None:
    """The identifier of a patient that a target can know: the surviving one, else one of his others; None for none."""
    if not destination.authorities or patient.partition("|")[0] in destination.authorities:
        return patient
    return next((one for one in outbox.group(patient) if one.partition("|")[0] in destination.authorities), None)


def _links(rows: Sequence[OutboxRow], skipped: Sequence[Outcome], destination: Destination, outbox: Outbox) -> Links:
    """Where what these rows refer to stands, as the ledger and this round tell."""
    named = {reference.partition("/")[2] for row in rows for reference in references_in(row.body)}
    found = outbox.places(destination.name, sorted(named - {""}))
    for outcome in skipped:
        row, copy = outcome.row, outcome.remote_id or outcome.row.remote_id
        found[f"{row.resource_type}/{row.id}"] = f"{row.resource_type}/{copy}" if copy else None
    return found


@dataclass(slots=True, kw_only=True)
class _Round:
    """The resources of one patient on their way, the ones referred to first."""

    writer: Writer
    patient: str
    """`<system>|<value>`"""
    patient_reference: str
    links: Links = field(default_factory=dict)

    def sent(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """All in one transaction where the target takes one and every id is known, else one after another."""
        rows, outcomes = self._unneeded(rows)
        if self._fits_a_transaction(rows):
            return outcomes + self._together(rows)
        return outcomes + self._one_by_one(rows)

    def _unneeded(self, rows: Sequence[OutboxRow]) -> tuple[list[OutboxRow], list[Outcome]]:
        """A target that takes no Provenance goes without: the service keeps its own."""
        without = [row for row in rows if row.resource_type == "Provenance" and self._strategy(row) is None]
        return [row for row in rows if row not in without], [left_out(row, NOT_WRITTEN) for row in without]

    def _strategy(self, row: OutboxRow) -> Strategy | None:
        return self.writer.plan.strategy_of(row.resource_type)

    def _fits_a_transaction(self, rows: Sequence[OutboxRow]) -> bool:
        return self.writer.plan.abilities.transaction and all(self._strategy(row) == "update-as-create" for row in rows)

    def _letter(self, row: OutboxRow, links: Mapping[str, str | None]) -> Letter:
        destination = self.writer.destination
        body = for_target(
            with_links(with_status_of(row.body, destination.status_map), links),
            canonical=destination.canonical,
            literal_sources=destination.literal_sources,
            patient=self.patient,
            patient_reference=self.patient_reference,
        )
        identifier = (destination.canonical.output_keys, row.id)
        return Letter(row=row, body=body, hash=comparable_hash(body), identifier=identifier)

    def _together(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        beside = self.links | {f"{row.resource_type}/{row.id}": _place(row) for row in rows}
        letters = [self._letter(row, beside) for row in rows]
        try:
            known = [(letter, self._known(letter)) for letter in letters]
        except FhirFailure as failure:
            return [failed(row, failure, self.writer.now) for row in rows]
        ended = [found for _, found in known if isinstance(found, Outcome)]
        open_ = [(letter, found) for letter, found in known if not isinstance(found, Outcome)]
        return ended + self._transaction(open_)

    def _known(self, letter: Letter) -> There | Outcome | None:
        """Where the transaction must update; looked up first where the server guards no versions."""
        if letter.settled:
            return letter.confirmed(letter.there, None, "unchanged")
        if letter.there is None or self.writer.guarded(letter):
            return letter.there
        return look(letter, self.writer.destination, "update-as-create")

    def _transaction(self, letters: Sequence[tuple[Letter, There | None]]) -> list[Outcome]:
        if not letters:
            return []
        versions = {_place(letter.row): there.version for letter, there in letters if there and there.version}
        bodies = [{**letter.body, "id": _place(letter.row).partition("/")[2]} for letter, _ in letters]
        bundle = transaction(bodies, base_url=self.writer.destination.base_url, versions=versions)
        self.writer.note([letter for letter, _ in letters])
        try:
            result = self.writer.destination.server.transaction(dumps(bundle))
        except FhirFailure as failure:
            if _may_be_one_entry(failure):
                return self._one_by_one([letter.row for letter, _ in letters])
            return [failed(letter.row, failure, self.writer.now, sent_hash=letter.sent) for letter, _ in letters]
        pairs = zip(letters, result.entries, strict=True)
        return [self._entry(letter, there, entry) for (letter, there), entry in pairs]

    def _entry(self, letter: Letter, there: There | None, entry: EntryResult) -> Outcome:
        if not entry.done:
            failure = entry.failure or Permanent(entry.status, "refused")
            if isinstance(failure, Transient):
                return failed(letter.row, failure, self.writer.now, sent_hash=letter.sent)
            return self.writer.write(letter, "update-as-create")
        place = There(id=there.id if there else letter.row.id, version=entry.version)
        return letter.confirmed(place, "update-as-create", "; ".join(entry.issues) or None)

    def _one_by_one(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """In order; a resource the server refuses does not hold back the others, a server that is away does."""
        outcomes: list[Outcome] = []
        for row in rows:
            if outcomes and outcomes[-1].state == "pending":
                outcomes.append(self._after(outcomes[-1], row))
                continue
            outcome = self._one(row)
            place = outcome.remote_id or row.remote_id
            self.links[f"{row.resource_type}/{row.id}"] = f"{row.resource_type}/{place}" if place else None
            outcomes.append(outcome)
        return outcomes

    def _one(self, row: OutboxRow) -> Outcome:
        letter = self._letter(row, self.links)
        if row.resource_type == "Provenance" and not letter.body["target"]:
            return left_out(row, NOT_WRITTEN)
        return self.writer.write(letter, self._strategy(row))

    def _after(self, before: Outcome, row: OutboxRow) -> Outcome:
        """What refers to a resource waits for it."""
        if before.retry_at is None:
            return later(row, str(before.reason), self.writer.now)
        return Outcome(row=row, state="pending", reason=before.reason, retry_at=before.retry_at)


def _place(row: OutboxRow) -> str:
    """Where a row stands, or will, on a target that takes our ids."""
    known = None if row.strategy == LEFT_OUT else row.remote_id
    return f"{row.resource_type}/{known or row.id}"


def _may_be_one_entry(failure: FhirFailure) -> bool:
    """Whether a refused transaction may hold entries the server takes alone: a refusal of ourselves holds none."""
    if isinstance(failure, Ambiguous):
        return failure.status == 409
    return isinstance(failure, Permanent) and failure.status not in (0, 403)
