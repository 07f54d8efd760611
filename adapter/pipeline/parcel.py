"""The resources of one patient on their way to a target: made ready, then sent together or one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from adapter.domain.message import OutboxRow, Outcome
from adapter.fhir import dumps
from adapter.pipeline.destination import Destination, Outbox
from adapter.pipeline.ending import OVER, WITHDRAWN, ended_where_held
from adapter.pipeline.finding import PatientsFound
from adapter.pipeline.outcomes import failed, later, left_out
from adapter.pipeline.raw_results import NOT_WRITTEN, raw_results
from adapter.pipeline.standing import Letter, There, look
from adapter.pipeline.strategy import Strategy
from adapter.pipeline.writing import Writer
from adapter.store.ledger import LEFT_OUT
from adapter.transport.fhir_client import EntryResult
from adapter.transport.fhir_failures import Ambiguous, FhirFailure, Permanent, Transient
from adapter.writeback.at_target import comparable_hash, references_in, with_links, with_status_of
from adapter.writeback.bundle import for_target, transaction

WRITTEN = frozenset({"Observation", "Flag", "Provenance"})
Links = dict[str, str | None]


def referred_to(rows: Sequence[OutboxRow]) -> set[str]:
    """What else of ours (`Type/id`) these rows refer to."""
    own = {f"{row.resource_type}/{row.id}" for row in rows}
    named = {reference for row in rows for reference in references_in(row.body)}
    return {one for one in named - own if one.partition("/")[0] in WRITTEN}


def made_ready(
    rows: Sequence[OutboxRow],
    named: set[str],
    destination: Destination,
    outbox: Outbox,
    now: datetime,
    patients: PatientsFound,
) -> Parcel | list[Outcome]:
    """What is due of one patient as it will be sent, or how it ended before; `named` as `referred_to` tells."""
    patient = rows[0].patient
    known_as = _known_as(patient, destination, outbox)
    if known_as is None:
        return ended_where_held(rows, partial(Writer.over, destination, outbox, now), WITHDRAWN, now)
    system, _, value = known_as.partition("|")
    try:
        match = patients.match((system, value))
        if match.ambiguous:
            return [Outcome(row=row, state="parked", reason="patient-ambiguous") for row in rows]
        if match.reference is None:
            return ended_where_held(rows, partial(Writer.over, destination, outbox, now), OVER, now)
        writer = Writer.over(destination, outbox, now)
        sent, skipped = raw_results(rows, destination, match.reference)
    except FhirFailure as failure:
        return [failed(row, failure, now) for row in rows]
    links = _links(rows, named, skipped, destination, outbox)
    parcel = Parcel(
        writer=writer, patient=known_as, patient_reference=match.reference, links=links, ended=list(skipped)
    )
    parcel.fill(sent)
    return parcel


def _known_as(patient: str, destination: Destination, outbox: Outbox) -> str | None:
    """The identifier of a patient that a target can know: the surviving one, else one of his others; None for none."""
    if not destination.authorities or patient.partition("|")[0] in destination.authorities:
        return patient
    return next((one for one in outbox.group(patient) if one.partition("|")[0] in destination.authorities), None)


def _links(
    rows: Sequence[OutboxRow], named: set[str], skipped: Sequence[Outcome], destination: Destination, outbox: Outbox
) -> Links:
    """Where these rows and what they refer to stand, as the ledger and this round tell."""
    ids = sorted({reference.partition("/")[2] for reference in named})
    found = outbox.places(destination.name, ids) if ids else {}
    found |= {f"{row.resource_type}/{row.id}": _reference(row, row.remote_id) for row in rows}
    for outcome in skipped:
        row = outcome.row
        found[f"{row.resource_type}/{row.id}"] = _reference(row, outcome.remote_id or row.remote_id)
    return found


def _reference(row: OutboxRow, remote_id: str | None) -> str | None:
    return f"{row.resource_type}/{remote_id}" if remote_id else None


@dataclass(slots=True, kw_only=True)
class Parcel:
    """The resources of one patient on their way, the ones referred to first."""

    writer: Writer
    patient: str
    """`<system>|<value>`"""
    patient_reference: str
    links: Links
    ended: list[Outcome]
    """What ended without being sent."""
    letters: list[tuple[Letter, There | None]] = field(default_factory=list)
    """What goes in one transaction, and where the target holds it."""
    unseen: list[Letter] = field(default_factory=list)
    """The same where the server guards no versions: what stands there is looked at just before they go."""
    alone: list[OutboxRow] = field(default_factory=list)
    """What goes one after another."""
    noted: bool = False
    """Whether the ledger knows that the transaction may have been sent."""

    def fill(self, rows: Sequence[OutboxRow]) -> None:
        """All in one transaction where the target takes one and every id is known, else one after another."""
        rows = self._needed(rows)
        if self._fits_a_transaction(rows):
            self._put_together(rows)
        else:
            self.alone = list(rows)

    def notes(self) -> list[OutboxRow]:
        """What has to be noted before the transaction goes."""
        return [letter.noted for letter, _ in self.letters if letter.sent != letter.row.sent_hash]

    def sent(self) -> list[Outcome]:
        """How all of it ended; what goes one after another is noted as it goes."""
        self._look_up(self.unseen)
        return self.ended + self._transaction(self.letters) + self._one_by_one(self.alone)

    def _needed(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        """A target that takes no Provenance goes without: the service keeps its own."""
        without = [row for row in rows if row.resource_type == "Provenance" and self._strategy(row) is None]
        self.ended += [left_out(row, NOT_WRITTEN) for row in without]
        return [row for row in rows if row not in without]

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

    def _put_together(self, rows: Sequence[OutboxRow]) -> None:
        beside = self.links | {f"{row.resource_type}/{row.id}": _place(row) for row in rows}
        letters = [self._letter(row, beside) for row in rows]
        if any(letter.there and not letter.settled and not self.writer.guarded(letter) for letter in letters):
            self.unseen = letters
        else:
            self._look_up(letters)

    def _look_up(self, letters: Sequence[Letter]) -> None:
        try:
            known = [(letter, self._known(letter)) for letter in letters]
        except FhirFailure as failure:
            self.ended += [failed(letter.row, failure, self.writer.now) for letter in letters]
            return
        self.ended += [found for _, found in known if isinstance(found, Outcome)]
        self.letters += [(letter, found) for letter, found in known if not isinstance(found, Outcome)]

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
        if not self.noted:
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
            self.links[f"{row.resource_type}/{row.id}"] = _reference(row, outcome.remote_id or row.remote_id)
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
