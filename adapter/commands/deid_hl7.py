"""One HL7 v2 message without what identifies: segment by segment, everything off the keep list gone."""

from __future__ import annotations

from collections.abc import Iterator

from adapter.commands.deid_keep_list import Rule
from adapter.commands.deid_leaf import Gone, Left, Means, Notes, Person, leaf_out
from adapter.commands.deid_words import UNIT_REMOVED
from adapter.ingest.hl7v2 import NULL, Delimiters, Message, Segment, escape, unescape

_HEADERS = ("MSH", "FHS", "BHS")
_ENVELOPES = ("FHS", "BHS", "BTS", "FTS")
_WHOLE = ("fixed", "person", "value")
"""What is decided for a repetition as one."""


def message_out(message: Message, person: Person, means: Means, notes: Notes) -> bytes:
    """The message as it may be shared; line ends, delimiters and character set stay."""
    pieces: list[str] = []
    passed = 0
    for segment in message.segments:
        before, end = message.text[passed : segment.start], segment.start + len(segment.text)
        line = segment_out(segment, message.delimiters, message.charset, person, means, notes)
        passed = end
        if line is None:
            # What ends the line before is kept; this line goes with the one behind it.
            passed = _behind_line_end(message.text, end)
        pieces += [before] if line is None else [before, line]
    pieces.append(message.text[passed:])
    return "".join(pieces).encode(message.charset)


def envelope_out(raw: bytes, means: Means, person: Person, notes: Notes) -> bytes:
    """A header or trailer of a batch, which is no message by itself."""
    text = raw.decode("iso-8859-1")
    content = text.rstrip("\r\n\x1c\x0b \t")
    name = content[:3] if content[:3] in _ENVELOPES else ""
    mark = content[3:4] if name in ("FHS", "BHS") and content[3:4] else "|"
    segment = Segment(
        name=name, text=content, index=0, occurrence=1, start=0, delimiters=Delimiters(field=mark), codec="iso-8859-1"
    )
    line = segment_out(segment, Delimiters(field=mark), "iso-8859-1", person, means, notes) or ""
    return (line + (text[len(content) :] if line else "")).encode("iso-8859-1")


def segment_out(
    segment: Segment, delimiters: Delimiters, charset: str, person: Person, means: Means, notes: Notes
) -> str | None:
    """The line of a segment; None when no line of the keep list names it."""
    if segment.name not in means.keep.segments:
        place = segment.name or "(a line that is no segment)"
        notes.cleared(place, segment.text, means.keep.level(place), done="removed")
        return None
    header = segment.name in _HEADERS
    fields = [segment.field(number) for number in range(segment.field_count() + 1)]
    first = 3 if header else 1
    for number in range(first, len(fields)):
        if fields[number] and fields[number].strip() != NULL:
            fields[number] = _Field(segment, number, delimiters, charset).out(person, means, notes)
    if header:
        notes.left += [Left(place=f"{segment.name}-2", do="keep", text=text) for text in fields[2:3]]
        return segment.name + delimiters.field + delimiters.field.join(fields[2:])
    return delimiters.field.join(fields)


class _Field:
    """One field of one segment, taken apart and put together again."""

    def __init__(self, segment: Segment, number: int, delimiters: Delimiters, charset: str) -> None:
        self._segment, self._number = segment, number
        self._delimiters, self._charset = delimiters, charset
        self._place = f"{segment.name}-{number}"

    def out(self, person: Person, means: Means, notes: Notes) -> str:
        """The field as it may be shared; its separators stay where something is left of it."""
        raw = self._segment.repetitions(self._number)
        repetitions = [self._repetition(one, person, means, notes) for one in raw]
        mark = self._delimiters.repetition
        return mark.join(repetitions) if any(repetitions) else ""

    def _repetition(self, raw: str, person: Person, means: Means, notes: Notes) -> str:
        rule = means.keep.rule(self._segment.name, self._number)
        if not raw or raw == NULL:
            return raw
        if rule and rule.do in _WHOLE:
            return self._whole(raw, rule, person, means, notes)
        mark = self._delimiters.component
        components = list(self._components(raw.split(mark) if mark else [raw], person, means, notes))
        return mark.join(components) if any(components) else ""

    def _whole(self, raw: str, rule: Rule, person: Person, means: Means, notes: Notes) -> str:
        mark = self._delimiters.component
        components = [self._decoded(part) for part in (raw.split(mark) if mark else [raw])]
        if rule.do == "value":
            return self._value(components, raw, person.days, means, notes)
        text = next((part for part in components if part), "")
        for part in components:
            if part and part != text:
                notes.gone.append(Gone(place=self._place, text=part, level="name"))
        new = leaf_out(text, rule, self._place, person, means, notes)
        return mark.join(map(self._encoded, new.split("^"))) if rule.do == "fixed" else self._encoded(new)

    def _value(self, components: list[str], raw: str, days: int, means: Means, notes: Notes) -> str:
        declared = (self._segment.value(2) or "") if self._number == 5 else ""
        kept = means.words.result(components, declared, days)
        for text, new in zip(components, kept, strict=True):
            if text != new:
                notes.cleared(self._place, text, "word", done="shortened" if new else "cleared")
                notes.units[self._place] += new.endswith(UNIT_REMOVED)
            if new:
                notes.left.append(Left(place=self._place, do="value", text=new))
        if kept == components:
            return raw
        return self._delimiters.component.join(map(self._encoded, kept)) if any(kept) else ""

    def _components(self, parts: list[str], person: Person, means: Means, notes: Notes) -> Iterator[str]:
        mark = self._delimiters.subcomponent
        for component, raw in enumerate(parts, start=1):
            inner = raw.split(mark) if mark else [raw]
            kept = [
                self._leaf(part, component, number, person, means, notes) for number, part in enumerate(inner, start=1)
            ]
            yield mark.join(kept) if any(kept) else ""

    def _leaf(self, raw: str, component: int, part: int, person: Person, means: Means, notes: Notes) -> str:
        if not raw or raw == NULL:
            return raw
        rule = means.keep.rule(self._segment.name, self._number, component, part)
        text = self._decoded(raw)
        place = self._place if component == 1 and part == 1 else f"{self._place}.{component}"
        new = leaf_out(text, rule, place, person, means, notes) if text.strip() else ""
        return raw if new == text else self._encoded(new)

    def _decoded(self, raw: str) -> str:
        return unescape(raw, self._delimiters, self._charset)

    def _encoded(self, text: str) -> str:
        return escape(text, self._delimiters, self._charset)


def _behind_line_end(text: str, place: int) -> int:
    """The place behind the line end at `place`."""
    if text.startswith("\r\n", place):
        return place + 2
    return place + 1 if text[place : place + 1] in ("\r", "\n") and text[place : place + 1] else place
