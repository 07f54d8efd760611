"""HL7 v2 bytes to translations: relevance, events, problems and the answer each message deserves (CONTRACTS 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from adapter.domain.message import Answer, Translation
from adapter.domain.problems import Problem, problem
from adapter.ingest.code_lookup import Hit
from adapter.ingest.compiled import Compiled, compiled
from adapter.ingest.demographics import people_named
from adapter.ingest.hl7_reading import Reading, note_census, note_near, note_report
from adapter.ingest.hl7v2 import Message, NotHl7, Segment, read_batch, read_message
from adapter.ingest.hl7v2.batch import is_single
from adapter.ingest.hl7v2.header import headed
from adapter.ingest.identity_messages import IdentityReading, identity_kind, read_identities
from adapter.ingest.misnamed import JOINING, Misnamed, is_unparted, misnamed, note_overlooked
from adapter.ingest.notes import Notes, at_field
from adapter.ingest.oru import measured
from adapter.ingest.patients import hl7_patient
from adapter.ingest.repeated_keys import told_apart
from adapter.ingest.result_mapping import USUAL_ROW, ResultMapping
from adapter.ingest.scopes import Order, Scope, walk
from adapter.ingest.senders import RulesFor, SenderRules
from adapter.ingest.zones import message_zone, stamp_of
from adapter.knowledge.spec import Knowledge

_ACCEPTED = Answer(code="AA")


def translate_hl7(
    raw: bytes, knowledge: Knowledge, rules: RulesFor, *, source: str, persons: bool = False
) -> list[Translation]:
    """Translate every message of a frame or file, in order; nothing a sender can put there raises.

    `rules` gives the settings of a sender (`MSH-3.1|MSH-4.1`); `source` is the name of the configured source.
    With `persons` it tells who the patients are said to be, for the check that a number stands for one person.
    """
    ready = compiled(knowledge)
    if is_single(raw):
        return [_translate(raw, ready, rules, source, persons=persons)]
    batch = read_batch(raw)
    translations = [_translate(message, ready, rules, source, persons=persons) for message in batch.messages]
    if batch.problems and translations:
        last = translations[-1]
        translations[-1] = _with_problems(last, batch.problems)
    return translations


def _translate(raw: bytes, ready: Compiled, rules_for: RulesFor, source: str, *, persons: bool) -> Translation:
    header, envelope, _, named = headed(raw)
    rules = rules_for(header.sender)
    try:
        message = read_message(raw, rules.default_charset, envelope)
    except NotHl7:
        return _not_hl7(ready, rules)
    sent = _msh(message).value(7)
    reading = Reading(
        message=message,
        rules=rules,
        zone=message_zone(sent, rules.zone),
        sender=header.sender,
        source=source,
        compiled=ready,
    )
    kind = header.message_type
    control_id = named or None
    if header.is_acknowledgment:
        return Translation(
            relevance="irrelevant",
            control_id=control_id,
            answer=Answer(code=""),
            stamp=stamp_of(sent, reading.zone),
            mapping_hash=ready.knowledge.hash,
        )
    for found in message.problems:
        reading.notes.add(found)
        if found.severity == "error":  # part of the message was not looked at: somebody here must see it
            reading.counts_as("relevant")
            reading.parked = found.code
    code = _read(reading, kind, control_id)
    events = told_apart(reading.events, reading.notes)
    errors = [found for found in reading.notes.problems if found.severity == "error"]
    if errors and code == "AA" and reading.parked is None:
        reading.parked = errors[0].code  # the sender is told nothing: somebody here must see it
    return Translation(
        relevance=reading.relevance,
        control_id=control_id,
        events=tuple(events),
        identities=reading.identities,
        people=people_named(message, reading.patients, reading.zone, source) if persons else (),
        problems=tuple(reading.notes.problems),
        parked=reading.parked,
        answer=_answer(code, reading.notes.problems, rules),
        stamp=stamp_of(sent, reading.zone),
        codes_seen=tuple(reading.codes_seen),
        mapping_hash=ready.knowledge.hash,
    )


def _read(reading: Reading, kind: str, control_id: str | None) -> Literal["AA", "AE", "AR"]:
    """Read the results of the message into `reading`; the code to answer if there are errors."""
    usable = bool(control_id)
    merges = identity_kind(kind, reading.message)
    if merges:
        reading.counts_as("relevant")
        if usable:
            _read_merge(reading, merges)
    if is_unparted(reading.message, kind):
        reading.counts_as("relevant")
        reading.notes.add(at_field("results-without-a-line", _msh(reading.message), 1))
        reading.parked = "results-without-a-line"
    odd = misnamed(reading.message)
    torn = any(one.name in JOINING for one in odd)  # whose a result is, or of which sample, cannot be told
    for results in () if merges else reading.compiled.results:
        supported = kind in results.types
        _read_results(reading, results, usable=usable and supported and not torn)
        if odd and _overlooked(reading, results, odd):
            reading.counts_as("relevant")
            reading.parked = "segment-misnamed"
        if not supported and reading.relevance != "irrelevant":
            reading.notes.add(at_field("unsupported-message", _msh(reading.message), 9))
            reading.parked = "unsupported-message"
            return reading.rules.unsupported
    if not usable:
        reading.notes.add(at_field("control-id-missing", _msh(reading.message), 10))
        if reading.relevance == "relevant":
            reading.parked = "control-id-missing"
    return reading.rules.content_errors


def _overlooked(reading: Reading, results: ResultMapping, odd: Sequence[Misnamed]) -> bool:
    is_ours = partial(results.tests.concerns, sender=reading.sender)
    return note_overlooked(odd, is_ours, reading.notes, relevant=reading.relevance == "relevant")


def _read_merge(reading: Reading, kind: str) -> None:
    told = IdentityReading(
        message=reading.message,
        kind=kind,
        source=reading.source,
        sender=reading.sender,
        zone=reading.zone,
        ready=reading.compiled,
        notes=reading.notes,
        patients=reading.patients,
    )
    read_identities(told)
    reading.identities, reading.parked = tuple(told.told), reading.parked or told.parked


def _read_results(reading: Reading, results: ResultMapping, *, usable: bool) -> None:
    name = results.mapping.for_each or USUAL_ROW
    walked = walk(reading.message, reading.sender, name)
    ours: set[int] = set()
    near: set[int] = set()
    for scope in walked.scopes:
        verdict, test = _judge_row(reading, results, scope)
        if verdict != "other" and scope.order:
            (ours if verdict == "ours" else near).add(id(scope.order))
        if test and verdict == "ours" and usable:
            _measure(reading, results, scope, test)
    for order in walked.orders:
        if id(order) not in ours:
            _judge_order(reading, results, order, answered=id(order) in near, any_rows=bool(walked.scopes))


def _judge_row(
    reading: Reading, results: ResultMapping, scope: Scope
) -> tuple[Literal["ours", "near", "other"], Hit | None]:
    """Whether a row is a result of ours; a near miss is named, any other code goes to the census."""
    number = results.code_field
    verdict, test, triplets = results.tests.judge(scope.row, number, reading.sender)
    match verdict:
        case "ours":
            reading.counts_as("relevant")
        case "near":
            note_near(reading, scope.row, number, triplets)
        case "other" if test is None:
            note_census(reading, triplets)
            note_report(reading, results, scope.row, number, triplets)
    return verdict, test


def _judge_order(reading: Reading, results: ResultMapping, order: Order, *, answered: bool, any_rows: bool) -> None:
    """An order of ours without a result of ours is a near miss: the result may hide under another code."""
    request = order.request
    if request is None:
        return
    verdict, _, triplets = results.tests.judge(request, 4, reading.sender)
    if verdict == "ours" and any_rows:
        reading.counts_as("relevant")
    if verdict != "other" and not answered:
        note_near(reading, request, 4, triplets, verdict)


def _measure(reading: Reading, results: ResultMapping, scope: Scope, test: Hit) -> None:
    patient, unsure = _patient(reading, results, scope)
    if unsure:
        reading.notes.add(unsure)
    if patient is None:
        reading.parked = unsure.code if unsure else reading.parked
        return
    notes = Notes()
    event = measured(
        scope,
        test,
        results,
        patient=patient,
        rules=reading.rules,
        zone=reading.zone,
        notes=notes,
        source=reading.source,
    )
    reading.events.append((event, scope.row))
    for found in notes.problems:
        reading.notes.add(found)


def _patient(reading: Reading, results: ResultMapping, scope: Scope) -> tuple[str | None, Problem | None]:
    """The patient of the PID above the row, worked out once per PID."""
    segment = scope.segment("PID")
    place = segment.index if segment else -1
    if place not in reading.patients:
        ready = reading.compiled
        reading.patients[place] = hl7_patient(
            segment, results.named.patient.places, ready.identifier_systems, ready.ranks, reading.sender
        )
    return reading.patients[place]


def _msh(message: Message) -> Segment:
    first = message.segments[0]
    return first if first.name == "MSH" else message.first("MSH") or first


def _answer(code: Literal["AA", "AE", "AR"], problems: list[Problem], rules: SenderRules) -> Answer:
    if not problems:
        return _ACCEPTED
    errors = tuple(found for found in problems if found.severity == "error")
    warnings = tuple(found for found in problems if found.severity == "warning") if rules.warn_in_err else ()
    refused = bool(errors) and code != "AA"
    return Answer(code=code if refused else "AA", errors=(errors if refused else ()) + warnings)


def _not_hl7(ready: Compiled, rules: SenderRules) -> Translation:
    found = problem("unreadable-message")
    return Translation(
        relevance="relevant",
        problems=(found,),
        parked=found.code,
        answer=_answer(rules.content_errors, [found], rules),
        mapping_hash=ready.knowledge.hash,
    )


def _with_problems(translation: Translation, problems: tuple[Problem, ...]) -> Translation:
    return replace(translation, problems=(*translation.problems, *problems))
