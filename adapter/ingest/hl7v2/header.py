"""A look at MSH on the bytes, without reading the message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from adapter.ingest.hl7v2.charsets import wide_codec
from adapter.ingest.hl7v2.delimiters import Delimiters, declared_delimiters
from adapter.ingest.hl7v2.escapes import unescape
from adapter.ingest.hl7v2.heads import heads

USUAL_HEADER_BYTES = 2048
_BEHIND_CONTROL_ID = 10
"""The place behind MSH-10 in a header that is split at its separators."""
_FIELD, _OWN = rb"[^|]{0,180}+", rb"[ -{]{0,100}+"
_EVERYDAY = re.compile(
    rb"MSH\|(" + rb"\|".join([_FIELD] * 5) + rb")\|(" + _OWN + rb")\|(" + _FIELD + rb"\|" + _FIELD + rb")\|"
    rb"(" + _OWN + rb")\|([^\r]{0,500}+)\r"
)  # fmt: skip
"""MSH-2 to 6, MSH-7, MSH-8 and 9, MSH-10, and what is behind, of headers that are shorter than USUAL_HEADER_BYTES."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What MSH says of a message; every part empty when there is no MSH."""

    sender: str = ""
    """`MSH-3.1|MSH-4.1`, without the blanks around each: they never tell two senders apart."""
    sent: str = ""
    """MSH-7 whole."""
    control_id: str = ""
    """MSH-10 whole."""
    message_type: str = ""
    """`ORU^R01`: the first two components of MSH-9."""
    version: str = ""
    """MSH-12.1."""
    field_separator: str = ""
    accept_acknowledgment: str = ""
    """MSH-15 (table 0155)."""
    application_acknowledgment: str = ""
    """MSH-16 (table 0155)."""
    charset: str = ""
    """First repetition of MSH-18."""

    @property
    def is_acknowledgment(self) -> bool:
        """Whether the message is itself an answer, which is never answered."""
        return is_acknowledgment(self.message_type)


def is_acknowledgment(message_type: str) -> bool:
    """Whether messages of this type are answers themselves: ACK, or MCF as it was called before HL7 2.2."""
    return message_type.partition("^")[0] in ("ACK", "MCF")


def header_line(raw: bytes) -> bytes:
    """The line of the first MSH; empty when there is none."""
    start = 0
    if not raw.startswith(b"MSH|"):
        start = next((place for name, place in heads(raw) if name == b"MSH"), -1)
        if start < 0:
            return b""
    end = raw.find(b"\r", start)
    line = raw[start : end if end >= 0 else len(raw)]
    if b"\n" in line:
        line = line[: line.index(b"\n")]
    return line[:-1] if line.endswith(b"\x1c") else line


def header_fields(raw: bytes) -> list[bytes]:
    """The raw fields of the first MSH, numbered as the standard does: [0] `MSH`, [1] separator, [2] MSH-2, ...

    Empty when there is no MSH.
    """
    line = header_line(raw)
    separator = line[3:4]
    if not separator:
        return [b"MSH"] if line else []
    fields = line.split(separator)
    fields.insert(1, separator)
    return fields


class Envelope(NamedTuple):
    """The MSH of one message: what a sender repeats with every message of a kind, and what is its own."""

    repeated: tuple[bytes, ...]
    """MSH-2 to 6 in one, 8 and 9 in one, and everything behind MSH-10 in one."""
    sent: bytes
    """MSH-7."""
    control_id: bytes
    """MSH-10."""


def envelope_of(raw: bytes) -> Envelope | None:
    """The envelope of a message with a usual header; None for one that has to be read with more care.

    Usual: it comes first, is ASCII, uses `|`, ends with a carriage return, goes on behind MSH-10, and is no longer than
    headers are: what a peer writes there is remembered in many places.
    """
    found = _everyday(raw)
    if found:
        before, sent, kinds, control_id, behind = found.groups()
        repeated = (before, kinds, behind)
        if _is_plain(repeated):
            return _new(Envelope, (repeated, sent, control_id))
    return _envelope_with_care(raw)


