"""The fields of an HL7 v2 mapping, compiled once into plain functions from a scope to what stands there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from adapter.ingest.code_lookup import Triplet
from adapter.ingest.hl7v2 import NULL, Segment
from adapter.ingest.scopes import Scope
from adapter.knowledge.paths import V2Path, joined, read_v2_path
from adapter.knowledge.spec import FieldSpec


class Found(NamedTuple):
    """A filled place of a message; some dozens are made for each result, so no frozen dataclass."""

    text: str
    segment: Segment
    field: int
    repetition: int
    path: str


PlaceReader = Callable[[Scope], Iterable[Found]]
TextReader = Callable[[Scope], Sequence[str]]
FirstReader = Callable[[Scope], str]
KeyReader = Callable[[Scope, Mapping[str, str]], str | None]
USUAL_UNIT = "OBX-6"
_FIRST: Sequence[int] = (1,)
_NOTHING: Sequence[str] = ()
_CODINGS_AT = (0, 3, 9)
_ORIGINAL_TEXT_AT = 8
_CODED_PARTS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Field:
    """One field of the mapping and its alternatives in order."""

    spec: FieldSpec
    places: tuple[V2Path, ...]
    """The first part of each alternative, to name where something is missing."""
    alternatives: tuple[PlaceReader, ...]
    texts: tuple[TextReader, ...]
    """What the alternatives find, without the places: most fields are never asked where they stood."""
    filling: tuple[tuple[FirstReader, V2Path], ...]
    """The first of these alone, each with its place."""
    first_text: FirstReader
    """What stands in the first filled place; empty when none is filled."""
    text: Callable[[Scope], str | None]
    """The first filled alternative, its repetitions joined when the mapping says so; else the default."""
    of_first_repetition: bool
    """Whether each alternative means the first repetition of its field."""
    keys: tuple[KeyReader, ...]
    type_at: V2Path | None = None
    """Where the type of a value is declared."""
    unit_at: V2Path | None = None
    """Where its unit stands."""

    def all(self, scope: Scope) -> Iterator[Found]:
        """Every filled place, alternatives in order."""
        return chain.from_iterable(read(scope) for read in self.alternatives)

    def all_texts(self, scope: Scope) -> Iterator[str]:
        """What stands in every filled place, alternatives in order."""
        return chain.from_iterable(read(scope) for read in self.texts)

    def first(self, scope: Scope) -> Found | None:
        """The first filled place."""
        for read in self.alternatives:
            found = next(iter(read(scope)), None)
            if found:
                return found
        return None

    def filled(self, scope: Scope) -> tuple[Segment, int] | None:
        """The segment and the field of the first filled place."""
        for read, path in self.filling:
            if read(scope):
                segments = scope.segments(path.segment)
                if len(segments) == 1:
                    return segments[0], path.field
                break
        else:
            return None
        found = self.first(scope)
        return (found.segment, found.field) if found else None

    def place(self, scope: Scope) -> tuple[Segment, int]:
        """Where the field should stand: the first path whose segment is there, else the row."""
        for path in self.places:
            segment = scope.segment(path.segment)
            if segment:
                return segment, path.field
        return scope.row, self.places[0].field if self.places else 0


def compile_field(spec: FieldSpec, row_name: str | None = None) -> V2Field:
    """A field of the mapping as functions; its paths were checked when the mapping was loaded.

    `row_name` is the name of the segments the mapping goes through, where it is known.
    """
    paths = [read_v2_path(joined(path)[0]) for path in spec.paths]
    texts = tuple(_text_reader(path) for path in paths if path)
    filling = tuple((_first_reader(path, row_name), path) for path in paths if path)
    first_text = _first_of([read for read, _ in filling])
    return V2Field(
        spec=spec,
        places=tuple(path for path in paths if path),
        alternatives=tuple(_place_reader(path, text) for path, text in zip(paths, spec.paths, strict=True) if path),
        texts=texts,
        filling=filling,
        first_text=first_text,
        text=_one_text(spec, first_text) if spec.join is None else _joined_text(spec, texts),
        of_first_repetition=all(_only_repetition(path) == 1 for path in paths if path),
        keys=tuple(_key_reader(path) for path in spec.paths),
        type_at=read_v2_path(spec.type_path) if spec.type_path else None,
        unit_at=read_v2_path(spec.unit_path or USUAL_UNIT),
    )


def codings(segment: Segment, number: int, repetition: int = 1) -> list[Triplet]:
    """The filled (code, text, system) triplets of a coded element: the first and both alternate ones (CWE, HL7 2.7)."""
    parts = _coded_parts(segment, number, repetition)
    triplets = [(parts[at], parts[at + 1], parts[at + 2]) for at in _CODINGS_AT]
    return [triplet for triplet in triplets if triplet[0] or triplet[1]]


def names_of(segment: Segment, number: int) -> list[Triplet]:
    """All a coded field says of what it names: the codings of every repetition, and original texts without a code."""
    repeated = range(1, len(segment.repetitions(number)) + 1)
    told = [triplet for repetition in repeated for triplet in codings(segment, number, repetition)]
    originals = [_coded_parts(segment, number, repetition)[_ORIGINAL_TEXT_AT] for repetition in repeated]
    return told + [("", text, "") for text in originals if text]


def _coded_parts(segment: Segment, number: int, repetition: int) -> list[str]:
    sent = (part.strip() for part in segment.components(number, repetition))
    parts = ["" if part == NULL else part for part in sent]
    return parts + [""] * (_CODED_PARTS - len(parts))


def _place_reader(path: V2Path, text: str) -> PlaceReader:
    texts, alone = _text_reader(path), _only_repetition(path)

    def read(scope: Scope) -> Iterable[Found]:
        values = texts(scope)
        if not values:
            return ()
        segments = scope.segments(path.segment)
        if alone is not None and len(segments) == 1:
            return (Found(values[0], segments[0], path.field, alone, text),)
        return (
            Found(value, segment, path.field, repetition, text)
            for segment in segments
            for repetition in repetitions_of(path, segment)
            if (value := _value(path, segment, repetition))
        )

    return read


def _text_reader(path: V2Path) -> TextReader:
    """What a path finds; quick where a path means one value of one segment, as nearly all do."""
    name, number, component, subcomponent = path.segment, path.field, path.component, path.subcomponent or 1
    alone = _only_repetition(path)

    def every(segments: Sequence[Segment]) -> Sequence[str]:
        found = ((segment, repetition) for segment in segments for repetition in repetitions_of(path, segment))
        return [value for segment, repetition in found if (value := _value(path, segment, repetition))]

    def read(scope: Scope) -> Sequence[str]:
        segments = scope.segments(name)
        if not segments:
            return _NOTHING
        if alone is None and len(segments) == 1 and not segments[0].field(number):
            return _NOTHING
        if alone is None or len(segments) != 1:
            return scope.told(name, every)
        segment = segments[0]
        if component:
            value = (segment.value(number, alone, component, subcomponent) or "").strip()
        else:
            value = segment.whole(number, alone)
        return (value,) if value else _NOTHING

    return read


def _first_reader(path: V2Path, row_name: str | None) -> FirstReader:
    """The first text of a path; quick where it means the first repetition of one segment."""
    name, number, component, subcomponent = path.segment, path.field, path.component, path.subcomponent or 1
    alone, texts = _only_repetition(path), _text_reader(path)
    if name == row_name and alone == 1:
        if component:
            return lambda scope: (scope.row.value(number, 1, component, subcomponent) or "").strip()
        return lambda scope: scope.row.whole(number)

    def read(scope: Scope) -> str:
        segments = scope.segments(name)
        if alone is None or len(segments) != 1:
            return next(iter(texts(scope)), "")
        if component:
            return (segments[0].value(number, alone, component, subcomponent) or "").strip()
        return segments[0].whole(number, alone)

    return read


def _first_of(readers: Sequence[FirstReader]) -> FirstReader:
    if len(readers) == 1:
        return readers[0]

    def read(scope: Scope) -> str:
        for of_path in readers:
            text = of_path(scope)
            if text:
                return text
        return ""

    return read


def _one_text(spec: FieldSpec, first_text: FirstReader) -> Callable[[Scope], str | None]:
    default = spec.default
    return lambda scope: first_text(scope) or default


def _joined_text(spec: FieldSpec, readers: Sequence[TextReader]) -> Callable[[Scope], str | None]:
    def read(scope: Scope) -> str | None:
        for of_path in readers:
            texts = of_path(scope)
            if texts:
                return spec.told(texts)
        return spec.default

    return read


def _only_repetition(path: V2Path) -> int | None:
    """The number of the one repetition a path speaks of; None when it may speak of several, or has to look for it."""
    if path.repetition is None:
        return 1
    return int(path.repetition) if path.repetition.isdigit() else None


def repetitions_of(path: V2Path, segment: Segment) -> Sequence[int]:
    """The repetitions of its field a path speaks of: the first unless it says otherwise."""
    wanted = path.repetition
    if wanted is None:
        return _FIRST
    every = range(1, len(segment.repetitions(path.field)) + 1)
    if wanted == "*":
        return every
    if "=" not in wanted:
        return [int(wanted)]
    component, _, word = wanted.partition("=")
    return [n for n in every if segment.value(path.field, n, int(component)) == word]


def _value(path: V2Path, segment: Segment, repetition: int) -> str:
    if path.component:
        return (segment.value(path.field, repetition, path.component, path.subcomponent or 1) or "").strip()
    return segment.whole(path.field, repetition)


def _key_reader(path: str) -> KeyReader:
    parts = [_key_part(part) for part in joined(path)]

    def read(scope: Scope, named: Mapping[str, str]) -> str | None:
        first = parts[0](scope, named)
        return "/".join([first, *(part(scope, named) for part in parts[1:])]) if first else None

    return read


def _key_part(text: str) -> Callable[[Scope, Mapping[str, str]], str]:
    path = read_v2_path(text)
    if path is None:
        name = text.strip("()")
        return lambda _scope, named: named.get(name, "")
    place = path

    def read(scope: Scope, _named: Mapping[str, str]) -> str:
        segment = scope.segment(place.segment)
        if segment is None:
            return ""
        if place.component:
            return _value(place, segment, 1)
        return "^".join(segment.parts(place.field)[:2]).strip("^ ")

    return read
