"""Numbers of policies and products: a value is nothing without its unit, its citation and its evidence grade."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import cast, get_args

from adapter.domain.policy import Cited, Grade
from adapter.knowledge.reading import Block
from adapter.knowledge.text_yaml import Node, Path, did_you_mean

HOURS = "h"
DAYS = "d"
ACTIVITY = "[IU]/mL"
RATIO = "1"
CTCAE = "{grade}"
UNITS = {
    HOURS: "hours",
    DAYS: "days",
    ACTIVITY: "international units per millilitre",
    RATIO: "a ratio",
    CTCAE: "a CTCAE grade",
}
GRADES: tuple[str, ...] = get_args(Grade)
NAMED_IN_NOTE = re.compile(r"\(([A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+)\)")
"""How a note names a source: `(VROOMAN-2021)`."""


def read_number(block: Block, key: str, unit: str, citations: Collection[str], otherwise: Cited | None = None) -> Cited:
    """The cited number under a key, which must be in the given UCUM unit; a zero after a fault.

    `otherwise` is what stands where the file does not have the key; without it the number may not be missing.
    """
    if not block.has(key):
        if otherwise is not None and key not in block.data:
            return otherwise
        state = "empty" if key in block.data else "missing"
        block.fault(f"'{key}' is {state}; write {{ value, unit: '{unit}', cites, grade }}", key)
        return Cited(value=Decimal(0), unit=unit, citation="", grade="unverified")
    number = block.block(key)
    value = number.number("value")
    if value < 0:
        number.fault("a limit cannot be negative", "value")
    _check_unit(number, unit)
    grade = cast("Grade", number.choice("grade", GRADES))
    citation = number.text("cites")
    check_citation(number, citation, citations)
    number.optional("note")
    number.finish()
    return Cited(value=value, unit=unit, citation=citation, grade=grade)


def read_optional_number(
    block: Block, key: str, unit: str, citations: Collection[str], otherwise: Cited | None = None
) -> Cited | None:
    """The cited number under a key that may be absent, but not empty."""
    if not block.has(key) and key not in block.data:
        return otherwise
    return read_number(block, key, unit, citations)


def check_citation(block: Block, citation: str, citations: Collection[str]) -> None:
    """A fault when a cited key has no reference text in the file."""
    if citation and citation not in citations:
        hint = did_you_mean(citation, citations)
        block.fault(f"'{citation}' is not among the citations of this file{hint}", "cites")


def read_citations(block: Block) -> tuple[tuple[str, str], ...]:
    """(key, reference text) of every citation listed under `citations`."""
    listed = block.block("citations")
    return tuple((key, listed.text(key)) for key in listed.data)


def check_citations(block: Block, citations: Mapping[str, str]) -> None:
    """A fault for a source a note names without its text, a warning for a text that nothing names."""
    used = set(_cited_keys(block.data))
    for path, note in notes_in(block.data):
        for key in NAMED_IN_NOTE.findall(note):
            used.add(key)
            if key not in citations:
                hint = did_you_mean(key, citations) or "; write it without brackets if it is no source"
                block.fault(f"the note names ({key}), which is not among the citations of this file{hint}", *path)
    for key in citations:
        if key not in used:
            text = f"no number, quotation or note cites '{key}'"
            block.faults.append(block.document.fault(("citations", key), text, "warning"))


def notes_in(node: Node, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every `note` below a node, with its place."""
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from notes_in(item, (*path, number))
    elif isinstance(node, dict):
        for key, item in node.items():
            if key == "note" and isinstance(item, str):
                yield (*path, key), item
            else:
                yield from notes_in(item, (*path, key))


def _cited_keys(node: Node) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _cited_keys(item)
    elif isinstance(node, dict):
        for key, item in node.items():
            if key == "cites" and isinstance(item, str):
                yield item
            else:
                yield from _cited_keys(item)


def _check_unit(number: Block, unit: str) -> None:
    given = number.text("unit")
    if given and given not in UNITS:
        number.fault(f"'{given}' is not a unit of policies{did_you_mean(given, UNITS)}", "unit")
    elif given and given != unit:
        number.fault(f"this number is in {UNITS[unit]} (unit: '{unit}'), not in {UNITS[given]}", "unit")
