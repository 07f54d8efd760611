"""The answer to one HL7 v2 message, worded for the sender's version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from adapter.domain.message import Answer
from adapter.ingest.acknowledgment_errors import FIRST_WITH_ERR_FIELDS, error_segments, sentence
from adapter.ingest.hl7v2 import STANDARD, Delimiters, NotHl7, escape, read_message
from adapter.ingest.hl7v2.charsets import wide_codec
from adapter.ingest.hl7v2.delimiters import declared_delimiters, declares
from adapter.ingest.hl7v2.header import Envelope, header_fields, header_line_of, readable

CONTROL_ID_LIMIT_CHARS = 20

ECHO_LIMIT_BYTES = 1024
"""A longer field of the header is not sent back, MSH-10 excepted: it names the message."""

ANSWER_LIMIT_BYTES = 32 * 1024
"""No answer is longer, what MSA-2 repeats of MSH-10 left aside."""

_ACCEPTING = ("AA", "CA")
_FIRST_WITH_STRUCTURE = (2, 4)
_FIRST_WITH_TRIGGER = (2, 3)
_CONTROL_ID = 10
_NEVER = b"NE"
_BETWEEN_PARTS = b"-:T"
"""Between the parts of a time in ISO 8601 that stand one beside the other in HL7."""
_DEFAULT_VERSION = b"2.5.1"
_HERE = b"\r"
"""Where a template is cut: no field of a header holds a line end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the answer echoes of the message's MSH, as bytes."""

    delimiters: Delimiters
    fields: list[bytes]

    def field(self, n: int) -> bytes:
        found = self.fields[n] if n < len(self.fields) else b""
        return found if len(found) <= ECHO_LIMIT_BYTES or n == _CONTROL_ID else b""

    @property
    def separator(self) -> bytes:
        return self.fields[1]


def acknowledge(
    raw: bytes,
    answer: Answer,
    *,
    now: datetime,
    control_id: str,
    envelope: Envelope | None = None,
    asks_none: bool = False,
) -> bytes:
    """The acknowledgment of `raw` (HL7 2.5 sections 2.9.2 and 2.9.3); empty bytes when it deserves none.

    Echoes delimiters, MSH-11, MSH-12 and MSH-18, swaps sender and receiver, copies MSH-10 into MSA-2. MSA-3 is
    filled unless all is well; ERR has the fields of the sender's version. Holds nothing of the message's content.
    `envelope` is that of `raw`, where it is known already; `asks_none` fills MSH-15 and MSH-16 with NE, for an
    application answer of enhanced mode, which is a message of its own.
    Raises ValueError when `now` has no zone or `control_id` is no id of 1 to 20 characters.
    """
    _check(now, control_id)
    if not answer.code:
        return b""
    plain = answer.code in _ACCEPTING and not answer.errors
    if envelope and plain and (known := template(envelope.repeated, answer.code, asks_none=asks_none)):
        return known.filled(now, control_id, envelope.control_id)
    fields = header_fields(raw)
    wide = None if fields else wide_codec(raw)
    if wide:
        narrow = raw.decode(wide, "replace").encode()
        told = acknowledge(narrow, answer, now=now, control_id=control_id, asks_none=asks_none)
        return told.decode(errors="replace").encode(wide)
    asked = _asked(fields)
    version = _version(asked)
    segments = [
        _msh(asked, version, now, control_id, asks_none=asks_none),
        _msa(asked, answer, raw),
        *(_encoded(text, raw) for text in error_segments(answer, asked.delimiters, version)),
    ]
    return b"".join(segment + b"\r" for segment in segments)


