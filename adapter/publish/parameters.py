"""The search parameters of the facade, and a query string read into a question for the store."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from adapter.publish.dates import Bound, read_bounds
from adapter.transport.http_outcome import RefusedRequest

Token = tuple[str | None, str | None]
"""(system, code): system None is any, `""` is none at all; code None is any code of the system."""
Place = tuple[datetime, str]
"""(last updated, id) of the last entry of a page."""
FindPatients = Callable[[str], Sequence[str]]
"""`Patient/<id>` -> the patient keys `<system>|<value>` known for it; may block."""
Kind = Literal["token", "reference", "date", "number", "string"]

MAX_COUNT = 200
DEFAULT_COUNT = 50
CURSOR = "_cursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchParameter:
    """One parameter as the CapabilityStatement names it."""

    name: str
    kind: Kind
    documentation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One search; everything given must hold. Of tokens the inner sequence is an OR, the outer one an AND."""

    resource_type: str
    patients: tuple[str, ...] | None = None
    identifier: tuple[tuple[Token, ...], ...] = ()
    code: tuple[tuple[Token, ...], ...] = ()
    status: tuple[tuple[Token, ...], ...] = ()
    last_updated: tuple[Bound, ...] = ()
    ids: tuple[str, ...] | None = None
    count: int = DEFAULT_COUNT
    after: Place | None = None
    understood: tuple[tuple[str, str], ...] = ()
    """The parameters that were read, for the self link; the cursor is not among them."""


_PATIENT = (
    SearchParameter(
        name="patient", kind="reference", documentation="`Patient/id`, `id`, or `system|value` of an identifier"
    ),
    SearchParameter(name="patient.identifier", kind="token", documentation="`system|value` of the patient"),
)
_SUBJECT = SearchParameter(name="subject", kind="reference", documentation="The same as patient")
_OWN = (
    SearchParameter(name="identifier", kind="token", documentation="Business identifier"),
    SearchParameter(name="code", kind="token", documentation="Any coding of code"),
    SearchParameter(name="status", kind="token", documentation="Status code"),
)
_COMMON = (
    SearchParameter(name="_id", kind="token", documentation="Resource id"),
    SearchParameter(name="_lastUpdated", kind="date", documentation="eq, ge, gt, le, lt; partial dates"),
    SearchParameter(name="_count", kind="number", documentation=f"At most {MAX_COUNT}; 0 gives the total only"),
    SearchParameter(name="_sort", kind="string", documentation="Only _lastUpdated, which is the order anyway"),
)
PARAMETERS: Mapping[str, tuple[SearchParameter, ...]] = {
    "Observation": (*_PATIENT, _SUBJECT, *_OWN, *_COMMON),
    "Flag": (*_PATIENT, _SUBJECT, *_OWN, *_COMMON),
    "Provenance": (*_PATIENT, *_COMMON),
}
"""Resource type -> its parameters; what is not here is not served."""

_FORMAT = "_format"


def read_search(
    resource_type: str, pairs: Sequence[tuple[str, str]], *, strict: bool, find_patients: FindPatients
) -> Search:
    """A query string as a search; a parameter nobody knows is left out, or refused when `strict`.

    Raises:
        RefusedRequest: 400, naming the parameter, never its value.
    """
    known = {one.name for one in PARAMETERS[resource_type]} | {CURSOR, _FORMAT, "subject:Patient", "patient:Patient"}
    taken: dict[str, list[str]] = {}
    for written, value in pairs:
        name = written.replace(":identifier", ".identifier", 1)
        name = "patient.identifier" if name == "subject.identifier" else name
        if name in known:
            taken.setdefault(name, []).append(value)
        elif ":" in name and name.partition(":")[0] in known:
            raise RefusedRequest(400, "A search modifier is not supported.", expression=_shown(written))
        elif strict:
            raise RefusedRequest(400, "A search parameter is not supported.", expression=_shown(written))
    return _search(resource_type, taken, find_patients=find_patients)


def cursor_of(place: Place) -> str:
    """An opaque text for the `next` link."""
    return base64.urlsafe_b64encode(f"{place[0].isoformat()}|{place[1]}".encode()).decode().rstrip("=")


