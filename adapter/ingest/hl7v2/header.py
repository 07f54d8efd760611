"""A look at MSH on the bytes, without reading the message."""

from __future__ import annotations

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
    """MSH-2 to 6, 8, 9, and everything behind MSH-10 in one."""
    sent: bytes
    """MSH-7."""
    control_id: bytes
    """MSH-10."""


def envelope_of(raw: bytes) -> Envelope | None:
    """The envelope of a message with a usual header; None for one that has to be read with more care.

    Usual: it comes first, is ASCII, uses `|`, ends with a carriage return, goes on behind MSH-10, and is no longer than
    headers are: what a peer writes there is remembered in many places.
    """
    end = raw.find(b"\r")
    line = raw[:end]
    if (
        end < 0
        or end > USUAL_HEADER_BYTES
        or not line.startswith(b"MSH|")
        or not line.isascii()
        or b"\n" in line
        or b"\x1c" in line
    ):
        return None
    part = line.split(b"|", _BEHIND_CONTROL_ID)
    if len(part) <= _BEHIND_CONTROL_ID:
        return None
    repeated = (part[1], part[2], part[3], part[4], part[5], part[7], part[8], part[10])
    return Envelope(repeated, part[6], part[9])


@lru_cache(maxsize=4096)
def header_without_own(repeated: tuple[bytes, ...]) -> Header:
    """The header of an envelope, with MSH-7 and MSH-10 empty."""
    *before, kind_before, kind, behind = repeated
    return _read(b"|".join((b"MSH", *before, b"", kind_before, kind, b"", behind)).decode(), "|")


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
