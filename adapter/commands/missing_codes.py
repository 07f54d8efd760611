"""A code that was seen and stands in no table, with the row that would put it there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from adapter.commands.judged_rows import Judged
from adapter.knowledge.codes import TARGETS, TEXT_SYSTEM
from adapter.knowledge.spec import NOT_OURS, Table
from adapter.knowledge.tables import STANDARD

LONGEST_CODE_CHARS = 20
LONGEST_SYSTEM_CHARS = 80
LONGEST_TEXT_CHARS = 40
ANY_SYSTEM = "*"
GLOBAL_SYSTEMS = ("http://", "https://", "urn:")
"""A code of such a system means the same whoever sends it."""
TESTS = "activity_tests"
LIMITS = "quantification_limits"
URI = "a URI such as https://hospital.example/mrn"
AUTHORITIES = "identifier_systems"
_UNIVERSAL_IDS = ("DNS", "EUI64", "GUID", "ISO", "URI", "UUID")
"""Types of assigning authorities (HL7 table 0301) whose names are the same everywhere."""
_OF_ONE_SENDER = frozenset({TESTS, LIMITS, AUTHORITIES})
_HEADERS = {LIMITS: "sender,code,system,method,lloq,unit,note"}
_FREE_TARGETS = {
    AUTHORITIES: (URI,),
    LIMITS: ("the limit the laboratory states, such as 0.03",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingCode:
    """One code of one message without a row."""

    table: str
    sender: str
    """`MSH-3|MSH-4`, or the name of the source of a FHIR resource."""
    code: str
    """Empty where it may not be shown; a drug or a reaction that has only a text goes by that."""
    system: str
    text: str = ""
    where: str
    """`OBX[1]-3`, `MedicationAdministration.medication`"""
    example: str
    """What stands there, with everything but the code as stars."""
    near: bool = False
    """Whether it looks like ours: a level or a dose may be lost."""
    other: bool = False
    """Whether nothing speaks for its being ours: as a rule it is another matter."""
    shareable: bool
    """Whether the code may be shown to others than who gave us the message."""
    targets: tuple[str, ...]
    """What the target of the row may be."""

    @property
    def row(self) -> str | None:
        """The line for `tables/<table>.csv`; None where the code may not be shown.

        The target stays open, which the loader and `lint` refuse, except where a row can say only one thing: a test
        nothing speaks for is `not ours`. The sender is named where a code means something else at the next
        laboratory or hospital (tests, their limits, assigning authorities; CONTRACTS 1), and not where it is, or its
        system is, a URI, or the table is one for all: a row for one sender, which wins (CONTRACTS 5), is a person's
        decision.
        """
        if not self.code:
            return None
        named_for_all = (
            any(name.startswith(GLOBAL_SYSTEMS) for name in (self.system, self.code)) or self.system in _UNIVERSAL_IDS
        )
        local = self.table in _OF_ONE_SENDER and not named_for_all
        sender = shown(self.sender, LONGEST_SYSTEM_CHARS) if local else ""
        key = (sender, self.code, self.system or ANY_SYSTEM)
        if self.table == LIMITS:
            return _csv_row(*key, "", "LLOQ", "IU/mL", "")
        return _csv_row(*key, "" if self.fill_in else NOT_OURS, self.text, "")

    @property
    def fill_in(self) -> str | None:
        """What the row lacks; None where it can be added as it is."""
        if self.table == LIMITS:
            return "LLOQ"
        return None if self.other and self.table == TESTS else "target"

    @property
    def header(self) -> str:
        """The columns of the row."""
        return _HEADERS.get(self.table, ",".join(STANDARD))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "table": self.table,
            "sender": self.sender,
            "code": self.code,
            "system": self.system,
            "text": self.text,
            "where": self.where,
            "example": self.example,
            "near": self.near,
            "row": self.row,
            "fill_in": self.fill_in,
            "targets": list(self.targets) if self.fill_in else [],
        }


def targets_of(name: str, table: Table | None = None) -> tuple[str, ...]:
    """What a row of a table may say; of a table that takes any word those it has."""
    rows = table.rows if table else ()
    return TARGETS.get(name) or _FREE_TARGETS.get(name) or tuple(dict.fromkeys(row.target for row in rows))


def named_by(judged: Judged) -> tuple[str, str, str] | None:
    """Code, text and system a row would name; None where no row is missing or would help."""
    if judged.hit or judged.verdict in {"ours", "unresolved"} or not judged.triplets:
        return None
    code, text, system = next((t for t in judged.triplets if t[0]), judged.triplets[0])
    if code:
        return code, text, system
    # A result that has only a text is found by no row.
    return None if judged.select.table == TESTS else (text, text, TEXT_SYSTEM)


def once(found: Iterable[MissingCode]) -> list[MissingCode]:
    """Each code of a table once, near misses first; what one mapping finds near is to none another matter."""
    first: dict[tuple[str, str, str], MissingCode] = {}
    found = list(found)
    near_at = {one.where for one in found if one.near}
    for one in found:
        if not one.other or one.where not in near_at:
            first.setdefault((one.table, one.code, one.system), one)
    return sorted(first.values(), key=lambda one: not one.near)


def for_others(found: Iterable[MissingCode]) -> list[MissingCode]:
    """What may be listed beside other messages: nothing that may be a patient's, and no other matter."""
    return [_for_others(one) for one in found if not one.other]


def _for_others(one: MissingCode) -> MissingCode:
    system = shown(one.system, LONGEST_SYSTEM_CHARS)
    # Without its system a code would get a row for any system.
    if not one.shareable or system != one.system:
        return replace(one, code="", system=system, text="")
    return replace(one, text=shown(one.text, LONGEST_TEXT_CHARS) if one.near else "")


def _csv_row(*cells: str) -> str:
    """One line of a code table, quoted where it must be."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def printable(text: str, longest: int) -> bool:
    """Whether a code, a system or a text is short and printable enough to be shown."""
    return 0 < len(text) <= longest and text.isprintable()


def shown(text: str, longest: int) -> str:
    """The text, or nothing where it may not be shown."""
    return text if printable(text, longest) else ""
