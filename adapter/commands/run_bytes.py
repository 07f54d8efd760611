"""Where the characters of an HL7 message lie among its bytes."""

from __future__ import annotations

from adapter.ingest.hl7v2 import Message, Segment


class ByteOffsets:
    """The first byte of every segment, counted once, so that a place costs no more than its segment is long."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._mark = len("".encode(message.charset))  # UTF-16 begins every piece with a byte order mark
        self._heads: dict[int, int] = {}
        character, head = 0, self._mark
        for segment in message.segments:
            head += self._length(character, segment.start)
            character = segment.start
            self._heads[segment.index] = head

    def span(self, segment: Segment, start: int, end: int) -> tuple[int, int]:
        """The first byte of some characters of a segment, and the byte behind the last."""
        head = self._heads[segment.index]
        return head + self._length(segment.start, start), head + self._length(segment.start, end)

    def _length(self, start: int, end: int) -> int:
        return len(self._message.text[start:end].encode(self._message.charset)) - self._mark
