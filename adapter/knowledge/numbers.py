"""Numbers of policies and products: a value is nothing without its unit, its citation and its evidence grade."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import cast, get_args

from adapter.domain.policy import Cited, Grade
from adapter.knowledge.reading import Block
from adapter.knowledge.text_yaml import did_you_mean

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


def read_number(block: Block, key: str, unit: str, citations: Collection[str]) -> Cited:
    """The cited number under a key, which must be in the given UCUM unit; a zero after a fault."""
    if not block.has(key):
        block.fault(f"'{key}' is missing; write {{ value, unit: '{unit}', cites, grade }}", key)
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


def check_citation(block: Block, citation: str, citations: Collection[str]) -> None:
    """A fault when a cited key has no reference text in the file."""
    if citation and citation not in citations:
        hint = did_you_mean(citation, citations)
        block.fault(f"'{citation}' is not among the citations of this file{hint}", "cites")


def read_citations(block: Block) -> tuple[tuple[str, str], ...]:
    """(key, reference text) of every citation listed under `citations`."""
    listed = block.block("citations")
    return tuple((key, listed.text(key)) for key in listed.data)


def _check_unit(number: Block, unit: str) -> None:
    given = number.text("unit")
    if given and given not in UNITS:
        number.fault(f"'{given}' is not a unit of policies{did_you_mean(given, UNITS)}", "unit")
    elif given and given != unit:
        number.fault(f"this number is in {UNITS[unit]} (unit: '{unit}'), not in {UNITS[given]}", "unit")
