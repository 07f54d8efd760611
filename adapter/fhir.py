"""The one place that names a FHIR release and the canonical base, and that reads and writes exact JSON."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

Json = Any
"""Whatever JSON can hold: dict, list, str, bool, int, Decimal or None."""

FHIR_RELEASE = "4.0.1"
CANONICAL_BASE = "https://troughline.example/fhir"
OUTPUT_KEYS = UUID("38a6d828-b948-5ea9-8c8f-37360d707aea")
"""UUIDv5 namespace of every output key; changing it would duplicate every resource ever written."""
UCUM = "http://unitsofmeasure.org"
MAX_DEPTH_LEVELS = 60
MAX_NUMBER_DIGITS = 100
KEYS_REMEMBERED = 4_096
"""Of outputs: while one patient is interpreted the same keys are asked for again and again."""

TRUNCATED_CODES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("Observation", "status"): (
        "registered",
        "preliminary",
        "final",
        "amended",
        "corrected",
        "cancelled",
        "entered-in-error",
        "unknown",
    ),
    ("Encounter", "status"): (
        "planned",
        "arrived",
        "triaged",
        "in-progress",
        "onleave",
        "finished",
        "cancelled",
        "entered-in-error",
        "unknown",
    ),
}
"""Required code lists the R4B models shorten to `+` (source: http://hl7.org/fhir/R4/valueset-observation-status.html)."""


class UnreadableJsonError(ValueError):
    """Bytes that are not one exact JSON value; the text says why and holds no content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canonical:
    """The base URL of everything this site defines, and the systems below it."""

    base: str = CANONICAL_BASE

    @property
    def codes(self) -> str:
        """The one CodeSystem of findings, topics, components and output kinds."""
        return f"{self.base}/CodeSystem/troughline"

    @property
    def output_keys(self) -> str:
        """Identifier system of output keys."""
        return f"{self.base}/sid/output-key"

    @property
    def messages(self) -> str:
        """Identifier system of HL7 v2 messages: sender and control id."""
        return f"{self.base}/sid/hl7v2-message"

    def source(self, name: str) -> str:
        """Identifier system of the resources of one configured source."""
        return f"{self.base}/sid/source/{name}"


@lru_cache(maxsize=KEYS_REMEMBERED)
def output_key(kind: str, *parts: str) -> str:
    """The id of an output: UUIDv5 over `v1|kind|part|...`; neither the base nor the patient is ever a part."""
    escaped = [part.replace("\\", "\\\\").replace("|", "\\|") for part in parts]
    return _uuid5(OUTPUT_KEYS.bytes, "|".join(("v1", kind, *escaped)))


def _uuid5(namespace: bytes, name: str) -> str:
    """The text of `uuid.uuid5`, which takes three times as long by way of a number."""
    made = bytearray(hashlib.sha1(namespace + name.encode(), usedforsecurity=False).digest()[:16])
    made[6] = made[6] & 0x0F | 0x50
    made[8] = made[8] & 0x3F | 0x80
    told = made.hex()
    return f"{told[:8]}-{told[8:12]}-{told[12:16]}-{told[16:20]}-{told[20:]}"


def loads(raw: bytes | str, *, ours: bool = False) -> Json:
    """Read JSON with every decimal exact; `ours` skips the guards for what this product wrote itself.

    Raises UnreadableJsonError: malformed, duplicate keys, too deep, or a number beyond `MAX_NUMBER_DIGITS`.
    """
    try:
        value = _DECODER.decode(raw)
        if ours:
            return value
        # msgspec keeps the last of two equal keys, and a status sent twice must not be decided by its place.
        json.loads(raw, object_pairs_hook=_without_duplicates)
    except RecursionError:
        raise UnreadableJsonError("nested too deeply") from None
    except UnreadableJsonError:
        raise
    except msgspec.ValidationError:  # of any JSON, the size of a number is all that is checked
        raise UnreadableJsonError("a number in it is too large or has too many digits") from None
    except (msgspec.MsgspecError, ValueError):
        raise UnreadableJsonError("not well-formed JSON in UTF-8") from None
    if _deeper_than(value, MAX_DEPTH_LEVELS):
        raise UnreadableJsonError("nested too deeply")
    return value


def dumps(value: Json, *, indent: bool = False) -> bytes:
    """Write JSON with the digits of every Decimal, never an exponent; raises ValueError for NaN and for floats."""
    raw = _ENCODER.encode(_exact(value))
    return msgspec.json.format(raw, indent=2) if indent else raw


def canonical(value: Json) -> bytes:
    """The one byte form of a value: keys sorted, no white space, digits kept."""
    return _SORTED.encode(_exact(value))


def content_hash(value: Json) -> str:
    """sha256 (hex) over the canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()


def text_hash(value: Json) -> str:
    """The content hash of a value that holds no number."""
    return hashlib.sha256(_SORTED.encode(value)).hexdigest()


def validate(resource: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What breaks the R4 definition: (FHIRPath expression, text) pairs; the texts hold no content."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    name = resource.get("resourceType")
    try:
        model = get_fhir_model_class(name if isinstance(name, str) else "")
    except (KeyError, ValueError):
        return [("Resource", "no such resource type in FHIR R4")]
    try:
        model.model_validate(resource)
    except ValidationError as error:
        return [(_expression(str(name), e["loc"]), _FAULTS.get(e["type"], _FAULT)) for e in error.errors()]
    return []


def required_code_problems(resource: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Codes outside a required code list, which the models do not check: (expression, text) pairs."""
    name = str(resource.get("resourceType"))
    return list(_code_problems(name, resource, name))


_FAULT = "the value does not fit the FHIR R4 definition of the element"
_FAULTS = {
    "missing": "a required element is missing",
    "model_field_validation.missing": "a required element is missing",
    "extra_forbidden": "no such element in FHIR R4",
}
_ELEMENT_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}")
_MODEL_NAME = re.compile(r"abc\.(\w+)Type\b")


def _expression(name: str, place: tuple[int | str, ...]) -> str:
    parts = [name]
    for part in place:
        if isinstance(part, int):
            parts[-1] += f"[{part}]"
        else:
            parts.append(part if _ELEMENT_NAME.fullmatch(part) else "?")
    return ".".join(parts)


def _code_problems(model_name: str, node: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    from fhir.resources.R4B import get_fhir_model_class

    try:
        fields = get_fhir_model_class(model_name).model_fields
    except (KeyError, ValueError):
        return
    for name, field in fields.items():
        alias = field.alias or name
        if alias not in node:
            continue
        allowed = _allowed_codes(model_name, alias, field.json_schema_extra)
        for place, item in _items(node[alias], f"{where}.{alias}"):
            if allowed and isinstance(item, str) and item not in allowed:
                yield place, "the code is not in the required list"
            if isinstance(item, Mapping):
                yield from _code_problems(_child_model(item, str(field.annotation)), item, place)


def _allowed_codes(model_name: str, element: str, extra: object) -> tuple[str, ...]:
    codes = tuple(extra.get("enum_values", ())) if isinstance(extra, dict) else ()
    return TRUNCATED_CODES.get((model_name, element), ()) if "+" in codes else codes


def _child_model(item: Mapping[str, Any], annotation: str) -> str:
    found = _MODEL_NAME.search(annotation)
    name = found.group(1) if found else ""
    return str(item.get("resourceType", "")) if name == "Resource" else name


def _items(value: Json, where: str) -> Iterator[tuple[str, Json]]:
    if isinstance(value, list):
        yield from ((f"{where}[{number}]", item) for number, item in enumerate(value))
    else:
        yield where, value


def _has_no_exponent(number: Decimal) -> bool:
    """Whether a number is written with its digits alone, and with no more of them than FHIR can hold."""
    return number.is_finite() and abs(number.adjusted()) <= MAX_NUMBER_DIGITS and "E" not in str(number)


def with_leaves(value: Json, leaf: Callable[[Json], Json]) -> Json:
    """A value with everything in it replaced that is no object, list or text; where nothing is, it stays itself."""
    kind = type(value)
    if kind is not dict and kind is not list:
        return leaf(value)
    changed = None
    for place, item in value.items() if kind is dict else enumerate(value):
        if type(item) is not str and (new := with_leaves(item, leaf)) is not item:
            if changed is None:
                changed = value.copy()
            changed[place] = new
    return value if changed is None else changed


def _exact(value: Json) -> Json:
    return with_leaves(value, _exact_leaf)


def _exact_leaf(value: Json) -> Json:
    if type(value) in _PLAIN or (type(value) is Decimal and _has_no_exponent(value)):
        return value
    match value:
        case dict():
            return _exact(dict(value))
        case list() | tuple():
            return _exact(list(value))
        case Decimal():
            return msgspec.Raw(_digits(value))
        case float():
            raise ValueError("a float has lost its digits; use Decimal")
    return value


def _digits(number: Decimal) -> bytes:
    if not number.is_finite() or abs(number.adjusted()) > MAX_NUMBER_DIGITS:
        raise ValueError("no finite number of a size FHIR can hold")
    return format(number, "f").encode()


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > MAX_NUMBER_DIGITS or len(text) > MAX_NUMBER_DIGITS:
        raise UnreadableJsonError("a number is out of range")
    return number


def _without_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise UnreadableJsonError("a key stands twice in one object")


def _deeper_than(value: Json, levels: int) -> bool:
    row = [value]
    for _ in range(levels):
        row = [child for node in row for child in _children(node)]
        if not row:
            return False
    return True


def _children(node: Json) -> list[Json]:
    found = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [child for child in found if isinstance(child, dict | list)]


_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=_number)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_SORTED = msgspec.json.Encoder(order="sorted", decimal_format="number")
_PLAIN = frozenset({str, bool, int, type(None)})
