"""The files of a folder through the whole corridor on an in-memory store, on a clock of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapter.app.inboxes import finder
from adapter.domain.event_text import printed_event
from adapter.domain.message import Arrival, MessageRef, Stored, Translation
from adapter.domain.outputs import Change
from adapter.domain.problems import Problem, problem
from adapter.fhir import UnreadableJsonError, loads
from adapter.ingest.acknowledgment_errors import error_rows
from adapter.ingest.fhir_bundle import SUPPORTING, fhir_resources, fhir_stamp
from adapter.ingest.hl7v2 import split_messages
from adapter.ingest.relevance import RelevanceFilter
from adapter.knowledge.spec import Knowledge
from adapter.pipeline.parts import Parts, Target
from adapter.pipeline.process import Processed, process, reassess, reread
from adapter.pipeline.receive import Door, hl7_arrival
from adapter.pipeline.understand import understand
from adapter.pipeline.wrong_merge import REASON
from adapter.store.memory_inbox import MemoryInbox
from adapter.store.memory_state import MemoryState

SOURCE = "play"
BEFORE_ANY_STAMP = datetime(1970, 1, 1, tzinfo=UTC)
RELEVANCE_BOUND = 10_000


@dataclass(slots=True)
class Performance:
    """What came of a folder so far, in the shape of CONTRACTS 5."""

    acks: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    read: list[MessageRef] = field(default_factory=list)
    """The FHIR bodies so far."""

    def note(self, file: str | None, changes: tuple[Change, ...]) -> None:
        """Add operations to the history."""
        self.history.extend(
            {"file": file, "operation": change.operation, "resource": change.reference} for change in changes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One message of one file, or the one FHIR body of it."""

    file: str
    number: int
    arrival: Arrival


def play(folder: Path, parts: Parts, *, as_of: datetime | None) -> dict[str, Any]:
    """Play the `*.hl7` and `*.json` files of a folder in byte order of their names; the wall clock is never read.

    `parts` must stand on a `MemoryState`; `as_of` is the time of the last reassessment (default: the last clock).
    Raises OSError when the folder or a file cannot be read.
    """
    files = sorted(
        (f for f in folder.iterdir() if f.is_file() and f.suffix in (".hl7", ".json")), key=lambda f: f.name.encode()
    )
    return played({file.name: file.read_bytes() for file in files}, parts, as_of=as_of)


def played(bodies: dict[str, bytes], parts: Parts, *, as_of: datetime | None) -> dict[str, Any]:
    """Play files that are at hand already, in the order in which they stand there."""
    parts = replace(parts, beforehand=dict(supporting(bodies)))
    clock = _first_stamp(bodies, parts) or as_of or BEFORE_ANY_STAMP
    timed: list[tuple[Piece, datetime]] = []
    for name, raw in bodies.items():
        every = list(pieces(name, raw, parts.knowledge))
        clock = max([clock, *_stamps(every, parts)])
        timed += [(piece, clock) for piece in every]
    return performed(timed, parts, as_of or clock)


def performed(timed: Iterable[tuple[Piece, datetime]], parts: Parts, as_of: datetime) -> dict[str, Any]:
    """Play pieces, each received at its time, and re-assess every patient at the end.

    `parts` must stand on a `MemoryState`, and know the supporting resources beforehand.
    """
    inbox = MemoryInbox("play")
    parts = _ready(parts, inbox)
    performance = Performance()
    for piece, clock in timed:
        parts = _perform(piece, inbox, parts, clock, performance)
    return _curtain(performance, parts, as_of)


def _ready(parts: Parts, inbox: MemoryInbox) -> Parts:
    def read(ref: MessageRef) -> Stored:
        return inbox.get(ref.seq)

    return replace(parts, read=read, holding=finder([inbox]), targets=(Target(name=SOURCE),), literal_references=True)


