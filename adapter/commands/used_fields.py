"""What becomes of each filled field of an HL7 message beside a result of ours: mapped, not needed, or unread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from adapter.ingest.hl7v2 import Segment
from adapter.ingest.hl7v2.delimiters import Delimiters
from adapter.knowledge.paths import V2Path, joined, read_v2_path
from adapter.knowledge.spec import FieldSpec, Mapping

Class = Literal["mapped", "not needed", "unread"]
THE_READER = "the reader itself"
NO_SEGMENT = "a line that is no segment"
_SELECTS = "select"
_BY_THE_READER = {"MSH": frozenset({1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 15, 16, 18}), "OBR": frozenset({4})}
"""Fields that the reader, the filter and the answer use, whatever the mapping says."""
_ALL_REPETITIONS = frozenset({"quantity", "identifier"})
"""Readers for which each repetition counts, whatever the path says: a second value is a problem."""
_BLANK = " \t"
BEYOND_FIELDS, BEYOND_COMPONENTS = 1_000, 100
"""The place that stands for all fields, or all components, whose number no path can name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One filled place, and what becomes of it."""

    segment: Segment
    kind: Class
    field: int = 0
    """0 for a line that is no segment."""
    repetition: int | None = None
    """None where the whole field is one place."""
    component: int | None = None
    """None where the whole field or repetition is one place."""
    apart: bool = False
    """Whether it is a repetition beside those the mapping reads."""
    by: tuple[str, ...] = ()
    """The fields of the event that read it; or why nobody needs it."""

    @property
    def place(self) -> str:
        """`OBX-17.3`, `OBX-7(2)` for the second and every further repetition: the same in every message."""
        if not self.segment.name:
            return NO_SEGMENT
        again = f"({min(self.repetition or 1, 2)})" if self.apart else ""
        return f"{self.segment.name}-{self.field}{again}{self._within}"

    @property
    def where(self) -> str:
        """`OBX[1]-17.3`, `OBX[1]-7(2)`: in this message."""
        again = f"({self.repetition})" if self.repetition and (self.apart or self.repetition > 1) else ""
        return f"{self.segment.name}[{self.segment.occurrence}]-{self.field}{again}{self._within}"

    @property
    def _within(self) -> str:
        return f".{self.component}" if self.component else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One path of a mapping, and the field of the event it fills."""

    path: V2Path
    name: str
    every: bool

    def takes(self, segment: Segment, repetition: int) -> bool:
        """Whether it reads this repetition."""
        wanted = self.path.repetition
        if self.every or wanted == "*":
            return True
        if wanted is None or wanted.isdigit():
            return repetition == int(wanted or "1")
        component, _, word = wanted.partition("=")
        return segment.value(self.path.field, repetition, int(component)) == word


class Reads:
    """Which places mappings read, or call not needed."""

    def __init__(self, mappings: Iterable[Mapping]) -> None:
        self._readings: defaultdict[tuple[str, int], list[_Reading]] = defaultdict(list)
        self._not_needed: dict[str, str] = {}
        self._parts_not_needed: set[tuple[str, int]] = set()
        """Fields of which some component is not needed."""
        self.segments: set[str] = set(_BY_THE_READER)
        """Segments of which anything is read."""
        for mapping in mappings:
            for text, why in mapping.not_needed:
                self._leave(text, why)
            for name, text, every in _texts(mapping):
                path = read_v2_path(text)
                if path:
                    self._readings[path.segment, path.field].append(_Reading(path=path, name=name, every=every))
                    self.segments.add(path.segment)

    def _leave(self, text: str, why: str) -> None:
        self._not_needed[text.replace("(*)", "")] = why
        path = read_v2_path(text)
        if path and path.component:
            self._parts_not_needed.add((path.segment, path.field))

    def uses(self, segment: Segment, delimiters: Delimiters, *, reached: bool = True) -> Iterator[Use]:
        """Every filled place of a segment, each once; a place is no larger than what one path reads.

        Of a segment that stands where no path reaches it nothing is read, whatever the paths say.
        """
        if not segment.name:
            yield Use(segment=segment, kind="unread")
            return
        nothing = f"{_BLANK}{delimiters.component}{delimiters.subcomponent}{delimiters.repetition}"
        count = segment.field_count()
        for number in range(1, min(count + 1, BEYOND_FIELDS)):
            if not segment.field(number).strip(nothing):
                continue
            if reached:
                yield from self._of_field(segment, number, nothing)
            else:
                yield self._left(Use(segment=segment, kind="unread", field=number))
        if any(segment.field(number).strip(nothing) for number in range(BEYOND_FIELDS, count + 1)):
            yield self._left(Use(segment=segment, kind="unread", field=BEYOND_FIELDS))

    def _of_field(self, segment: Segment, number: int, nothing: str) -> Iterator[Use]:
        if number in _BY_THE_READER.get(segment.name, ()):
            yield Use(segment=segment, kind="mapped", field=number, by=(THE_READER,))
            return
        readings = self._readings.get((segment.name, number), [])
        if not readings and (segment.name, number) not in self._parts_not_needed:
            yield self._left(Use(segment=segment, kind="unread", field=number))
            return
        for repetition, raw in enumerate(segment.repetitions(number), start=1):
            if raw.strip(nothing):
                yield from self._of_repetition(segment, number, repetition, readings, nothing)

    def _of_repetition(
        self, segment: Segment, number: int, repetition: int, readings: Sequence[_Reading], nothing: str
    ) -> Iterator[Use]:
        taking = [one for one in readings if one.takes(segment, repetition)]
        at = Use(segment=segment, kind="unread", field=number, repetition=repetition, apart=bool(readings))
        if readings and not taking:
            yield self._left(at)
            return
        whole = tuple(dict.fromkeys(one.name for one in taking if one.path.component is None))
        if whole:
            yield Use(segment=segment, kind="mapped", field=number, repetition=repetition, by=whole)
            return
        for component, text in _numbered(segment.components(number, repetition)):
            if text.strip(nothing):
                by = tuple(dict.fromkeys(one.name for one in taking if one.path.component == component))
                found = Use(
                    segment=segment,
                    kind="mapped" if by else "unread",
                    field=number,
                    repetition=repetition,
                    component=component,
                    by=by,
                )
                yield found if by else self._left(found)

    def _left(self, use: Use) -> Use:
        """An unread place, as not needed where a mapping says so of it or of what it lies in."""
        name, field = use.segment.name, f"{use.segment.name}-{use.field}"
        why = next((self._not_needed[one] for one in (use.place, field, name) if one in self._not_needed), None)
        if why is None:
            return use
        return Use(
            segment=use.segment,
            kind="not needed",
            field=use.field,
            repetition=use.repetition,
            component=use.component,
            apart=use.apart,
            by=(why,),
        )


def _numbered(components: list[str]) -> list[tuple[int, str]]:
    """The components with their numbers; those no path can name as one."""
    named, others = components[: BEYOND_COMPONENTS - 1], components[BEYOND_COMPONENTS - 1 :]
    return [*enumerate(named, start=1), *([(BEYOND_COMPONENTS, "".join(others))] if others else [])]


def _texts(mapping: Mapping) -> Iterator[tuple[str, str, bool]]:
    """(field of the event, path, whether it reads every repetition)"""
    for text in mapping.select.codes:
        yield _SELECTS, text, True
    for spec in mapping.fields:
        for text in _paths(spec):
            yield spec.name, text, spec.reader in _ALL_REPETITIONS


def _paths(spec: FieldSpec) -> Iterator[str]:
    for text in (*spec.paths, spec.type_path, spec.unit_path):
        yield from joined(text) if text else ()
