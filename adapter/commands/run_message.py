"""One message alone through the corridor of the service, on a memory that ends with it."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from adapter.commands.play_folder import BEFORE_ANY_STAMP, RELEVANCE_BOUND
from adapter.domain.message import Answer, Arrival, MessageRef, PatientState, Stored, Translation
from adapter.domain.problems import Problem
from adapter.fhir import Json, UnreadableJsonError, loads
from adapter.ingest.acknowledgment import acknowledge
from adapter.ingest.fhir_bundle import fhir_stamp
from adapter.ingest.hl7v2 import read_batch
from adapter.ingest.relevance import RelevanceFilter
from adapter.pipeline.answer_fhir import FhirAnswer, answer_fhir
from adapter.pipeline.parts import Parts, Target
from adapter.pipeline.process import Processed, process
from adapter.pipeline.receive import Door, hl7_arrival
from adapter.pipeline.taking import worded
from adapter.pipeline.understand import understand
from adapter.store.memory_state import MemoryState

DOOR = "file"
CONTROL_ID = "RUN1"
"""MSH-10 of the answer shown: the service gives each of its answers a new one."""
_RANKS = ("irrelevant", "near-miss", "relevant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the facts of each kind of door are named after."""

    hl7v2: str = "default"
    fhir: str = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One message, and all that the service would make of it if it were the first and only one."""

    arrival: Arrival
    translations: tuple[Translation, ...]
    problems_of_batch: tuple[Problem, ...] = ()
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    patients: tuple[PatientState, ...] = ()
    """What is remembered of every patient it speaks of, once it was processed."""
    received_at: datetime = BEFORE_ANY_STAMP

    @property
    def relevance(self) -> str:
        """Of several resources the most relevant."""
        return max((t.relevance for t in self.translations), key=_RANKS.index, default="irrelevant")

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem, in the order of the message."""
        return (*(p for t in self.translations for p in t.problems), *self.problems_of_batch)

    @property
    def parked(self) -> str | None:
        """The problem for which it waits in the work list."""
        return next((t.parked for t in self.translations if t.parked), None)

    @property
    def answer(self) -> Answer:
        """The acknowledgment an HL7 message deserves."""
        return worded(self.arrival, lambda _raw, _source: self.translations)

    @property
    def acknowledgment(self) -> bytes:
        """That answer as it is sent; empty when the message gets none."""
        return acknowledge(self.arrival.raw, self.answer, now=self.received_at, control_id=CONTROL_ID)

    @property
    def http(self) -> FhirAnswer:
        """What a FHIR body is answered over HTTP."""
        refused = refused_at_the_door(self.arrival.raw)
        return refused or answer_fhir(self.translations, bundle=is_bundle(self.arrival.raw))

    @property
    def has_problems(self) -> bool:
        """Whether something is wrong: an error, or a message that waits for a person."""
        if self.arrival.kind == "fhir" and refused_at_the_door(self.arrival.raw):
            return True
        return self.parked is not None or any(found.severity == "error" for found in self.problems)


def is_fhir(raw: bytes) -> bool:
    """Whether the bytes are JSON rather than HL7 v2."""
    return raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))


def is_bundle(raw: bytes) -> bool:
    """Whether a FHIR body is a Bundle."""
    body = body_of(raw)
    return isinstance(body, dict) and body.get("resourceType") == "Bundle"


def body_of(raw: bytes) -> Json:
    """The parsed body; None where it is no JSON."""
    try:
        return loads(raw)
    except UnreadableJsonError:
        return None


def refused_at_the_door(raw: bytes) -> FhirAnswer | None:
    """The answer to a body that HTTP does not take in, None for any other."""
    body = body_of(raw)
    if isinstance(body, dict) and isinstance(body.get("resourceType"), str) and body["resourceType"]:
        return None
    from adapter.transport.http_body import parse_strictly  # the HTTP door is slow to load, and such bodies are rare
    from adapter.transport.http_intake import named_type
    from adapter.transport.http_outcome import RefusedRequest, operation_outcome

    try:
        named_type(parse_strictly(raw))
    except RefusedRequest as refused:
        told = operation_outcome(refused.code, refused.text, expression=refused.expression)
        return FhirAnswer(status=refused.status, resource=told)
    return None


def looks_at(raw: bytes, parts: Parts, sources: Sources, *, file: str) -> list[Look]:
    """Every message of a file, each alone; a FHIR body is one. Nothing that can stand in it raises."""
    if is_fhir(raw):
        return [_look(_fhir_arrival(raw.removeprefix(BOM_UTF8), sources.fhir, file), parts)]
    batch = read_batch(raw)
    arrivals = list(_hl7_arrivals(batch.messages, parts, sources.hl7v2, file))
    looks = [_look(arrival, parts) for arrival in arrivals]
    if batch.problems and looks:
        looks[-1] = replace(looks[-1], problems_of_batch=batch.problems)
    return looks


def _fhir_arrival(raw: bytes, source: str, file: str) -> Arrival:
    return Arrival(
        kind="fhir",
        source=source,
        listener=DOOR,
        raw=raw,
        received_at=BEFORE_ANY_STAMP,
        digest=sha256(raw).hexdigest(),
        file=file,
    )


def _hl7_arrivals(messages: Sequence[bytes], parts: Parts, source: str, file: str) -> Iterator[Arrival]:
    door = Door(listener=DOOR, source=source)
    judge = RelevanceFilter(parts.knowledge, RELEVANCE_BOUND).judge
    for message in messages:
        yield hl7_arrival(message, door, BEFORE_ANY_STAMP, judge(message), file=file)


def _look(arrival: Arrival, parts: Parts) -> Look:
    """Process one arrival on a state of its own, at its own stamp; the wall clock is never read."""
    state = MemoryState()
    alone = replace(parts, state=state, targets=(Target(name=DOOR),))
    clock = _stamp(arrival, alone) or BEFORE_ANY_STAMP
    message = MessageRef(
        inbox=DOOR,
        seq=1,
        source=arrival.source,
        sender=arrival.sender,
        control_id=arrival.control_id,
        digest=arrival.digest,
        file=arrival.file,
    )
    done = process(Stored(seq=1, arrival=replace(arrival, received_at=clock)), message, alone, clock)
    return Look(
        arrival=arrival,
        translations=done.translations,
        resources=state.resources("Observation", "Flag"),
        patients=tuple(_remembered(done, state)),
        received_at=clock,
    )


def _remembered(done: Processed, state: MemoryState) -> Iterator[PatientState]:
    events = tuple(event for translation in done.translations for event in translation.events)
    return (state.recall(result.patient, events) for result in done.work.results)


def _stamp(arrival: Arrival, parts: Parts) -> datetime | None:
    if arrival.kind == "fhir":
        return fhir_stamp(body_of(arrival.raw))
    return next((t.stamp for t in understand(arrival, parts) if t.stamp), None)