_everyday = _EVERYDAY.match
_new = tuple.__new__  # what a NamedTuple does before it comes to this costs twice as much


@lru_cache(maxsize=4096)
def _is_plain(repeated: tuple[bytes, ...]) -> bool:
    return all(map(_is_of_one_line, repeated))


def _is_of_one_line(part: bytes) -> bool:
    return part.isascii() and not any(sign in part for sign in b"\r\n\x1c")


def _envelope_with_care(raw: bytes) -> Envelope | None:
    end = raw.find(b"\r")
    line = raw[:end]
    if end < 0 or end > USUAL_HEADER_BYTES or not line.startswith(b"MSH|") or not _is_of_one_line(line):
        return None
    part = line.split(b"|", _BEHIND_CONTROL_ID)
    if len(part) <= _BEHIND_CONTROL_ID:
        return None
    return Envelope((b"|".join(part[1:6]), b"|".join(part[7:9]), part[10]), part[6], part[9])


def header_line_of(repeated: tuple[bytes, ...]) -> bytes:
    """The header of an envelope, with MSH-7 and MSH-10 empty."""
    before, kinds, behind = repeated
    return b"|".join((b"MSH", before, b"", kinds, b"", behind))


@lru_cache(maxsize=4096)
def header_without_own(repeated: tuple[bytes, ...]) -> Header:
    """What the header of an envelope says, with MSH-7 and MSH-10 empty."""
    return _read(header_line_of(repeated).decode(), "|")


class Headed(NamedTuple):
    """The header of a message with what is its own apart, so that the rest can be remembered."""

    header: Header
    """Its MSH-7 and MSH-10 may be empty."""
    envelope: Envelope | None
    sent: str
    control_id: str


def headed(raw: bytes) -> Headed:
    """What `peek` tells, cheaper for a message with a usual header."""
    envelope = envelope_of(raw)
    if envelope is None:
        header = peek(raw)
        return Headed(header, None, header.sent, header.control_id)
    control_id = envelope.control_id.decode()
    own = "" if control_id.isspace() else control_id
    return Headed(header_without_own(envelope.repeated), envelope, envelope.sent.decode().strip(), own)


def peek(raw: bytes) -> Header:
    """Sender, control id, type and version of a message, from its bytes; never raises."""
    line = header_line(raw)
    if not line and (wide := wide_codec(raw)):
        line = header_line(raw.decode(wide, "replace").encode())
    separator = readable(line[3:4])
    return _read(readable(line), separator) if separator else Header()


def _read(line: str, separator: str) -> Header:
    field = line.split(separator)
    field += [""] * (18 - len(field))
    # Without MSH-1, field n of the standard is entry n - 1.
    delimiters = declared_delimiters(separator, field[1])
    kind = field[8].split(delimiters.component or None)
    return Header(
        sender=f"{_first(field[2], delimiters).strip()}|{_first(field[3], delimiters).strip()}",
        sent=field[6].strip(),
        control_id=field[9] if not field[9].isspace() else "",
        message_type="^".join(kind[:2]).rstrip("^"),
        version=_first(field[11], delimiters),
        field_separator=separator,
        accept_acknowledgment=field[14],
        application_acknowledgment=field[15],
        charset=field[17].split(delimiters.repetition or None, 1)[0] if field[17] else "",
    )


def readable(part: bytes) -> str:
    """Header bytes as text before the character set is known: UTF-8 when they are, else Latin-1."""
    try:
        return part.decode()
    except UnicodeDecodeError:
        return part.decode("iso-8859-1")


def _first(field: str, delimiters: Delimiters) -> str:
    if delimiters.component and delimiters.component in field:
        field = field[: field.index(delimiters.component)]
    return unescape(field, delimiters)
