"""An HL7 v2 message read without loss: every byte that came can be given back."""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapter.domain.problems import Problem, problem
from adapter.ingest.hl7v2.charsets import Decoded, decode, wide_codec
from adapter.ingest.hl7v2.delimiters import STANDARD, Delimiters, declared_delimiters
from adapter.ingest.hl7v2.header import header_fields, readable
from adapter.ingest.hl7v2.paths import parse_path
from adapter.ingest.hl7v2.segment import Segment

_LINE = re.compile(r"[^\r\n\x0b\x1c\ufeff \t][^\r\n]*")
"""One line without what may lie before it: a byte-order mark, frame bytes, blanks."""

_NAME = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII)

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


def read_message(raw: bytes, default_charset: str | None = None) -> Message:
    """Read one message: any line end, declared delimiters, MSH-18 with its fallbacks; content is never refused.

    Beyond SEGMENTS_LIMIT lines the rest stays one line of no name, and that is a problem. Raises NotHl7, without
    content, when there is no MSH.
    """
    fields = header_fields(raw)
    decoded = decode(raw, _declared(fields), default_charset) if fields else _wide(raw)
    if decoded is None:
        raise NotHl7("no MSH segment")
    delimiters = _delimiters(decoded.text)
    segments = _segments(decoded.text, delimiters, decoded.codec)
    return Message(
        text=decoded.text,
        segments=segments,
        delimiters=delimiters,
        charset=decoded.codec,
        problems=_problems(fallback=decoded.fallback, lines=len(segments)),
        default_charset=default_charset,
    )


def _problems(*, fallback: bool, lines: int) -> tuple[Problem, ...]:
    found: list[Problem] = []
    if fallback:
        found.append(problem("charset-fallback", where="MSH[1]-18", location="MSH^1^18"))
    if lines > SEGMENTS_LIMIT:
        found.append(problem("too-many-segments"))
    return tuple(found)


def _wide(raw: bytes) -> Decoded | None:
    codec = wide_codec(raw)
    try:
        text = raw.decode(codec) if codec else ""
    except UnicodeDecodeError:
        return None
    return Decoded(text=text, codec=codec, fallback=False) if codec and header_fields(text.encode()) else None


def _declared(fields: list[bytes]) -> str:
    if len(fields) <= 18:
        return ""
    repetition = readable(fields[2])[1:2]
    return readable(fields[18]).split(repetition or None, 1)[0].strip() if fields[18].strip() else ""


def _delimiters(text: str) -> Delimiters:
    line = next((found.group() for found in _LINE.finditer(text) if found.group().startswith("MSH")), "MSH")
    if len(line) == 3 or line[3].isalnum():
        return STANDARD
    return declared_delimiters(line[3], line[4:].split(line[3], 1)[0].rstrip("\x1c"))


def _segments(text: str, delimiters: Delimiters, codec: str) -> tuple[Segment, ...]:
    counts: dict[str, int] = {}
    segments: list[Segment] = []
    framed = "\x1c" in text
    for found in _LINE.finditer(text):
        beyond = len(segments) == SEGMENTS_LIMIT
        line = text[found.start() :] if beyond else found.group()
        if framed:
            line = line.rstrip("\x1c")
        name = "" if beyond else _name(line, delimiters.field)
        occurrence = counts[name] = counts.get(name, 0) + 1
        segments.append(
            Segment(
                name=name,
                text=line,
                index=len(segments),
                occurrence=occurrence,
                start=found.start(),
                delimiters=delimiters,
                codec=codec,
            )
        )
        if beyond:
            break
    return tuple(segments)


def _name(line: str, separator: str) -> str:
    if line[3:4] not in ("", separator) and line[3:].strip():
        return ""
    name = line[:3]
    return name if _NAME.fullmatch(name) else ""
