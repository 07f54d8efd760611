"""The paths of mappings: grammar of HL7 v2 paths (`PID-3(5=MR).1`), and a first look at FHIRPath."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

V2_PATH = (
    r"[A-Z][A-Z0-9]{2}-[1-9][0-9]{0,2}"
    r"(?:\((?:\*|[1-9][0-9]{0,2}|[1-9][0-9]?=[^()=]+)\))?(?:\.[1-9][0-9]?){0,2}"
)
"""The grammar as editors check it; `read_v2_path` takes it apart."""
_PATH = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})-(?P<field>[1-9]\d{0,2})"
    r"(\((?P<repetition>\*|[1-9]\d{0,2}|[1-9]\d?=[^()=]+)\))?"
    r"(\.(?P<component>[1-9]\d?))?(\.(?P<subcomponent>[1-9]\d?))?",
    re.ASCII,
)
_FIELD_NAME = re.compile(r"\(([a-z][a-z0-9_]*)\)")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_ELEMENT = re.compile(r"[A-Za-z]\w*(?:\.\w+(?:\(\w+\))?)*", re.ASCII)
_NEARLY = re.compile(r"[A-Za-z][A-Za-z0-9]{2}[.\-]?\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Path:
    """One HL7 v2 path, positions counted from 1 as the standard counts."""

    segment: str
    field: int
    repetition: str | None
    """`*`, a number, or `5=MR`: the repetition whose 5th component is MR; None for the first."""
    component: int | None
    subcomponent: int | None


@lru_cache(maxsize=1_024)
def read_v2_path(text: str) -> V2Path | None:
    """`SEG-field(repetition).component.subcomponent`, or None when it is not a path."""
    match = _PATH.fullmatch(text)
    if not match:
        return None
    component, subcomponent = match["component"], match["subcomponent"]
    return V2Path(
        segment=match["segment"],
        field=int(match["field"]),
        repetition=match["repetition"],
        component=int(component) if component else None,
        subcomponent=int(subcomponent) if subcomponent else None,
    )


def joined(path: str) -> list[str]:
    """The parts of `A + B`."""
    return [part.strip() for part in path.split(" + ")]


def path_fault(path: str, form: str, names: Collection[str] = (), *, joins: bool = False) -> str | None:
    """What is wrong with a path of a mapping, or None; `names` may stand in brackets inside a join."""
    parts = joined(path)
    if len(parts) > 1 and not joins:
        return f"'{path}' joins with '+'; only the key of a result may do so"
    for number, part in enumerate(parts):
        if name := _FIELD_NAME.fullmatch(part):
            if number and name[1] in names:
                continue
            known = f"; a join may hold ({'), ('.join(names)}) after a path" if joins else ""
            return f"'{part}' is no place of the input{known}"
        if form == "hl7v2":
            if not read_v2_path(part):
                return f"'{part}' is not a path; write SEG-field.component, e.g. OBX-5.2"
        elif fault := _fhir_fault(part):
            return fault
    return None


def covers(earlier: str, later: str, form: str) -> bool:
    """Whether the earlier path of a chain is filled whenever the later one is."""
    first, second = joined(earlier)[0], joined(later)[0]
    if form == "fhir":
        return second == first or second.startswith(f"{first}.")
    one, other = read_v2_path(first), read_v2_path(second)
    if one is None or other is None or (one.segment, one.field) != (other.segment, other.field):
        return False
    if one.repetition not in ("*", other.repetition):
        return False
    if one.component is None:
        return True
    return one.component == other.component and one.subcomponent in (None, other.subcomponent)


def not_needed_fault(path: str, form: str) -> str | None:
    """What is wrong with a place that is called not needed, or None."""
    if form == "fhir":
        return None if _ELEMENT.fullmatch(path) else f"'{path}' is not an element; write for example dosage.site"
    found = read_v2_path(path)
    if _SEGMENT.fullmatch(path) or (found and not found.repetition and not found.subcomponent):
        return None
    return f"'{path}' is not a place; write a segment, a field or a component, e.g. PV1, PID-5 or SPM-4.9"


def _fhir_fault(part: str) -> str | None:
    if part.count("'") % 2:
        return f"'{part}' is not a FHIRPath; a quote is missing"
    if not part or part.count("(") != part.count(")"):
        return f"'{part}' is not a FHIRPath; a bracket is missing"
    if _NEARLY.fullmatch(part[:5]) and read_v2_path(part):
        return f"'{part}' is an HL7 v2 path, but this mapping reads FHIR"
    if "%" in part or "$" in part:
        return f"'{part}' uses a variable; only plain FHIRPath from the resource or the row is read"
    return None
