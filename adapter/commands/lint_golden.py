"""What is wrong with a golden case beyond its shape: a name that may be a patient's, and words that say nothing."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from adapter.commands.made_up_names import shows_a_name
from adapter.domain import events
from adapter.domain.units import is_activity_unit
from adapter.ingest.activity_reading import canonical_unit
from adapter.ingest.hl7v2 import NotHl7, Segment, read_batch, read_message
from adapter.knowledge.reading import Block, top_block
from adapter.knowledge.spec import Table
from adapter.knowledge.text_yaml import Document, Fault, Node, did_you_mean
from adapter.settings.checks import read_charset

_EVENTS = (
    events.ActivityMeasured,
    events.AsparaginaseAdministered,
    events.PremedicationGiven,
    events.HypersensitivityRecorded,
)
_UNIONS = (Union, types.UnionType)


def golden_faults(document: Document, units: Table | None = None) -> list[Fault]:
    """Faults of one golden case; `units` are the spellings its sender may have agreed on."""
    faults: list[Fault] = []
    top = top_block(document, faults)
    message = top.data.get("input")
    if isinstance(message, str) and not message.lstrip().startswith(("{", "[")):
        if ("input",) in document.folded:
            text = "the lines of this message run together into one; write '|' after input:, and the message below it"
            return [document.fault(("input",), text)]
        faults.extend(_names(document, message))
    site, expect = top.data.get("site"), top.data.get("expect")
    if isinstance(site, dict):
        faults.extend(_settings(top.block("site"), units))
    if isinstance(expect, dict):
        faults.extend(_asked(document, expect.get("only")))
    return faults


def _names(document: Document, message: str) -> Iterator[Fault]:
    """A pasted message is where a real patient slips into a repository."""
    line, _ = document.places.get(("input",), (0, 1))
    for segment in _segments(message):
        if shows_a_name(segment):
            number = message.count("\n", 0, max(message.find(segment.text), 0))
            text = (
                "PID-5 holds a name that is not on the list of made-up names, so it may be a patient's; "
                "write TEST^PATIENT or a name that begins with ZZ, or leave it empty"
            )
            yield Fault(file=document.file, line=line + 1 + number, column=1, text=text)


def _segments(message: str) -> Iterator[Segment]:
    for raw in read_batch(message.replace("\n", "\r").encode()).messages:
        try:
            yield from read_message(raw).segments
        except NotHl7:
            continue


def _settings(site: Block, units: Table | None) -> list[Fault]:
    """Values of a sender that would be taken and mean nothing."""
    before = len(site.faults)
    read_charset(site, "default_charset")
    unit = site.optional("assumed_unit")
    if unit and units and not is_activity_unit(canonical_unit(unit, "", units, "") or unit):
        hint = did_you_mean(unit, units.index)
        site.fault(f"'{unit}' is no unit of an activity{hint}; write IU/mL or IU/L", "assumed_unit")
    found = site.faults[before:]
    del site.faults[before:]
    return found


def _asked(document: Document, only: Node | None) -> Iterator[Fault]:
    """A misspelt field is never there, so the case would pass whatever comes out."""
    if only is None:
        return
    if not isinstance(only, list):
        yield document.fault(("expect", "only"), "'only' takes a list of fields; begin each with '- '")
        return
    known = known_fields()
    for number, name in enumerate(only):
        if not isinstance(name, str) or name not in known:
            shown = name if isinstance(name, str) else "this"
            text = f"'{shown}' is no field of an event{did_you_mean(str(name), known)}"
            yield document.fault(("expect", "only", number), text)


@cache
def known_fields() -> frozenset[str]:
    """`status`, `activity.number` and every other field of an event, by its dotted name."""
    return frozenset(name for event in _EVENTS for name in _fields(event))


def _fields(kind: Any) -> Iterator[str]:  # noqa: ANN401 - a class of the domain
    hints = get_type_hints(kind)
    for part in dataclasses.fields(kind):
        yield part.name
        for inner in _inside(hints[part.name]):
            yield from (f"{part.name}.{name}" for name in _fields(inner))


def _inside(hint: Any) -> Iterable[Any]:  # noqa: ANN401 - a type hint
    """The dataclasses a field may hold, not those inside lists."""
    kinds = get_args(hint) if get_origin(hint) in _UNIONS else (hint,)
    return [kind for kind in kinds if dataclasses.is_dataclass(kind)]