def _search(resource_type: str, taken: Mapping[str, list[str]], *, find_patients: FindPatients) -> Search:
    _check_sort(taken.get("_sort", []))
    return Search(
        resource_type=resource_type,
        patients=_patients(taken, find_patients),
        identifier=_tokens("identifier", taken),
        code=_tokens("code", taken),
        status=tuple(tuple((None, code) for _, code in row) for row in _tokens("status", taken)),
        last_updated=tuple(bound for text in taken.get("_lastUpdated", []) for bound in read_bounds(text)),
        ids=_common([tuple(split_alternatives(text)) for text in taken.get("_id", [])]),
        count=_count(taken.get("_count", [])),
        after=_place(taken[CURSOR][-1]) if CURSOR in taken else None,
        understood=tuple((name, value) for name, values in taken.items() if name != CURSOR for value in values),
    )


def split_alternatives(text: str, separator: str = ",") -> list[str]:
    r"""The comma-separated alternatives of a value, empty ones left out; `\,` is a comma (FHIR search escaping)."""
    parts = [""]
    escaped = False
    for character in text:
        if not escaped and character == separator:
            parts.append("")
            continue
        parts[-1] += character
        escaped = not escaped and character == "\\"
    return [part for part in parts if part] if separator == "," else parts


def read_token(text: str) -> Token:
    r"""`system|code`, `|code` (no system), `system|` (any code), `code` (any system); `\|` is a bar."""
    parts = [_unescape(part) for part in split_alternatives(text, "|")]
    if len(parts) == 1:
        return None, parts[0]
    return parts[0], "|".join(parts[1:]) or None


def _tokens(name: str, taken: Mapping[str, list[str]]) -> tuple[tuple[Token, ...], ...]:
    return tuple(_alternatives(name, text) for text in taken.get(name, []))


def _alternatives(name: str, text: str) -> tuple[Token, ...]:
    tokens = tuple(read_token(part) for part in split_alternatives(text))
    if not tokens or any(token in {("", None), (None, "")} for token in tokens):
        raise RefusedRequest(400, "A search value is empty.", expression=name)
    return tokens


def _patients(taken: Mapping[str, list[str]], find_patients: FindPatients) -> tuple[str, ...] | None:
    rows = [
        tuple(key for part in split_alternatives(text) for key in _keys_of_reference(part, find_patients))
        for name in ("patient", "subject", "patient:Patient", "subject:Patient")
        for text in taken.get(name, [])
    ]
    rows += [tuple(_key_of_token(*token) for token in row) for row in _tokens("patient.identifier", taken)]
    return _common(rows)


def _keys_of_reference(text: str, find_patients: FindPatients) -> Sequence[str]:
    if "|" in text:
        return [_key_of_token(*read_token(text))]
    tail = text.split("/")[-2:]
    if len(tail) == 2 and tail[0] != "Patient":
        raise RefusedRequest(400, "The reference is not one to a Patient.", expression="patient")
    return find_patients(f"Patient/{tail[-1]}")


def _key_of_token(system: str | None, value: str | None) -> str:
    if not system or not value:
        raise RefusedRequest(400, "A patient identifier is written <system>|<value>.", expression="patient.identifier")
    return f"{system}|{value}"


def _common(rows: Sequence[Sequence[str]]) -> tuple[str, ...] | None:
    """The values all repetitions of a parameter allow; None when it was not given."""
    if not rows:
        return None
    allowed = set(rows[0]).intersection(*rows[1:])
    return tuple(sorted(allowed))


def _count(texts: Sequence[str]) -> int:
    if not texts:
        return DEFAULT_COUNT
    text = texts[-1]
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise RefusedRequest(400, "_count is a whole number.", expression="_count")
    return min(int(text), MAX_COUNT)


def _check_sort(texts: Sequence[str]) -> None:
    if any(text != "_lastUpdated" for text in texts):
        raise RefusedRequest(400, "Only _sort=_lastUpdated is supported.", expression="_sort")


def _place(text: str) -> Place:
    try:
        decoded = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode()
        written, bar, resource_id = decoded.partition("|")
        moment = datetime.fromisoformat(written)
    except (ValueError, binascii.Error):
        raise RefusedRequest(400, "The cursor was not made here.", expression=CURSOR) from None
    if not bar or moment.tzinfo is None:
        raise RefusedRequest(400, "The cursor was not made here.", expression=CURSOR)
    return moment, resource_id


def _unescape(text: str) -> str:
    out, escaped = "", False
    for character in text:
        if character == "\\" and not escaped:
            escaped = True
            continue
        out += character
        escaped = False
    return out


def _shown(name: str) -> str:
    """A parameter name may be shown when it looks like one; a stray value may not."""
    plain = name.replace("_", "").replace("-", "").replace(":", "").replace(".", "")
    return name if len(name) <= 40 and plain.isascii() and plain.isalpha() else "parameter"
