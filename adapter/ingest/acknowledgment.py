"""The answer to one HL7 v2 message: original mode, worded for the sender's version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from adapter.domain.message import Answer
from adapter.domain.problems import KINDS, Problem
from adapter.ingest.hl7v2 import STANDARD, Delimiters, NotHl7, escape, read_message
from adapter.ingest.hl7v2.charsets import wide_codec
from adapter.ingest.hl7v2.delimiters import declared_delimiters
from adapter.ingest.hl7v2.header import Envelope, header_fields, readable

ERRORS_LIMIT = 10
"""Most problems one answer lists."""

MSA_TEXT_LIMIT_CHARS = 80
"""Longest MSA-3: Mirth shows its operator nothing else."""

CONTROL_ID_LIMIT_CHARS = 20

_FIRST_WITH_STRUCTURE = (2, 4)
_FIRST_WITH_TRIGGER = (2, 3)
_FIRST_WITH_ERR_FIELDS = (2, 5)
_DEFAULT_VERSION = b"2.5.1"
_HERE = b"\r"
"""Where a template is cut: no field of a header holds a line end."""

_TABLE_0357 = {
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the answer echoes of the message's MSH, as bytes."""

    delimiters: Delimiters
    fields: list[bytes]

    def field(self, n: int) -> bytes:
        return self.fields[n] if n < len(self.fields) else b""

    @property
    def separator(self) -> bytes:
        return self.fields[1]


def acknowledge(
    raw: bytes, answer: Answer, *, now: datetime, control_id: str, envelope: Envelope | None = None
) -> bytes:
    """The acknowledgment of `raw` (HL7 2.5 section 2.9.2, original mode); empty bytes when it deserves none.

    Echoes delimiters, MSH-11, MSH-12 and MSH-18, swaps sender and receiver, copies MSH-10 into MSA-2. MSA-3 is
    filled unless all is well; ERR has the fields of the sender's version. Holds nothing of the message's content.
    `envelope` is that of `raw`, where it is known already.
    Raises ValueError when `now` has no zone or `control_id` is no id of 1 to 20 characters.
    """
    if now.utcoffset() is None:
        raise ValueError("MSH-7 needs a zone")
    if not 1 <= len(control_id) <= CONTROL_ID_LIMIT_CHARS:
        raise ValueError("MSH-10 has 1 to 20 characters")
    if not answer.code:
        return b""
    if envelope and answer.code == "AA" and not answer.errors and (template := _template(envelope.repeated)):
        return template.filled(now, control_id, envelope.control_id)
    fields = header_fields(raw)
    wide = None if fields else wide_codec(raw)
    if wide:
        narrow = raw.decode(wide, "replace").encode()
        return acknowledge(narrow, answer, now=now, control_id=control_id).decode().encode(wide)
    asked = _asked(fields)
    version = _version(asked)
    segments = [
        _msh(asked, version, now, control_id),
        _msa(asked, answer, raw),
        *(_encoded(text, raw) for text in _err(answer.errors[:ERRORS_LIMIT], asked.delimiters, version)),
    ]
    return b"".join(segment + b"\r" for segment in segments)


