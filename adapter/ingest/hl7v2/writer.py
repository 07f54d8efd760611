"""Writing HL7 v2: a new message, or another value at one place of a message that was read; all else keeps its bytes."""

from __future__ import annotations

from adapter.ingest.hl7v2.charsets import codec_of
from adapter.ingest.hl7v2.delimiters import STANDARD, Delimiters
from adapter.ingest.hl7v2.escapes import escape
from adapter.ingest.hl7v2.message import Message, read_message
from adapter.ingest.hl7v2.paths import Path, parse_path
from adapter.ingest.hl7v2.segment import NULL, Segment

FIELDS_LIMIT = 1_000
"""Most fields, repetitions or components a path may make room for."""

_HEADERS = ("MSH", "FHS", "BHS")


class CannotWriteError(ValueError):
    """The message cannot hold that there; the text says why, without content."""


def new_message(charset: str = "UNICODE UTF-8", delimiters: Delimiters = STANDARD) -> Message:
    """A message that is an MSH with its delimiters and MSH-18 only, to be filled with `with_value`.

    `charset` is a name of HL7 table 0211. Raises CannotWriteError when it is not known.
    """
    codec = codec_of(charset)
    if codec is None:
        raise CannotWriteError("the character set is not one of HL7 table 0211")
    line = f"MSH{delimiters.field}{delimiters.encoding}{delimiters.field * 16}{charset}\r"
    return read_message(line.encode(codec))


def with_segment(message: Message, name: str, *, before: int | None = None) -> Message:
    """The message with an empty segment of that name before the segment at that index; at the end without one.

    It ends as the header line does. Raises CannotWriteError when the name is no segment's name.
    """
    end = _line_end(message)
    segments = message.segments
    if before is not None and not 0 < before < len(segments):
        raise CannotWriteError("a segment goes behind the first one and before one that is there")
    if before is not None:
        place, line = segments[before].start, f"{name}{end}"
    else:
        place = segments[-1].start + len(segments[-1].text)
        line = f"{end}{name}"
    edited = _reread(message, message.text[:place] + line + message.text[place:])
    index = len(segments) if before is None else before
    if len(edited.segments) != len(segments) + 1 or edited.segments[index].name != name:
        raise CannotWriteError("a segment's name is three letters or digits, such as OBX or ZAP")
    return edited


def with_value(message: Message, path: str, text: str | None) -> Message:
    """The message with that text at a place such as `PID-3(2).1`; what is missing before it is made, empty.

    `message.get(path)` gives the text back, whatever it holds; None or an empty text empties the place.
    Raises CannotWriteError when the segment is not there, the message declares no separator for the place or no
    escape character, its character set lacks a character, or another character set would be read from the result.
    Raises ValueError when `path` is no path.
    """
    raw = _escaped(text, message) if text else ""
    edited = _with_raw(message, path, raw)
    if edited.get(path) != (text or None):
        raise CannotWriteError(f"{path}: the delimiters or the character set of the message cannot carry this text")
    return edited


def with_null(message: Message, path: str) -> Message:
    """The message with the explicit null `""` at a place: the receiver shall delete what he has (HL7 2.5, 2.5.3.4).

    Raises as `with_value` does.
    """
    if '"' in message.delimiters.field + message.delimiters.encoding:
        raise CannotWriteError(f"{path}: the message uses the quotation mark as a delimiter")
    return _with_raw(message, path, NULL)


def _escaped(text: str, message: Message) -> str:
    written = escape(text, message.delimiters, message.charset)
    if written != NULL or not message.delimiters.escape:
        return written
    # Two quotation marks that are meant as text must not read as the explicit null.
    mark = message.delimiters.escape
    return f'{mark}X{chr(34).encode(message.charset).hex()}{mark}"'


def _with_raw(message: Message, path: str, raw: str) -> Message:
    place = parse_path(path)
    segment = _segment(message, place)
    if max(place.field, place.repetition, place.component, place.subcomponent) > FIELDS_LIMIT:
        raise CannotWriteError(f"{path}: nothing beyond {FIELDS_LIMIT} is written")
    if min(place.field, place.repetition, place.component, place.subcomponent) < 1:
        raise CannotWriteError(f"{path}: places are counted from 1")
    if segment.name in _HEADERS and place.field <= 2:
        raise CannotWriteError(f"{path} declares the delimiters: make a new message")
    missing = place.field - segment.field_count()
    start, end = segment.span(place.field)
    mark = message.delimiters.field
    field = mark * max(missing, 0) + _edited_field(segment.field(place.field), place, raw, message.delimiters)
    return _reread(message, message.text[:start] + field + message.text[end:])


def _segment(message: Message, place: Path) -> Segment:
    for segment in message.segments:
        if segment.name == place.segment and segment.occurrence == place.occurrence:
            return segment
    raise CannotWriteError(f"the message has no {place.segment}[{place.occurrence}]; add the segment first")


def _edited_field(field: str, place: Path, raw: str, delimiters: Delimiters) -> str:
    """The field with one sub-component replaced; its other repetitions, components and sub-components stay."""
    levels = (
        (delimiters.repetition, place.repetition, "repetition"),
        (delimiters.component, place.component, "component"),
        (delimiters.subcomponent, place.subcomponent, "sub-component"),
    )
    return _edited(field, levels, raw)


def _edited(text: str, levels: tuple[tuple[str, int, str], ...], raw: str) -> str:
    if not levels:
        return raw
    (mark, number, what), *deeper = levels
    if not mark and number > 1:
        raise CannotWriteError(f"the message declares no {what} separator")
    parts = text.split(mark) if mark else [text]
    parts += [""] * (number - len(parts))
    parts[number - 1] = _edited(parts[number - 1], tuple(deeper), raw)
    return mark.join(parts)


def _reread(message: Message, text: str) -> Message:
    """Read what was written as its receiver will; a result that reads otherwise is refused."""
    try:
        raw = text.encode(message.charset)
    except UnicodeEncodeError:
        raise CannotWriteError(f"the character set of the message ({message.charset}) lacks a character") from None
    edited = read_message(raw, message.default_charset)
    if edited.text != text or edited.delimiters != message.delimiters:
        raise CannotWriteError("the message would be read in another character set; declare one in MSH-18")
    return edited


def _line_end(message: Message) -> str:
    """What ends the first line of the message; a carriage return when nothing does."""
    first = message.segments[0]
    behind = message.text[first.start + len(first.text) :][:2]
    if behind.startswith("\r\n"):
        return "\r\n"
    return "\n" if behind.startswith("\n") else "\r"
