"""A code that was seen and stands in no table, with the row that would put it there; never a value of a patient."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from adapter.commands.run_gaps import csv_row
from adapter.knowledge.codes import TARGETS
from adapter.knowledge.tables import STANDARD

LONGEST_CODE_CHARS = 20
LONGEST_SYSTEM_CHARS = 80
LONGEST_TEXT_CHARS = 40
ANY_SYSTEM = "*"
GLOBAL_SYSTEMS = ("http://", "https://", "urn:")
"""A code of such a system means the same whoever sends it."""
HEADER = ",".join(STANDARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingCode:
    """One code of one message without a row; a code that may not be shown is empty."""

    table: str
    sender: str
    """`MSH-3|MSH-4`, or the name of the source of a FHIR resource."""
    code: str
    system: str
    text: str
    where: str
    """`OBX[1]-3`, `MedicationAdministration.medication`"""
    example: str
    """What stands there, with everything but the code as stars."""

    @property
    def row(self) -> str | None:
        """The line for `tables/<table>.csv` with its target left open; None where the code may not be shown."""
        if not self.code:
            return None
        sender = "" if self.system.startswith(GLOBAL_SYSTEMS) else _rows_sender(self.sender)
        return csv_row(sender, self.code, self.system or ANY_SYSTEM, "", self.text, "")

    @property
    def targets(self) -> tuple[str, ...]:
        """What the target of the row may be; empty where it is free."""
        return TARGETS.get(self.table, ())

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "row": self.row, "targets": list(self.targets)}


def _rows_sender(sender: str) -> str:
    """A sender as a row may name it; one that cannot be shown becomes a row for all."""
    return sender if printable(sender, LONGEST_SYSTEM_CHARS) else ""


def printable(text: str, longest: int) -> bool:
    """Whether a code, a system or a text is short and printable enough to be shown."""
    return 0 < len(text) <= longest and text.isprintable()


def shown(text: str, longest: int) -> str:
    """The text, or nothing where it may not be shown."""
    return text if printable(text, longest) else ""