def _check(now: datetime, control_id: str) -> None:
    if now.tzinfo is None or now.utcoffset() is None:
        raise ValueError("MSH-7 needs a zone")
    if not 1 <= len(control_id) <= CONTROL_ID_LIMIT_CHARS:
        raise ValueError("MSH-10 has 1 to 20 characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The AA or CA that one sender gets time after time: only its time and the two control ids change."""

    fraction: bool
    marks: str
    """The delimiters of the sender."""
    before_time: bytes
    before_id: bytes
    before_answered_id: bytes

    def filled(self, now: datetime, control_id: str, answered_id: bytes) -> bytes:
        """The acknowledgment of one message; raises ValueError as `acknowledge` does."""
        _check(now, control_id)
        stamp = _stamp(now, fraction=self.fraction, marks=self.marks)
        own = control_id.encode("ascii", "replace")
        return b"".join((self.before_time, stamp, self.before_id, own, self.before_answered_id, answered_id, b"\r"))


@lru_cache(maxsize=4096)
def template(repeated: tuple[bytes, ...], code: str, *, asks_none: bool) -> Template | None:
    """The template for an envelope, a code and `asks_none`; None where each answer has to be worded anew."""
    asked = _asked(header_fields(header_line_of(repeated)))
    marks = _marks(asked.delimiters)
    if any(mark.isalnum() or not mark.isascii() for mark in marks):
        return None  # a delimiter may stand in our own control id, which then is escaped
    version = _version(asked)
    header = _msh_fields(asked, version, stamp=_HERE, control_id=_HERE, asks_none=asks_none)
    before_time, before_id, after = asked.separator.join(header).split(_HERE)
    before_answered_id = asked.separator.join((after + b"\rMSA", code.encode(), b""))
    return Template(
        fraction=_has_fraction(version, marks),
        marks=marks,
        before_time=before_time,
        before_id=before_id,
        before_answered_id=before_answered_id,
    )


def _asked(fields: list[bytes]) -> _Asked:
    if len(fields) < 3:
        standard = [b"MSH", STANDARD.field.encode(), STANDARD.encoding.encode()]
        missing = [b""] * 8
        return _Asked(delimiters=STANDARD, fields=[*standard, *missing, b"P", _DEFAULT_VERSION])
    if not declares(readable(fields[2])):
        fields = _with_standard_encoding(fields)
    return _Asked(delimiters=declared_delimiters(readable(fields[1]), readable(fields[2])), fields=fields)


def _with_standard_encoding(fields: list[bytes]) -> list[bytes]:
    """The header with the usual MSH-2, and with the usual MSH-1 where the sender's is one of those characters."""
    mark, encoding = fields[1], STANDARD.encoding.encode()
    if mark not in encoding:
        return [b"MSH", mark, encoding, *fields[3:]]
    usual = STANDARD.field.encode()
    return [b"MSH", usual, encoding, *(part.replace(usual, b"\\F\\") for part in fields[3:])]


def _version(asked: _Asked) -> tuple[int, ...]:
    """MSH-12.1 as numbers; one that is no version number counts as the newest, whose answer says most."""
    return _numbers(asked.field(12), asked.delimiters.component)


@lru_cache(maxsize=64)
def _numbers(version: bytes, component: str) -> tuple[int, ...]:
    parts = (readable(version).split(component)[0] if component else readable(version)).split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        return (99,)
    return tuple(int(part[:4]) for part in parts)


def _msh(asked: _Asked, version: tuple[int, ...], now: datetime, control_id: str, *, asks_none: bool) -> bytes:
    own = escape(control_id, asked.delimiters).encode("ascii", "replace")
    marks = _marks(asked.delimiters)
    stamp = _stamp(now, fraction=_has_fraction(version, marks), marks=marks)
    return asked.separator.join(_msh_fields(asked, version, stamp=stamp, control_id=own, asks_none=asks_none))


def _msh_fields(
    asked: _Asked, version: tuple[int, ...], *, stamp: bytes, control_id: bytes, asks_none: bool
) -> list[bytes]:
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
    wishes = [b"", b"", _NEVER, _NEVER] if asks_none else []
    if asked.field(18):
        wishes += [b""] * (5 - len(wishes)) + [asked.field(18)]
    return fields + wishes


def _stamp(now: datetime, *, fraction: bool, marks: str) -> bytes:
    """MSH-7; an offset whose sign the sender uses as a delimiter is left out."""
    iso = now.isoformat(timespec="milliseconds" if fraction else "seconds")
    end = 23 if fraction else 19
    moment = iso[:end].encode().translate(None, _BETWEEN_PARTS)
    return moment if iso[end] in marks else moment + (iso[end : end + 3] + iso[end + 4 : end + 6]).encode()


def _has_fraction(version: tuple[int, ...], marks: str) -> bool:
    """Whether MSH-7 tells milliseconds: not where the sender uses the point as a delimiter."""
    return version >= FIRST_WITH_ERR_FIELDS and "." not in marks


def _marks(delimiters: Delimiters) -> str:
    return delimiters.field + delimiters.encoding


def _answer_type(asked: _Asked, version: tuple[int, ...]) -> bytes:
    mark = asked.delimiters.component.encode("utf-8", "replace")
    trigger = (asked.field(9).split(mark) if mark else [asked.field(9)])[1:2]
    if version < _FIRST_WITH_TRIGGER or not trigger or not trigger[0]:
        return b"ACK"
    parts = [b"ACK", trigger[0], *([b"ACK"] if version >= _FIRST_WITH_STRUCTURE else [])]
    return mark.join(parts)


def _msa(asked: _Asked, answer: Answer, raw: bytes) -> bytes:
    fields = [b"MSA", answer.code.encode(), asked.field(10)]
    if answer.code not in _ACCEPTING:
        fields.append(_encoded(sentence(answer, asked.delimiters), raw))
    return asked.separator.join(fields)


def _encoded(text: str, raw: bytes) -> bytes:
    if text.isascii():
        return text.encode("ascii")
    try:
        return text.encode(read_message(raw).charset, "replace")
    except NotHl7:
        return text.encode()
