"""Translate one kept message, whatever it is; a fault of ours parks it and loses nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from adapter.domain.events import ActivityMeasured, Event
from adapter.domain.message import HOOK, HTTP, IMPORT, POLL, Answer, Arrival, Translation
from adapter.domain.problems import Problem, problem
from adapter.fhir import Json, UnreadableJsonError, loads
from adapter.ingest.translate import check_fhir, fhir_resources, translate_fhir, translate_hl7
from adapter.pipeline.answer_fhir import is_answered_by_entry
from adapter.pipeline.parts import JsonObject, Lookup, Parts, State
from adapter.store.encoding import replaces, resource_version
from adapter.store.faults import CannotKeep, StoreBroken
from adapter.writeback.render import activity_key

READ_AHEAD = 32
UNHEARD = frozenset({HOOK, IMPORT, POLL})
"""Doors where nobody looks at what is wrong: a hook is answered 200 whatever it brings."""
_IDENTITY = ("resourceType", "id", "meta")


def understand(arrival: Arrival, parts: Parts) -> tuple[Translation, ...]:
    """What one kept message says; a fault of ours gives a parked `internal-error`, never an exception."""
    try:
        if arrival.kind == "hint":
            return ()
        if arrival.kind == "hl7v2":
            rules = parts.rules_at(arrival.listener)
            return tuple(translate_hl7(arrival.raw, parts.knowledge, rules, source=arrival.source, persons=True))
        told = _understand_fhir(arrival, parts)
        return told if _is_heard(arrival, told) else tuple(map(_waiting, told))
    except Exception:  # noqa: BLE001 - a bug of ours must not lose the message: it waits in the work list
        return (Translation(relevance="relevant", problems=(problem("internal-error"),), parked="internal-error"),)


def read_ahead(waiting: Sequence[Arrival], parts: Parts) -> Iterator[tuple[Translation, ...] | None]:
    """What each of these messages says, a few read at once: code that has just run runs faster.

    None for one whose reading hangs on what those before it tell.
    """
    for start in range(0, len(waiting), READ_AHEAD):
        portion = waiting[start : start + READ_AHEAD]
        read = [understand(one, parts) if one.kind == "hl7v2" else None for one in portion]
        _look_ahead(portion, [one for told in read for one in told or ()], parts.state)
        yield from read


def _look_ahead(portion: Sequence[Arrival], read: Sequence[Translation], state: State) -> None:
    """Have the state look at once for what is going to be asked of it for each of these messages.

    What cannot be looked for so is met again, and told, with the message that it stands in.
    """
    events = [event for one in read for event in one.events]
    patients = dict.fromkeys(person.patient for one in read for person in one.people)
    patients.update(dict.fromkeys(event.patient for event in events))
    samples = (event for event in events if isinstance(event, ActivityMeasured))
    try:
        state.look_ahead(
            tuple(patients),
            tuple(dict.fromkeys(one.digest for one in portion if one.digest)),
            tuple(activity_key(sample.source, sample.key) for sample in samples),
        )
    except (CannotKeep, StoreBroken):
        raise
    except Exception:  # noqa: BLE001 - a bug of ours in one of them must not stop the feed
        return


def _understand_fhir(arrival: Arrival, parts: Parts) -> tuple[Translation, ...]:
    if arrival.method == "DELETE" and arrival.target:
        return (_retraction(arrival.target, arrival, parts),)
    try:
        body = loads(arrival.raw)
    except UnreadableJsonError as fault:
        return (_unreadable(str(fault)),)
    broken = _broken(body)
    if broken:
        return (broken,)
    found: dict[str, JsonObject] = {}
    read: dict[int, Translation] = {}
    items = fhir_resources(body)
    for item in items:
        if item.method == "DELETE" and item.reference:
            read[item.index] = _retraction(item.reference, arrival, parts, item.meta)
        elif item.resource is not None:
            read[item.index] = _resource(item.resource, arrival, found, parts)
            found = newest_known((*found.items(), *read[item.index].known))
        else:
            read[item.index] = _refused((problem("fhir-invalid", where=f"Bundle.entry[{item.index}].resource"),))
    for item in items:
        # A Patient may be linked to one that stands behind it.
        if item.resource and read[item.index].patients and not found.keys().isdisjoint(read[item.index].waits_for):
            read[item.index] = _translated(item.resource, arrival, found, parts)
    turns = {item.index: item.turn for item in items}
    return tuple(replace(read[index], turn=turns[index]) for index in sorted(read))


def _resource(resource: JsonObject, arrival: Arrival, found: Mapping[str, JsonObject], parts: Parts) -> Translation:
    return _broken(resource) or _translated(resource, arrival, found, parts)


def translated_unchecked(
    resource: JsonObject, arrival: Arrival, found: Mapping[str, JsonObject], parts: Parts
) -> Translation | None:
    """What a resource says if it follows its definition: checking that costs most of the reading.

    None when it cannot be read at all.
    """
    try:
        return _translated(resource, arrival, found, parts)
    except Exception:  # noqa: BLE001 - what breaks its definition may break anything; the check then tells what is wrong
        return None


def _translated(resource: JsonObject, arrival: Arrival, found: Mapping[str, JsonObject], parts: Parts) -> Translation:
    translation = translate_fhir(
        resource,
        parts.knowledge,
        lookup(arrival.source, found, parts),
        source=arrival.source,
        zone=parts.zone_of(arrival.source),
    )
    if translation.parked and translation.patients and _is_outdated(translation, arrival, found, parts):
        return replace(translation, parked=None, waits_for=(), problems=(), answer=Answer(code="AA"))
    if translation.events or translation.parked or not resource.get("id"):
        return translation
    return replace(translation, events=_no_longer_ours(resource, arrival, parts))


def _is_outdated(translation: Translation, arrival: Arrival, found: Mapping[str, JsonObject], parts: Parts) -> bool:
    """Whether a Patient has come in a newer version: for links that were replaced there nobody waits."""
    known = lookup(arrival.source, found, replace(parts, beforehand={}))
    newest = [(record, known(record.reference)) for record in translation.patients]
    return any(held and not replaces(record.version, resource_version(held)) for record, held in newest)


def _no_longer_ours(resource: JsonObject, arrival: Arrival, parts: Parts) -> tuple[Event, ...]:
    """A record that used to name our drug and now names another: what it said before was withdrawn by its update."""
    bare: JsonObject = {name: resource[name] for name in _IDENTITY if name in resource}
    withdrawn = translate_fhir(
        bare, parts.knowledge, lookup(arrival.source, {}, parts), source=arrival.source, retracted=True
    ).events
    holders = parts.state.holders(withdrawn) if withdrawn else ()
    return withdrawn if any(holders) else ()


def _broken(resource: Json) -> Translation | None:
    """A resource that breaks its definition: nothing is read out of it."""
    problems = tuple(check_fhir(resource))
    return _refused(problems) if problems else None


def _refused(problems: tuple[Problem, ...]) -> Translation:
    """Refused with its places; the bytes are kept."""
    return Translation(relevance="relevant", problems=problems, answer=Answer(code="AE", errors=problems))


def _is_heard(arrival: Arrival, told: tuple[Translation, ...]) -> bool:
    """Whether the status of the answer itself says what was refused; that to the entries of a Bundle is 200."""
    if arrival.listener != HTTP:
        return arrival.listener not in UNHEARD
    refused = any(one.answer.code == "AE" for one in told)
    return not refused or not is_answered_by_entry(told, bundle=is_bundle(arrival.raw))


def is_bundle(raw: bytes) -> bool:
    """Whether a body is a Bundle; one that cannot be read is none."""
    try:
        body = loads(raw)
    except UnreadableJsonError:
        return False
    return isinstance(body, dict) and body.get("resourceType") == "Bundle"


def _waiting(told: Translation) -> Translation:
    """What was refused to nobody waits in the work list: no sender knows of it."""
    if told.answer.code != "AE" or told.parked or told.events:
        return told
    return replace(told, parked=told.answer.errors[0].code)


def _unreadable(text: str) -> Translation:
    return _refused((problem("fhir-unreadable", text=text),))


def _retraction(reference: str, arrival: Arrival, parts: Parts, meta: JsonObject | None = None) -> Translation:
    """A deleted resource is a fact that should never have been: the same as entered-in-error."""
    resource_type, _, identity = reference.partition("/")
    return translate_fhir(
        {"resourceType": resource_type, "id": identity, **({"meta": meta} if meta else {})},
        parts.knowledge,
        lookup(arrival.source, {}, parts),
        source=arrival.source,
        retracted=True,
    )


def is_held(source: str, reference: str, parts: Parts) -> bool:
    """Whether a fact that stands was read from this record of a source."""
    resource_type, _, identity = reference.partition("/")
    bare = {"resourceType": resource_type, "id": identity}
    known = lookup(source, {}, parts)
    withdrawn = translate_fhir(bare, parts.knowledge, known, source=source, retracted=True).events
    return bool(withdrawn) and any(parts.state.holders(withdrawn))


def newest_known(told: Iterable[tuple[str, JsonObject]]) -> dict[str, JsonObject]:
    """The newest of what is told under each reference; without versions the last."""
    newest: dict[str, JsonObject] = {}
    for reference, resource in told:
        held = newest.get(reference)
        if held is None or replaces(resource_version(resource), resource_version(held)):
            newest[reference] = resource
    return newest


def lookup(source: str, found: Mapping[str, JsonObject], parts: Parts) -> Lookup:
    """The newest of what is known of a reference: in the message in hand, in the one that was taken, in the store."""

    def known(reference: str) -> JsonObject | None:
        newest = parts.state.known(source, reference)
        for told in (parts.arrived.get(reference), found.get(reference)):
            if told and (newest is None or replaces(resource_version(told), resource_version(newest))):
                newest = told
        return newest or parts.beforehand.get(reference)

    return known
