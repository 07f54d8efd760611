"""Changes of one message that leave all else as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapter.ingest.hl7v2 import Message, Segment, read_message


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """The message that reads well, and where in it the result stands."""

    message: Message
    result: Segment
    """The OBX with a code of ours."""
    order: Segment
    """Its OBR."""

    def can_hold(self, text: str) -> bool:
        """Whether the character set of the message has these characters."""
        try:
            text.encode(self.message.charset)
        except UnicodeEncodeError:
            return False
        return True

    def put(self, name: str, number: int, raw: str) -> Message:
        """The message with a field of MSH, PID, or of the order or the result replaced as a whole."""
        segment = {"OBX": self.result, "OBR": self.order}.get(name) or self.message.first(name)
        return put(self.message, segment, number, raw) if segment else self.message

    def at(self, message: Message) -> Good:
        """The same place in a changed message of the same lines."""
        return Good(
            message=message,
            result=message.segments[self.result.index],
            order=message.segments[self.order.index],
        )

    def with_fields(self, *fields: tuple[str, int, str]) -> Good:
        """Several fields replaced."""
        good = self
        for name, number, raw in fields:
            good = good.at(good.put(name, number, raw))
        return good


def put(message: Message, segment: Segment, number: int, raw: str) -> Message:
    """The message with one field as these characters, separators included; what is missing before it is made."""
    start, end = segment.span(number)
    missing = message.delimiters.field * max(number - segment.field_count(), 0)
    return again(message, message.text[:start] + missing + raw + message.text[end:])


def again(message: Message, text: str) -> Message:
    """The text as a message."""
    return read_message(text.encode(message.charset), message.default_charset)


def lines_of(message: Message) -> list[str]:
    """The segments as text."""
    return [segment.text for segment in message.segments]


def from_lines(message: Message, lines: Sequence[str]) -> Message:
    """The message with other segments, each ended by a carriage return."""
    return again(message, "".join(f"{line}\r" for line in lines))


def each_line(message: Message, change: Callable[[str], str]) -> Message:
    """Every segment behind MSH changed."""
    first, *rest = lines_of(message)
    return from_lines(message, [first, *map(change, rest)])


def with_line(message: Message, place: int, line: str) -> Message:
    """A segment more, at that place."""
    lines = lines_of(message)
    return from_lines(message, [*lines[:place], line, *lines[place:]])


def without(message: Message, name: str) -> list[str]:
    """The lines but for those of one segment name."""
    return [segment.text for segment in message.segments if segment.name != name]


def later(text: str, hours: int) -> str:
    """A time of HL7 v2 some hours on, in the same form; as it is where it has no time of day."""
    digits = text[: next((place for place, char in enumerate(text) if not char.isdigit()), len(text))]
    form = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M"}.get(len(digits))
    if form is None:
        return text
    moved = datetime.strptime(digits, form) + timedelta(hours=hours)  # noqa: DTZ007 - the offset stays behind it
    return moved.strftime(form) + text[len(digits) :]
