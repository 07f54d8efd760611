"""One segment of a message, read only as far as it is asked."""

from __future__ import annotations

from adapter.ingest.hl7v2.delimiters import Delimiters
from adapter.ingest.hl7v2.escapes import unescape

NULL = '""'
"""The explicit null of HL7: the sender deletes the value."""

_HEADERS = frozenset({"MSH", "FHS", "BHS"})
"""Segments whose first field is the separator itself."""


class Segment:
    """One line of a message; fields are numbered as the standard does, MSH-1 being the separator.

    A plain class with slots and not a frozen dataclass: one is made per line of every relevant message, and its
    fields are split on the first question.
    """

    __slots__ = ("_fields", "_repeated", "codec", "delimiters", "index", "name", "occurrence", "start", "text")

    def __init__(
        self, name: str, text: str, index: int, occurrence: int, start: int, delimiters: Delimiters, codec: str
    ) -> None:
        self.name = name
        """`OBX`; empty when the line is no segment."""
        self.text = text
        self.index = index
        """Position in the message, from 0."""
        self.occurrence = occurrence
        """1 for the first segment of this name."""
        self.start = start
        """Offset of the line in the decoded text of the message."""
        self.delimiters = delimiters
        self.codec = codec
        self._fields: list[str] | None = None
        self._repeated: tuple[int, list[str]] | None = None
        """The field that was parted last, and its repetitions: they are asked for one after the other."""

    def __repr__(self) -> str:
        """Name and place only: a segment's content is a patient's."""
        return f"Segment({self.name!r}, index={self.index})"

    def field(self, n: int) -> str:
        """Raw text of field n, separators and escapes as sent; empty when absent."""
        fields = self._fields or self._split()
        return fields[n] if n < len(fields) else ""

    def field_count(self) -> int:
        """Number of the last field the line holds."""
        return len(self._split()) - 1

    def repetitions(self, n: int) -> list[str]:
        """Raw repetitions of field n, empty ones included; no entry when the field is absent or empty."""
        raw = self.field(n)
        if not raw:
            return []
        mark = self.delimiters.repetition
        return raw.split(mark) if mark and not self._is_declaration(n) else [raw]

    def repetition(self, n: int, number: int = 1) -> str | None:
        """One repetition of field n as sent; None where there is none."""
        fields = self._fields or self._split()
        raw = fields[n] if n < len(fields) else ""
        if not raw:
            return None
        mark = self.delimiters.repetition
        if mark and mark in raw and not self._is_declaration(n):
            repeated = self._repeated
            if repeated is None or repeated[0] != n:
                repeated = self._repeated = (n, raw.split(mark))
            values = repeated[1]
            return values[number - 1] if number <= len(values) else None
        return raw if number == 1 else None

    def components(self, n: int, repetition: int = 1) -> list[str]:
        """Decoded components of one repetition, sub-components left joined; empty texts for empty components."""
        raw = self.repetition(n, repetition)
        if not raw:
            return [] if raw is None else [""]
        mark = self.delimiters.component
        parts = raw.split(mark) if mark and not self._is_declaration(n) else [raw]
        return [unescape(part, self.delimiters, self.codec) for part in parts] if self._has_escape(raw) else parts

    def value(self, n: int, repetition: int = 1, component: int = 1, subcomponent: int = 1) -> str | None:
        """Decoded text at a place; None when it is absent, empty, or the explicit null (see `is_null`)."""
        fields = self._fields or self._split()
        raw = fields[n] if n < len(fields) else ""
        if not raw:
            return None
        if repetition == 1 and raw.isalnum():
            return raw if component == subcomponent == 1 else None
        delimiters = self.delimiters
        if repetition != 1 or delimiters.repetition in raw:
            raw = self.repetition(n, repetition) or ""
        if n <= 2 and self.name in _HEADERS:
            return raw if raw and component == subcomponent == 1 and raw != NULL else None
        raw = _part(raw, delimiters.component, component)
        if subcomponent != 1 or delimiters.subcomponent in raw:
            raw = _part(raw, delimiters.subcomponent, subcomponent)
        if not raw or raw == NULL:
            return None
        return unescape(raw, delimiters, self.codec) if delimiters.escape in raw else raw

    def whole(self, n: int, repetition: int = 1) -> str:
        """Decoded text of one repetition, blanks around it left out; empty when absent, empty or the explicit null."""
        fields = self._fields or self._split()
        raw = fields[n] if n < len(fields) else ""
        if not raw or (repetition == 1 and raw.isalnum()):
            return raw
        delimiters = self.delimiters
        if repetition != 1 or delimiters.repetition in raw:
            raw = self.repetition(n, repetition) or ""
        if not raw[-1:].isalnum():
            # Some senders write the separators of components they leave empty, also where a field has one part only.
            raw = raw.rstrip(f"{delimiters.component}{delimiters.subcomponent} ")
        bare = raw.strip()
        if bare == NULL:
            return ""
        return unescape(raw, delimiters, self.codec).strip() if delimiters.escape in raw else bare

    def parts(self, n: int, repetition: int = 1) -> list[str]:
        """Decoded first sub-component of every component of one repetition, as `value` gives them one by one.

        Empty texts for what is empty, absent or the explicit null.
        """
        raw = self.repetition(n, repetition)
        if not raw:
            return []
        delimiters = self.delimiters
        if n <= 2 and self.name in _HEADERS:
            return ["" if raw == NULL else raw]
        parts = raw.split(delimiters.component) if delimiters.component else [raw]
        mark = delimiters.subcomponent
        if mark and mark in raw:
            parts = [part.split(mark, 1)[0] for part in parts]
        if NULL in raw:
            parts = ["" if part == NULL else part for part in parts]
        if delimiters.escape in raw:
            return [unescape(part, delimiters, self.codec) for part in parts]
        return parts

    def is_null(self, n: int, repetition: int = 1) -> bool:
        """Whether the sender deletes the field: one repetition that is exactly `""`."""
        if NULL not in self.field(n):
            return False
        values = self.repetitions(n)
        return repetition <= len(values) and values[repetition - 1].strip() == NULL

    def span(self, n: int) -> tuple[int, int]:
        """Start and end of field n in the decoded text of the message; an absent field is the end of the line."""
        fields = self._split()
        if n >= len(fields):
            end = self.start + len(self.text)
            return end, end
        if self.name in _HEADERS and n >= 1:
            start = self.start + 3 if n == 1 else self.start + 4 + sum(len(part) + 1 for part in fields[2:n])
        else:
            start = self.start + sum(len(part) + 1 for part in fields[:n])
        return start, start + len(fields[n])

    def _split(self) -> list[str]:
        if self._fields is None:
            mark = self.delimiters.field
            fields = self.text.split(mark)
            if self.name in _HEADERS and len(fields) > 1:
                fields.insert(1, mark)
            self._fields = fields
        return self._fields

    def _is_declaration(self, n: int) -> bool:
        return n <= 2 and self.name in _HEADERS

    def _has_escape(self, raw: str) -> bool:
        return self.delimiters.escape in raw


def _part(raw: str, mark: str, number: int) -> str:
    """The numbered part between marks; nothing where there is none."""
    if mark and mark in raw:
        parts = raw.split(mark)
        return parts[number - 1] if number <= len(parts) else ""
    return raw if number == 1 else ""
