"""What the codes of a field are to us, remembered: a laboratory sends the same few codes again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Generic, Literal, NamedTuple, TypeVar

from adapter.ingest.code_lookup import Hit, Triplet, judge
from adapter.ingest.hl7v2 import Delimiters, Segment
from adapter.ingest.v2_fields import names_of
from adapter.knowledge.spec import Table

Answer = TypeVar("Answer")
REMEMBERED = 4_096
LONGEST_REMEMBERED = 200
"""A field of more characters is judged each time, so that no sender can fill the memory."""


class FieldMemory(Generic[Answer]):
    """What fields of HL7 v2 messages say, remembered by raw text, delimiters, character set and sender."""

    def __init__(self, work: Callable[[Segment, int, str], Answer]) -> None:
        self._work = work
        self._remembered = lru_cache(maxsize=REMEMBERED)(self._of_text)

    def read(self, segment: Segment, number: int, sender: str) -> Answer:
        """The answer of the work for a field of a segment."""
        text = segment.field(number)
        if len(text) > LONGEST_REMEMBERED or len(sender) > LONGEST_REMEMBERED:
            return self._work(segment, number, sender)
        return self._remembered(text, segment.delimiters, segment.codec, sender)

    def _of_text(self, text: str, delimiters: Delimiters, codec: str, sender: str) -> Answer:
        alone = Segment(
            name="",
            text=f"{delimiters.field}{text}",
            index=0,
            occurrence=1,
            start=0,
            delimiters=delimiters,
            codec=codec,
        )
        return self._work(alone, 1, sender)


class CodedField(NamedTuple):
    """One coded field, judged."""

    verdict: Literal["ours", "near", "other"]
    hit: Hit | None
    triplets: tuple[Triplet, ...]


class CodeJudge:
    """Judges coded fields of HL7 v2 messages by one table and its near words."""

    def __init__(self, table: Table, near: Sequence[str]) -> None:
        self._table = table
        self._near = near
        self._memory = FieldMemory(self._judged)

    def judge(self, segment: Segment, number: int, sender: str) -> CodedField:
        """The verdict on a field of a segment, and all the names in it."""
        return self._memory.read(segment, number, sender)

    def concerns(self, segment: Segment, number: int, sender: str) -> bool:
        """Whether a field names a test of ours, or one that looks like it."""
        return self.judge(segment, number, sender).verdict != "other"

    def _judged(self, segment: Segment, number: int, sender: str) -> CodedField:
        triplets = tuple(names_of(segment, number))
        return CodedField(*judge(self._table, triplets, self._near, sender), triplets)
