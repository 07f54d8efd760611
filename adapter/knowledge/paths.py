"""The paths of mappings: grammar of HL7 v2 paths (`PID-3(5=MR).1`), and a first look at FHIRPath."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from adapter.knowledge.text_yaml import did_you_mean

_PATH = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})-(?P<field>[1-9]\d{0,2})"
    r"(\((?P<repetition>\*|[1-9]\d{0,2}|[1-9]\d?=[^()=]+)\))?"
    r"(\.(?P<component>[1-9]\d?))?(\.(?P<subcomponent>[1-9]\d?))?"
)
_FIELD_NAME = re.compile(r"\(([a-z][a-z0-9_]*)\)")
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


def path_fault(path: str, form: str, names: Collection[str], *, joins: bool = False) -> str | None:
    """What is wrong with a path of a mapping, or None; `(status)` inside a join names another field."""
    parts = joined(path)
    if len(parts) > 1 and not joins:
        return f"'{path}' joins with '+'; only 'from' may do so"
    for part in parts:
        if name := _FIELD_NAME.fullmatch(part):
            if name[1] not in names:
                return f"no field is called '{name[1]}'{did_you_mean(name[1], names)}"
        elif form == "hl7v2":
            if not read_v2_path(part):
                return f"'{part}' is not a path; write SEG-field.component, e.g. OBX-5.2"
        elif fault := _fhir_fault(part):
            return fault
    return None


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