def error_rows(answer: Answer) -> list[dict[str, str | None]]:
    """The errors of an answer as printed: HL7 table 0357 code, ERR-2 location, problem code, text."""
    return [
        {"code": found.hl7_code, "location": found.location, "problem": found.code, "text": found.text}
        for found in answer.errors
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """The AA that one sender gets time after time: only its time and the two control ids change."""

    version: tuple[int, ...]
    before_time: bytes
    before_id: bytes
    before_answered_id: bytes

    def filled(self, now: datetime, control_id: str, answered_id: bytes) -> bytes:
        """The acknowledgment of one message."""
        stamp = _stamp(now, self.version).encode()
        own = control_id.encode("ascii", "replace")
        return b"".join((self.before_time, stamp, self.before_id, own, self.before_answered_id, answered_id, b"\r"))


@lru_cache(maxsize=4096)
def _template(repeated: tuple[bytes, ...]) -> _Template | None:
    """The template for an envelope; None where the answer has to be worded for each message."""
    *before, kind_before, kind, behind = repeated
    fields = [b"MSH", b"|", *before, b"", kind_before, kind, b"", *behind.split(b"|")]
    asked = _asked(fields)
    marks = asked.delimiters.field + asked.delimiters.encoding
    if any(mark.isalnum() or not mark.isascii() for mark in marks):
        return None  # a delimiter may stand in our own control id, which then is escaped
    version = _version(asked)
    header = _msh_fields(asked, version, stamp=_HERE, control_id=_HERE)
    before_time, before_id, after = asked.separator.join(header).split(_HERE)
    before_answered_id = asked.separator.join((after + b"\rMSA", b"AA", b""))
    return _Template(
        version=version, before_time=before_time, before_id=before_id, before_answered_id=before_answered_id
    )


def _asked(fields: list[bytes]) -> _Asked:
    if len(fields) < 3:
        standard = [b"MSH", STANDARD.field.encode(), STANDARD.encoding.encode()]
        missing = [b""] * 8
        return _Asked(delimiters=STANDARD, fields=[*standard, *missing, b"P", _DEFAULT_VERSION])
    delimiters = declared_delimiters(readable(fields[1]), readable(fields[2]))
    return _Asked(delimiters=delimiters, fields=[*fields[:2], fields[2] or STANDARD.encoding.encode(), *fields[3:]])


def _version(asked: _Asked) -> tuple[int, ...]:
    """MSH-12.1 as numbers; one that is no version number counts as the newest, whose answer says most."""
    return _numbers(asked.field(12), asked.delimiters.component)


@lru_cache(maxsize=64)
def _numbers(version: bytes, component: str) -> tuple[int, ...]:
    parts = (readable(version).split(component)[0] if component else readable(version)).split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return (99,)
    return tuple(int(part[:4]) for part in parts)


def _msh(asked: _Asked, version: tuple[int, ...], now: datetime, control_id: str) -> bytes:
    own = escape(control_id, asked.delimiters).encode("ascii", "replace")
    return asked.separator.join(_msh_fields(asked, version, stamp=_stamp(now, version).encode(), control_id=own))


def _msh_fields(asked: _Asked, version: tuple[int, ...], *, stamp: bytes, control_id: bytes) -> list[bytes]:
    fields = [
        b"MSH",
        asked.field(2),
        asked.field(5),
        asked.field(6),
        asked.field(3),
        asked.field(4),
        stamp,
        b"",
        _answer_type(asked, version),
        control_id,
        asked.field(11),
        asked.field(12),
    ]
    if asked.field(18):
        fields += [b""] * 5 + [asked.field(18)]
    return fields


def _stamp(now: datetime, version: tuple[int, ...]) -> str:
    fraction = f".{now.microsecond // 1000:03d}" if version >= _FIRST_WITH_ERR_FIELDS else ""
    return f"{_second(now.replace(microsecond=0, tzinfo=None))}{fraction}{_offset(now.utcoffset())}"


@lru_cache(maxsize=4)
def _second(now: datetime) -> str:
    return now.strftime("%Y%m%d%H%M%S")


@lru_cache(maxsize=64)
def _offset(offset: timedelta | None) -> str:
    return datetime.min.replace(tzinfo=timezone(offset or timedelta(0))).strftime("%z")[:5]


def _answer_type(asked: _Asked, version: tuple[int, ...]) -> bytes:
    mark = asked.delimiters.component.encode("utf-8", "replace")
    trigger = (asked.field(9).split(mark) if mark else [asked.field(9)])[1:2]
    if version < _FIRST_WITH_TRIGGER or not trigger or not trigger[0]:
        return b"ACK"
    parts = [b"ACK", trigger[0], *([b"ACK"] if version >= _FIRST_WITH_STRUCTURE else [])]
    return mark.join(parts)


def _msa(asked: _Asked, answer: Answer, raw: bytes) -> bytes:
    fields = [b"MSA", answer.code.encode(), asked.field(10)]
    if answer.code != "AA":
        fields.append(_encoded(_sentence(answer.errors, asked.delimiters), raw))
    return asked.separator.join(fields)


def _sentence(errors: tuple[Problem, ...], delimiters: Delimiters) -> str:
    if not errors:
        return "The message was not accepted."
    where = errors[0].where or ""
    place = f" ({where})" if where and where.replace("[1]", "") not in errors[0].text else ""
    more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    ending = f"{escape(place, delimiters)}{more}"
    text = errors[0].text.rstrip(".")
    while len(escape(text, delimiters)) + len(ending) > MSA_TEXT_LIMIT_CHARS:
        text = text[:-1]
    return escape(text, delimiters) + ending


def _err(errors: tuple[Problem, ...], delimiters: Delimiters, version: tuple[int, ...]) -> list[str]:
    if not errors:
        return []
    if version >= _FIRST_WITH_ERR_FIELDS:
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
        _coded(found.hl7_code, _TABLE_0357[found.hl7_code or "207"], "HL70357", delimiters),
        _SEVERITY[found.severity],
        _coded(found.code, kind.title, "L", delimiters),
        "",
        escape(kind.advice, delimiters),
        escape(found.text, delimiters),
    ]


def _coded(code: str, text: str, system: str, delimiters: Delimiters) -> str:
    return delimiters.component.join((code or "207", escape(text, delimiters), system))


def _err_place(found: Problem, delimiters: Delimiters) -> str:
    segment, occurrence, field = [*(found.location or "").split("^"), "", "", ""][:3]
    code = found.hl7_code or "207"
    coded = delimiters.subcomponent.join((code, _TABLE_0357[code], "HL70357")) if delimiters.subcomponent else code
    return delimiters.component.join((segment, occurrence, field, coded))


def _encoded(text: str, raw: bytes) -> bytes:
    if text.isascii():
        return text.encode("ascii")
    try:
        return text.encode(read_message(raw).charset, "replace")
    except NotHl7:
        return text.encode()
