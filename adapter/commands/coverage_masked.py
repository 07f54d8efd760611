"""A filled place shown without what stands there: which fields are filled, and of the one place of what kind it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from adapter.commands.used_elements import ElementUse
from adapter.commands.used_fields import Use
from adapter.ingest.hl7v2.segment import NULL

FILLED = "*"
LONGEST_CHARS = 120
MOST_PARTS = 40
CUT = "..."
HEADERS = ("MSH", "FHS", "BHS")
"""Segments whose first field is the separator itself, which stands behind their names anyway."""
_ELEMENT = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}", re.ASCII)
_NUMBER = re.compile(r"[<>=]{0,2} ?[+-]?\d+([.,]\d+)?", re.ASCII)
_TIME = re.compile(
    r"(?:19|20)\d{2}(?:-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])"
    r"(?:T?[0-2]\d(?::?[0-5]\d){0,2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)",
    re.ASCII,
)


def kind_of(text: str) -> str:
    """Whether a text looks like a number, a time, the explicit null, or words."""
    said = text.strip()
    if said == NULL:
        return "null"
    if _TIME.fullmatch(said):
        return "time"
    return "number" if _NUMBER.fullmatch(said) else "text"


def masked_field(use: Use) -> str:
    """`OBX|*|*|*||*|*||||*||||||*^*^text`: stars for what is filled, and what kind of thing the one place holds."""
    segment = use.segment
    if not use.field:
        return "text"
    if use.field > MOST_PARTS:
        return _short(use)
    first = 2 if segment.name in HEADERS else 1
    numbers = range(first, min(segment.field_count(), MOST_PARTS) + 1)
    told = "|".join([segment.name, *(_cell(use, number) for number in numbers)]).rstrip("|")
    return told if len(told) <= LONGEST_CHARS else _short(use)


def _cell(use: Use, number: int) -> str:
    if number != use.field:
        return FILLED if use.segment.field(number) else ""
    parts = use.segment.components(number, use.repetition or 1)
    return "^".join(_part(use, place, text) for place, text in enumerate(parts[:MOST_PARTS], start=1))


def _part(use: Use, place: int, text: str) -> str:
    if not text.strip():
        return ""
    return kind_of(text) if use.component in (None, place) else FILLED


def _short(use: Use) -> str:
    """Its segment and its one place."""
    told = f"{use.segment.name}|{CUT}|{_cell(use, use.field)}"
    return told if len(told) <= LONGEST_CHARS else f"{told[:LONGEST_CHARS]}{CUT}"


def named_element(name: str) -> str:
    """The name of an element; a star for what is no name and may say anything."""
    return name if _ELEMENT.fullmatch(name) else FILLED


def named_place(use: ElementUse) -> str:
    """`dosage.site`"""
    return ".".join(map(named_element, use.steps))


def masked_element(use: ElementUse) -> str:
    """`dosage.site = {text: text}`: the names of what is filled, and of what kind it is."""
    told = f"{named_place(use)} = {''.join(_shape(use.value))}"
    return told if len(told) <= LONGEST_CHARS else f"{told[:LONGEST_CHARS]}{CUT}"


def _shape(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    match value:
        case dict():
            named = list(value.items())[:MOST_PARTS]
            inner = (f"{named_element(name)}: {''.join(_shape(item))}" for name, item in named)
            yield f"{{{', '.join(inner)}}}"
        case list():
            yield f"[{', '.join(''.join(_shape(item)) for item in value[:MOST_PARTS])}]"
        case bool():
            yield "yes or no"
        case str():
            yield kind_of(value)
        case None:
            yield "nothing"
        case _:
            yield "number"
