"""A Patient whose newest version names another number takes along what was read through him.

A fact that names its patient by reference is his whom the reference means now; one with a number of its own stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from adapter.domain.events import Recorded
from adapter.domain.identities import Statements
from adapter.domain.message import MessageRef, Stored, Translation
from adapter.ingest.translate import named_by, translate_fhir
from adapter.pipeline.parts import JsonObject, Parts
from adapter.pipeline.remembering import fact_key
from adapter.pipeline.understand import lookup, understand
from adapter.pipeline.wrong_patient import checked

_PATIENT = "Patient/"
Reading = tuple[MessageRef, tuple[Translation, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What has to be read again because a Patient resource names another number than before."""

    before: tuple[str, ...] = ()
    """The numbers that these Patients named before."""
    readings: tuple[Reading, ...] = ()
    """The messages whose facts stood under them, as they read now; what they say of Patients themselves stays."""
    statements: tuple[Statements, ...] = ()
    """The links of other Patients of the source to them, as they read now."""


NOTHING_MOVED = Moved()


def moved(
    message: MessageRef,
    known: Mapping[str, JsonObject],
    parts: Parts,
    read: Callable[[MessageRef], Stored | None],
    beside: Sequence[MessageRef] = (),
) -> Moved:
    """What moves with the Patients of a message; `beside` are messages that are read again anyway."""
    if not any(reference.startswith(_PATIENT) for reference in known):
        return NOTHING_MOVED
    widened = replace(parts, arrived=known)
    before = _before(message.source, known, parts, widened)
    if not before:
        return Moved()
    return Moved(
        before=tuple(before),
        readings=tuple(_readings(before, (message, *beside), widened, read)),
        statements=tuple(_statements(before, message.source, known, widened)),
    )


def links_of_others(message: MessageRef, known: Mapping[str, JsonObject], parts: Parts) -> Sequence[Statements]:
    """The links of other Patients to those of a message whose number is another than before, as they read now."""
    if not known:
        return ()
    widened = replace(parts, arrived=known)
    before = _before(message.source, known, parts, widened)
    return _statements(before, message.source, known, widened) if before else ()


def _before(source: str, known: Mapping[str, JsonObject], parts: Parts, widened: Parts) -> list[str]:
    """The numbers that the Patients of a message meant until now and do not mean any more."""
    patients = [reference for reference in known if reference.startswith(_PATIENT)]
    return sorted({old for reference in patients for old in _left(reference, source, parts, widened)})


def in_their_places(recorded: Sequence[Recorded], before: Sequence[Recorded], moving: Moved) -> tuple[Recorded, ...]:
    """Facts that moved keep their places in the order of arrival: a later deletion of one stays later."""
    if not moving.readings:
        return tuple(recorded)
    origins = {ref.digest for ref, _ in moving.readings}
    places = {_place(row): row.arrival for row in before if row.origin in origins}
    return tuple(replace(row, arrival=places.get(_place(row), row.arrival)) for row in recorded)


def _place(row: Recorded) -> tuple[str, ...]:
    return row.origin, row.event.key, *fact_key(row.event)


def _left(reference: str, source: str, parts: Parts, widened: Parts) -> tuple[str, ...]:
    """The number that a reference meant until now and does not mean any more; none for one that nobody knew."""
    old, new = (_number(reference, source, each) for each in (parts, widened))
    return (old,) if old and old != new else ()


def _number(reference: str, source: str, parts: Parts) -> str | None:
    known = lookup(source, {}, parts)
    resource = known(reference)
    return named_by(resource, parts.knowledge, known, source=source) if resource else None


def _readings(
    numbers: Sequence[str], taken: Sequence[MessageRef], parts: Parts, read: Callable[[MessageRef], Stored | None]
) -> list[Reading]:
    source = taken[0].source
    rows = [row for number in numbers for row in parts.state.recall(number).recorded if row.event.patient == number]
    origins = tuple(dict.fromkeys(row.origin for row in rows if row.event.source == source and row.origin))
    places = {(ref.inbox, ref.seq) for ref in taken}
    return [
        (ref, tuple(map(_facts_alone, checked(understand(stored.arrival, parts), parts.state))))
        for ref in (parts.holding(source, origins) if origins else ())
        if (ref.inbox, ref.seq) not in places and (stored := read(ref))
    ]


def _facts_alone(translation: Translation) -> Translation:
    """Its Patients were taken with the message, and may be older than what is known of them."""
    return replace(translation, patients=(), people=(), identities=(), known=())


def _statements(numbers: Sequence[str], source: str, taken: Mapping[str, JsonObject], parts: Parts) -> list[Statements]:
    known = lookup(source, {}, parts)
    origins = {row.origin for row in parts.state.told_about(numbers) if row.source == source}
    # A link between two records of one number said nothing, and may say something now.
    records = (record for number in numbers for record in parts.state.recall(number).records)
    origins.update(record.reference for record in records if record.source == source)
    origins -= set(taken)
    found = [(origin, known(origin)) for origin in sorted(origins) if origin.startswith(_PATIENT)]
    zone = parts.zone_of(source)
    return [
        Statements(
            source=source,
            origin=origin,
            told=translate_fhir(resource, parts.knowledge, known, source=source, zone=zone).identities,
        )
        for origin, resource in found
        if resource
    ]
