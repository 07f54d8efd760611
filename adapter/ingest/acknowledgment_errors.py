"""What an answer says is wrong: MSA-3 for the operator, ERR in the fields of the sender's version."""

from __future__ import annotations

from adapter.domain.message import Answer
from adapter.domain.problems import KINDS, Problem
from adapter.ingest.hl7v2 import Delimiters, escape

ERRORS_LIMIT = 10
"""Most problems one answer lists."""

MSA_TEXT_LIMIT_CHARS = 80
"""Longest MSA-3: Mirth shows its operator nothing else."""

ERR_TEXT_LIMIT_CHARS = 250
"""Longest ERR-8 (HL7 2.5 to 2.6)."""

FIRST_WITH_ERR_FIELDS = (2, 5)
"""Before it ERR has one field, which repeats; from then on that field stays empty (and is gone from 2.8.2)."""

TABLE_0357 = {
    "0": "Message accepted",
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "204": "Unknown key identifier",
    "205": "Duplicate key identifier",
    "206": "Application record locked",
    "207": "Application internal error",
}

_SEVERITY = {"error": "E", "warning": "W", "information": "I"}
"""HL7 table 0516."""


def sentence(answer: Answer, delimiters: Delimiters) -> str:
    """MSA-3 of a refusal: the first error, its place, and how many more there are."""
    errors = [found for found in answer.errors if found.severity == "error"] or answer.errors
    if not errors:
        return "The message was not accepted."
    where = errors[0].where or ""
    place = f" ({where})" if where and where.replace("[1]", "") not in errors[0].text else ""
    more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    ending = f"{escape(place, delimiters)}{more}"
    return _cut(errors[0].text.rstrip("."), MSA_TEXT_LIMIT_CHARS - len(ending), delimiters) + ending


def _cut(text: str, limit: int, delimiters: Delimiters) -> str:
    """The text escaped, without the end that would make it longer than `limit`; no escape is cut in two."""
    text = text[:limit]
    while len(escape(text, delimiters)) > limit:
        text = text[:-1]
    return escape(text, delimiters)


def error_segments(answer: Answer, delimiters: Delimiters, version: tuple[int, ...]) -> list[str]:
    """The ERR segments of an answer, in the fields of the sender's version."""
    errors = answer.errors[:ERRORS_LIMIT]
    if not errors:
        return []
    if version >= FIRST_WITH_ERR_FIELDS:
        return [delimiters.field.join(_err_fields(found, delimiters)) for found in errors]
    # Before 2.5 there is one ERR with one field, which repeats.
    places = [_err_place(found, delimiters) for found in errors]
    return [delimiters.field.join(["ERR", delimiters.repetition.join(places) if delimiters.repetition else places[0]])]


def _err_fields(found: Problem, delimiters: Delimiters) -> list[str]:
    kind = KINDS[found.code]
    return [
        "ERR",
        "",
        delimiters.component.join((found.location or "").split("^")),
        _coded(found.hl7_code, TABLE_0357[found.hl7_code or "207"], "HL70357", delimiters),
        _SEVERITY[found.severity],
        _coded(found.code, kind.title, "L", delimiters),
        "",
        escape(kind.advice, delimiters),
        _cut(found.text, ERR_TEXT_LIMIT_CHARS, delimiters),
    ]


def _coded(code: str, text: str, system: str, delimiters: Delimiters) -> str:
    return delimiters.component.join((escape(code or "207", delimiters), escape(text, delimiters), system))


def _err_place(found: Problem, delimiters: Delimiters) -> str:
    segment, occurrence, field = [*(found.location or "").split("^"), "", "", ""][:3]
    code = found.hl7_code or "207"
    parts = (code, escape(TABLE_0357[code], delimiters), "HL70357")
    coded = delimiters.subcomponent.join(parts) if delimiters.subcomponent else code
    return delimiters.component.join((segment, occurrence, field, coded))


def error_rows(answer: Answer) -> list[dict[str, str | None]]:
    """The errors of an answer as printed: HL7 table 0357 code, ERR-2 location, problem code, text."""
    return [
        {"code": found.hl7_code, "location": found.location, "problem": found.code, "text": found.text}
        for found in answer.errors
    ]
