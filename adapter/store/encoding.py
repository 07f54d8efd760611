"""Facts and resources as JSON text: decimals keep their digits, times keep their instant, order is fixed."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec

from adapter.domain.events import EVENT_TYPES, Event, HypersensitivityRecorded, PatientRecord, Version
from adapter.domain.identities import IdentityTold
from adapter.domain.problems import Problem
from adapter.domain.times import iso_moment

_NO_VERSION = Version()
_encode_fact = msgspec.json.Encoder().encode
_decode_event = {name: msgspec.json.Decoder(kind).decode for name, kind in EVENT_TYPES.items()}
_decode_record = msgspec.json.Decoder(PatientRecord).decode
_decode_identity = msgspec.json.Decoder(IdentityTold).decode
_decode_problems = msgspec.json.Decoder(tuple[Problem, ...]).decode
_encode_json = msgspec.json.Encoder(decimal_format="number").encode
_decode_object = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_decode_texts = msgspec.json.Decoder(tuple[str, ...]).decode
_decode_objects = msgspec.json.Decoder(list[dict[str, Any]], float_hook=Decimal).decode


def kind_of(event: Event) -> str:
    """`ActivityMeasured`, ..."""
    return type(event).__name__


def fact_key(event: Event) -> str:
    """What all versions of one fact share; every row of an allergy record belongs to the record."""
    return event.record if isinstance(event, HypersensitivityRecorded) else event.key


def travels(event: Event) -> bool:
    """Whether a later version may belong to another patient: FHIR facts may, a sample key never leaves its patient."""
    return kind_of(event) != "ActivityMeasured"


def unversioned(event: Event) -> bool:
    """Whether only the order of arrival tells which version of the fact is the newest."""
    return event.version == _NO_VERSION


def event_text(event: Event) -> str:
    """An event as JSON text: decimals as strings, times as ISO 8601."""
    return _encode_fact(event).decode()


def read_event(kind: str, text: str) -> Event:
    """The very event that `event_text` wrote."""
    return _decode_event[kind](text)


def record_text(record: PatientRecord) -> str:
    """A patient record as JSON text."""
    return _encode_fact(record).decode()


def read_record(text: str) -> PatientRecord:
    """The very record that `record_text` wrote."""
    return _decode_record(text)


def identity_text(told: IdentityTold) -> str:
    """A statement about two patients as JSON text."""
    return _encode_fact(told).decode()


def read_identity(text: str) -> IdentityTold:
    """The very statement that `identity_text` wrote."""
    return _decode_identity(text)


def problems_text(problems: tuple[Problem, ...]) -> str:
    """Problems as JSON text."""
    return _encode_fact(problems).decode()


def read_problems(text: str) -> tuple[Problem, ...]:
    """The very problems that `problems_text` wrote."""
    return _decode_problems(text)


def json_text(value: object) -> str:
    """A resource, a finding or a list of them as JSON text; `Decimal("0.10")` is written 0.10."""
    return _encode_json(value).decode()


def read_object(text: str) -> dict[str, Any]:
    """A JSON object as plain values; every number with a point is a Decimal with its digits."""
    return _decode_object(text)


def read_objects(text: str) -> list[dict[str, Any]]:
    """A JSON list of objects as plain values."""
    return _decode_objects(text)


def read_texts(text: str) -> tuple[str, ...]:
    """A JSON list of texts."""
    return _decode_texts(text)


def text_hash(text: str) -> str:
    """sha256 of a text, hex."""
    return sha256(text.encode()).hexdigest()


def resource_version(resource: dict[str, Any]) -> Version:
    """The version a FHIR resource states in `meta`, all None when it states none that can be read."""
    meta = resource.get("meta") or {}
    number, updated = str(meta.get("versionId") or ""), str(meta.get("lastUpdated") or "")
    try:
        moment = iso_moment(updated) if updated else None
    except ValueError:
        moment = None
    return Version(number=int(number) if number.isascii() and number.isdigit() else None, updated=moment)


def replaces(new: Version, old: Version) -> bool:
    """Whether a resource just received takes the place of the stored one (clinical ruling 25, FHIR)."""
    if new.number is not None and old.number is not None:
        return new.number >= old.number
    if new.updated is not None and old.updated is not None:
        return new.updated.latest >= old.updated.latest
    return True
