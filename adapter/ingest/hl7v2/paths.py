"""Places in a message as people write them: `PID-3(1).4.2`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PATH = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?-(\d+)(?:\((\d+)\))?(?:\.(\d+)(?:\.(\d+))?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One place: segment, its occurrence, field, repetition, component, sub-component, all counted from 1."""

    segment: str
    occurrence: int
    field: int
    repetition: int
    component: int
    subcomponent: int


@lru_cache(maxsize=1024)
def parse_path(text: str) -> Path:
    """Read `SEG[occurrence]-field(repetition).component.subcomponent`, all but segment and field optional.

    Raises ValueError when the text is no such path.
    """
    found = _PATH.fullmatch(text)
    if not found:
        raise ValueError("not a path such as PID-3(1).4")
    segment, occurrence, field, repetition, component, subcomponent = found.groups()
    return Path(
        segment=segment,
        occurrence=int(occurrence or 1),
        field=int(field),
        repetition=int(repetition or 1),
        component=int(component or 1),
        subcomponent=int(subcomponent or 1),
    )
