"""An HL7 v2 message read without loss: every byte that came can be given back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from adapter.domain.problems import Problem, problem
from adapter.ingest.hl7v2.charsets import Decoded, decode, is_transparent, wide_codec
from adapter.ingest.hl7v2.delimiters import STANDARD, Delimiters, declared_delimiters
from adapter.ingest.hl7v2.header import Envelope, envelope_of, header_fields, header_line_of, readable
from adapter.ingest.hl7v2.paths import parse_path
from adapter.ingest.hl7v2.segment import Segment

_LINE = re.compile(r"[^\r\n\x0b\x1c\ufeff \t][^\r\n]*")
"""One line without what may lie before it: a byte-order mark, frame bytes, blanks."""

_NAME = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)

_UNUSUAL = ("\n", "\x0b", "\x1c", "\ufeff")
"""What lies between or before lines of some messages, beside the carriage return that ends a segment."""

SEGMENTS_LIMIT = 200_000
"""Most lines of one message that are read one by one: a frame of two-byte lines would need a hundred times its size."""


class NotHl7(ValueError):  # noqa: N818  (the name says what the bytes are, not that we failed)
    """The bytes hold no MSH segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: its segments in order, each a view on the decoded text."""

    text: str
    segments: tuple[Segment, ...]
    delimiters: Delimiters
    charset: str
    """Python's name of the codec in use."""
    problems: tuple[Problem, ...]
    default_charset: str | None = None
    """The character set the reader was told to try when MSH-18 says nothing useful."""

    def __repr__(self) -> str:
        """Size only: a message's content is a patient's."""
        return f"Message(segments={len(self.segments)}, charset={self.charset!r})"

    def encode(self) -> bytes:
        """The very bytes the message was read from."""
        return self.text.encode(self.charset)

    def named(self, name: str) -> tuple[Segment, ...]:
        """All segments of that name, in order."""
        return tuple(segment for segment in self.segments if segment.name == name)

    def first(self, name: str) -> Segment | None:
        """The first segment of that name."""
        return next((segment for segment in self.segments if segment.name == name), None)

    def get(self, path: str) -> str | None:
        """Decoded text at `PID-3(1).4.2`; occurrence, repetition and components default to the first.

        None when empty, absent or the explicit null. Raises ValueError when `path` is no path.
        """
        place = parse_path(path)
        found = (s for s in self.segments if s.name == place.segment and s.occurrence == place.occurrence)
        segment = next(found, None)
        if segment is None:
            return None
        return segment.value(place.field, place.repetition, place.component, place.subcomponent)


def read_message(raw: bytes, default_charset: str | None = None, envelope: Envelope | None = None) -> Message:
    """Read one message: any line end, declared delimiters, MSH-18 with its fallbacks; content is never refused.

    Beyond SEGMENTS_LIMIT lines the rest stays one line of no name, and that is a problem. Raises NotHl7, without
    content, when there is no MSH. `envelope` spares looking for it again where it is known.
    """
    envelope = envelope or envelope_of(raw)
    if envelope:
        declared = _declared_by(envelope.repeated)
        decoded: Decoded | None = decode(raw, declared.charset, default_charset)
    else:
        fields, declared = header_fields(raw), None
        decoded = decode(raw, _declared(fields), default_charset) if fields else _wide(raw)
    if decoded is None:
        raise NotHl7("no MSH segment")
    known = declared is not None and is_transparent(decoded.codec)
    delimiters = declared.delimiters if declared and known else _delimiters(decoded.text)
    segments = _segments(decoded.text, delimiters, decoded.codec)
    return Message(
        text=decoded.text,
        segments=segments,
        delimiters=delimiters,
        charset=decoded.codec,
        problems=_problems(decoded, segments) if decoded.fallback or len(segments) > SEGMENTS_LIMIT else (),
        default_charset=default_charset,
    )


def _problems(decoded: Decoded, segments: Sequence[Segment]) -> tuple[Problem, ...]:
    found: list[Problem] = []
    if decoded.fallback:
        found.append(problem("charset-fallback", where="MSH[1]-18", location="MSH^1^18"))
    if len(segments) > SEGMENTS_LIMIT:
        found.append(problem("too-many-segments"))
    return tuple(found)


class _Declared(NamedTuple):
    """What an ASCII header says of how the message is to be read."""

    charset: str
    delimiters: Delimiters


@lru_cache(maxsize=1_024)
def _declared_by(repeated: tuple[bytes, ...]) -> _Declared:
    """The same for every message with such an envelope."""
    line = header_line_of(repeated)
    return _Declared(_declared(header_fields(line)), _delimiters(line.decode()))


def _wide(raw: bytes) -> Decoded | None:
    codec = wide_codec(raw)
    try:
        text = raw.decode(codec) if codec else ""
    except UnicodeDecodeError:
        return None
    return Decoded(text=text, codec=codec, fallback=False) if codec and header_fields(text.encode()) else None


def _declared(fields: Sequence[bytes]) -> str:
    if len(fields) <= 18:
        return ""
    repetition = declared_delimiters(readable(fields[1]), readable(fields[2])).repetition
    return readable(fields[18]).split(repetition or None, 1)[0].strip() if fields[18].strip() else ""


def _delimiters(text: str) -> Delimiters:
    line = next((found.group() for found in _LINE.finditer(text) if found.group().startswith("MSH")), "MSH")
    mark = line[3:4]
    if not mark or mark.isalnum():
        return STANDARD
    end = line.find(mark, 4)
    return declared_delimiters(mark, (line[4:end] if end >= 0 else line[4:]).rstrip("\x1c"))


def _segments(text: str, delimiters: Delimiters, codec: str) -> tuple[Segment, ...]:
    counts: dict[str, int] = {}
    segments: list[Segment] = []
    mark = delimiters.field
    for index, (start, line) in enumerate(_lines(text)):
        name = _named(line[:3]) if line[3:4] == mark else _name(line)
        if index == SEGMENTS_LIMIT:
            name = ""
        occurrence = counts[name] = counts.get(name, 0) + 1
        segments.append(Segment(name, line, index, occurrence, start, delimiters, codec))
    return tuple(segments)


def _lines(text: str) -> list[tuple[int, str]]:
    """Where each line begins, and the line; behind SEGMENTS_LIMIT the rest is one."""
    if len(text) > SEGMENTS_LIMIT or any(sign in text for sign in _UNUSUAL):
        return _lines_with_care(text)
    lines: list[tuple[int, str]] = []
    start = 0
    for line in text.split("\r"):
        if line and line[0] not in " \t":
            lines.append((start, line))
        elif bare := line.lstrip(" \t"):
            lines.append((start + len(line) - len(bare), bare))
        start += len(line) + 1
    return lines


def _lines_with_care(text: str) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    for found in _LINE.finditer(text):
        beyond = len(lines) == SEGMENTS_LIMIT
        line = text[found.start() :] if beyond else found.group()
        lines.append((found.start(), line.rstrip("\x1c")))
        if beyond:
            break
    return lines


def _name(line: str) -> str:
    """The name of a line that has no fields."""
    return "" if line[3:].strip() else _named(line[:3])


@lru_cache(maxsize=1_024)
def _named(name: str) -> str:
    return name if _NAME.fullmatch(name) else ""
