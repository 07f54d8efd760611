"""Two JSON values field by field: rows of lists are paired by what they are about, numbers keep their digits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
Name: TypeAlias = Callable[[Any], str | None]
How = Literal["changed", "added", "gone"]
_NAMES = ("key", "reference", "rule", "name")
"""Elements by which a row of a list is known, the first that is filled."""
_SWAPPED: dict[How, How] = {"changed": "changed", "added": "gone", "gone": "added"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field that differs."""

    path: str
    """`samples[HOSP/F1].unit`"""
    field: str
    """The same without the names of rows: `samples.unit`."""
    how: How
    before: Json
    after: Json

    def as_dict(self) -> dict[str, Json]:
        """Plain values for JSON."""
        return {"path": self.path, "change": self.how, "before": self.before, "after": self.after}

    def swapped(self) -> FieldChange:
        """The same change seen from the other side."""
        how = _SWAPPED[self.how]
        return FieldChange(path=self.path, field=self.field, how=how, before=self.after, after=self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    path: str = ""
    field: str = ""

    def key(self, name: str) -> _Place:
        return _Place(path=f"{self.path}.{name}".lstrip("."), field=f"{self.field}.{name}".lstrip("."))

    def row(self, name: str) -> _Place:
        return _Place(path=f"{self.path}[{name}]", field=self.field)


def differences(before: Json, after: Json) -> tuple[FieldChange, ...]:
    """Every field in which two values differ, in the order of the first; empty only when they are the same."""
    return tuple(_compared(before, after, _Place()))


def _compared(before: Json, after: Json, place: _Place) -> Iterator[FieldChange]:
    match before, after:
        case Mapping(), Mapping():
            yield from _of_objects(before, after, place)
        case (Mapping(), None) | (None, Mapping()) if _filled(before or after or {}, {}):
            # Of something that begins or ceases to be known each filled field is told.
            yield from _of_objects(before or {}, after or {}, place)
        case list(), list():
            yield from _of_lists(before, after, place)
        case _ if not _same(before, after):
            yield _change("changed", before, after, place)


def _of_objects(before: Mapping[str, Json], after: Mapping[str, Json], place: _Place) -> Iterator[FieldChange]:
    before, after = _filled(before, after), _filled(after, before)
    for name in dict.fromkeys((*before, *after)):
        at = place.key(name)
        if name not in before:
            yield from _alone("added", after[name], at)
        elif name not in after:
            yield from _alone("gone", before[name], at)
        else:
            yield from _compared(before[name], after[name], at)


def _filled(side: Mapping[str, Json], other: Mapping[str, Json]) -> Mapping[str, Json]:
    """One side without the nulls that the other does not have at all: null says what an absent field says."""
    return {name: value for name, value in side.items() if value is not None or name in other}


def _alone(how: How, value: Json, place: _Place) -> Iterator[FieldChange]:
    """A field only one side has."""
    if isinstance(value, Mapping) and (filled := _filled(value, {})):
        for name, inner in filled.items():
            yield from _alone(how, inner, place.key(name))
    else:
        before, after = (None, value) if how == "added" else (value, None)
        yield _change(how, before, after, place)


def _change(how: How, before: Json, after: Json, place: _Place) -> FieldChange:
    return FieldChange(path=place.path, field=place.field, how=how, before=before, after=after)


def _of_lists(before: Sequence[Json], after: Sequence[Json], place: _Place) -> Iterator[FieldChange]:
    rows = (*before, *after)
    if rows and all(isinstance(row, Mapping) for row in rows):
        yield from _of_rows(before, after, place)
    elif any(isinstance(row, (Mapping, list)) for row in rows):
        yield from _by_position(before, after, place)
    else:
        yield from _of_words(before, after, place)


def _of_words(before: Sequence[Json], after: Sequence[Json], place: _Place) -> Iterator[FieldChange]:
    """Single values: which came, which went; where only their order is another, both lists."""
    words = {_exact(value): value for value in (*before, *after)}
    old, new = list(map(_exact, before)), list(map(_exact, after))
    gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
    yield from (_change("gone", words[word], None, place) for word in gone.elements())
    yield from (_change("added", None, words[word], place) for word in come.elements())
    if old != new and not gone and not come:
        yield _change("changed", list(before), list(after), place)


def _of_rows(before: Sequence[Json], after: Sequence[Json], place: _Place) -> Iterator[FieldChange]:
    pairs = pairs_of(before, after, name_of)
    if pairs is None:
        yield from _by_position(before, after, place)
        return
    for name, old, new in pairs:
        at = place.row(name) if name else place
        if old is None or new is None:
            yield _change("added" if old is None else "gone", old, new, at)
        else:
            yield from _compared(old, new, at)
    names = list(map(name_of, before)), list(map(name_of, after))
    both = set(names[0]) & set(names[1])
    old_order, new_order = ([name for name in side if name in both] for side in names)
    if old_order != new_order:
        yield _change("changed", old_order, new_order, place)


def _by_position(before: Sequence[Json], after: Sequence[Json], place: _Place) -> Iterator[FieldChange]:
    for number in range(max(len(before), len(after))):
        at = place.row(str(number + 1))
        if number >= len(before):
            yield _change("added", None, after[number], at)
        elif number >= len(after):
            yield _change("gone", before[number], None, at)
        else:
            yield from _compared(before[number], after[number], at)


def pairs_of(
    before: Sequence[Json], after: Sequence[Json], name: Name
) -> list[tuple[str, Json | None, Json | None]] | None:
    """Rows of two lists beside each other by their names; None when a row has none, or shares it.

    One row left over on each side is the same row under another name; it stands under no name then.
    """
    old, new = _named(before, name), _named(after, name)
    if old is None or new is None:
        return None
    gone, come = [key for key in old if key not in new], [key for key in new if key not in old]
    if len(gone) == len(come) == 1:
        renamed = ("", old[gone[0]], new[come[0]])
        return [renamed if key == gone[0] else (key, row, new[key]) for key, row in old.items()]
    return [(key, old.get(key), new.get(key)) for key in dict.fromkeys((*old, *new))]


def _named(rows: Sequence[Json], name: Name) -> dict[str, Json] | None:
    named = {name(row): row for row in rows}
    if None in named or len(named) != len(rows):
        return None
    return {str(key): row for key, row in named.items()}


def name_of(row: Mapping[str, Json]) -> str | None:
    """What a row of a list is about: its key, its problem and place, its code, or the code of what it measures."""
    for name in _NAMES:
        if isinstance(row.get(name), str):
            return str(row[name])
    if isinstance(row.get("code"), str):
        return " ".join(str(row[name]) for name in ("system", "code", "where", "location") if row.get(name))
    code = row.get("code", row)
    codings = code.get("coding") if isinstance(code, Mapping) else None
    if isinstance(codings, list) and codings and isinstance(codings[0], Mapping):
        return str(codings[0].get("code"))
    return str(row["system"]) if isinstance(row.get("system"), str) else None


def _same(before: Json, after: Json) -> bool:
    return _exact(before) == _exact(after)


def _exact(value: Json) -> tuple[str, Json]:
    """A value with its kind and its digits: 0.10 is not 0.1, and a truth is no number."""
    return type(value).__name__, str(value) if isinstance(value, Decimal) else value