def supporting(bodies: Mapping[str, bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Patients, medications and orders anywhere in the folder are known from the start (CONTRACTS 2)."""
    for name, raw in bodies.items():
        if name.endswith(".json"):
            yield from supporting_in(raw)


def supporting_in(raw: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The patients, medications and orders of one FHIR body, with their references."""
    try:
        body = loads(raw)
    except UnreadableJsonError:
        return
    for item in fhir_resources(body):
        if item.resource and item.reference and item.resource.get("resourceType") in SUPPORTING:
            yield item.reference, item.resource


def pieces(name: str, raw: bytes, knowledge: Knowledge, *, fhir: bool | None = None) -> Iterator[Piece]:
    """The messages of a file, or its one FHIR body: what ends in `.json` is one, unless `fhir` says better."""
    if name.endswith(".json") if fhir is None else fhir:
        arrival = Arrival(
            kind="fhir",
            source=SOURCE,
            listener="file",
            raw=raw,
            received_at=BEFORE_ANY_STAMP,
            digest=sha256(raw).hexdigest(),
            file=name,
        )
        yield Piece(file=name, number=1, arrival=arrival)
        return
    door = Door(listener="file", source=SOURCE)
    judge = RelevanceFilter(knowledge, RELEVANCE_BOUND).judge
    for number, message in enumerate(split_messages(raw), start=1):
        arrival = hl7_arrival(message, door, BEFORE_ANY_STAMP, judge(message), file=name)
        yield Piece(file=name, number=number, arrival=arrival)


def _stamps(every: list[Piece], parts: Parts) -> list[datetime]:
    stamps = [stamp_of(piece, _translated(piece, parts)) for piece in every]
    return [stamp for stamp in stamps if stamp is not None]


def _translated(piece: Piece, parts: Parts) -> tuple[Translation, ...]:
    return understand(piece.arrival, parts) if piece.arrival.kind == "hl7v2" else ()


def stamp_of(piece: Piece, translations: tuple[Translation, ...]) -> datetime | None:
    """When a piece says it was made; the translations are asked for an HL7 message only."""
    if piece.arrival.kind == "hl7v2":
        return next((t.stamp for t in translations if t.stamp), None)
    try:
        return fhir_stamp(loads(piece.arrival.raw))
    except UnreadableJsonError:
        return None


def _first_stamp(bodies: dict[str, bytes], parts: Parts) -> datetime | None:
    for name, raw in bodies.items():
        stamps = _stamps(list(pieces(name, raw, parts.knowledge)), parts)
        if stamps:
            return min(stamps)
    return None


def _perform(piece: Piece, inbox: MemoryInbox, parts: Parts, clock: datetime, performance: Performance) -> Parts:
    """Play one piece; the parts for the next one."""
    arrival = replace(piece.arrival, received_at=clock)
    kept = inbox.keep([arrival])[0]
    if kept.control_id_reused:
        performance.problems.append(_problem_row(piece.file, problem("control-id-reused", where="MSH[1]-10")))
    if kept.repeat_of is not None and kept.answer == "AA":
        performance.acks.append(_ack_row(piece, "AA", []))
        return parts
    message = MessageRef(
        inbox=inbox.name,
        seq=kept.seq,
        source=SOURCE,
        sender=arrival.sender,
        control_id=arrival.control_id,
        digest=arrival.digest,
        file=piece.file,
    )
    done = process(Stored(seq=kept.seq, arrival=arrival), message, parts, clock)
    _tell(piece, done, performance)
    if arrival.kind == "hl7v2":
        code = answer_code(done.translations)
        inbox.answered([(kept.seq, code)])
        return parts
    performance.read.append(message)
    aside = _put_aside(done, arrival.raw, parts)
    return _without(aside, parts, clock, performance) if aside else parts


def _put_aside(done: Processed, raw: bytes, parts: Parts) -> set[str]:
    """The Patients of a FHIR body that seem to be another person and wait for a person's answer."""
    if not any(translation.parked == REASON for translation in done.translations):
        return set()
    named = [reference for reference, _ in supporting_in(raw) if reference in parts.beforehand]
    return {reference for reference in named if not parts.state.known(SOURCE, reference)}


def _without(aside: set[str], parts: Parts, clock: datetime, performance: Performance) -> Parts:
    """The parts without Patients that were put aside; what was read with their help waits, as in the service."""
    known = {reference: resource for reference, resource in parts.beforehand.items() if reference not in aside}
    parts = replace(parts, beforehand=known)
    for message in performance.read:
        done = reread(message, parts, clock)
        gone = [printed_event(row.event) for row in done.work.superseded]
        if gone:
            performance.events = [row for row in performance.events if not _is_one_of(row, message.file, gone)]
            found = [problem for translation in done.translations for problem in translation.problems]
            performance.problems.extend(_problem_row(message.file, one) for one in found)
            performance.note(message.file, done.changes)
    return parts


def _is_one_of(row: dict[str, Any], file: str | None, gone: list[dict[str, Any]]) -> bool:
    return row["file"] == file and {name: row[name] for name in row if name not in ("file", "message")} in gone


def _tell(piece: Piece, done: Processed, performance: Performance) -> None:
    performance.events.extend(
        {"file": piece.file, "message": piece.number, **printed_event(r.event)} for r in done.work.events
    )
    performance.problems.extend(_problem_row(piece.file, p) for p in done.work.problems)
    if piece.arrival.kind == "hl7v2" and answer_code(done.translations):
        rows = [row for t in done.translations for row in error_rows(t.answer)]
        performance.acks.append(_ack_row(piece, answer_code(done.translations), rows))
    performance.note(piece.file, done.changes)


def answer_code(translations: tuple[Translation, ...]) -> str:
    """MSA-1 of the answer to a message; empty when it gets none."""
    codes = [t.answer.code for t in translations]
    return next((code for code in ("AR", "AE", "AA") if code in codes), "")


def _ack_row(piece: Piece, code: str, errors: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "file": piece.file,
        "message": piece.number,
        "code": code,
        "control_id": piece.arrival.control_id or None,
        "errors": errors,
    }


def _problem_row(file: str | None, found: Problem) -> dict[str, Any]:
    return {
        "file": file,
        "code": found.code,
        "severity": found.severity,
        "where": found.where,
        "text": found.text,
    }


def _curtain(performance: Performance, parts: Parts, as_of: datetime) -> dict[str, Any]:
    """Re-assess every patient at the end and gather what a FHIR server would hold."""
    state = parts.state
    assert isinstance(state, MemoryState)  # noqa: S101 - play stands on memory by construction
    findings: list[dict[str, Any]] = []
    unlinked: list[dict[str, Any]] = []
    for patient in state.all_patients():
        done = reassess(patient, parts, as_of)
        performance.note(None, done.changes)
        for result in done.work.results:
            findings.extend(result.findings)
            unlinked.extend(result.unlinked)
            performance.problems.extend(_problem_row(None, problem(code)) for code in result.problems)
    return {
        "acks": performance.acks,
        "events": performance.events,
        "problems": performance.problems,
        "findings": findings,
        "unlinked": unlinked,
        "resources": state.resources("Observation", "Flag"),
        "provenance": state.resources("Provenance"),
        "history": performance.history,
    }


def has_errors(result: dict[str, Any]) -> bool:
    """Whether any problem of a played folder is an error: exit code 1."""
    return any(row["severity"] == "error" for row in result["problems"])
