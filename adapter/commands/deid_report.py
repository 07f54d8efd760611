"""What became of a corpus: counts by place, never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from adapter.commands.deid_leaf import Done, Notes

CAVEAT = (
    "Pseudonymised, not anonymous: who holds the key, or knows a rare disease, an unusual course or a time of day, may "
    "still recognise a person. Share it with people you trust, and only as much as the question needs."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A message that was not written, and why: places, never values."""

    file: str
    message: int
    why: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Report:
    """The whole run."""

    out: str
    messages: int = 0
    written: int = 0
    patients: int = 0
    files: list[tuple[str, str]] = field(default_factory=list)
    """(name of the input, name of the result): input names may identify, so they stay here."""
    withheld: list[Withheld] = field(default_factory=list)
    left_out: list[tuple[str, int]] = field(default_factory=list)
    """(file, message) of FHIR resources of a type off the keep list."""
    aside: list[str] = field(default_factory=list)
    done: Counter[tuple[str, Done]] = field(default_factory=Counter)

    def add(self, notes: Notes) -> None:
        """Count what was done to one message."""
        self.done.update(notes.done)

    def refuse(self, file: str, message: int, why: str) -> None:
        """A message that was ready and could not be written after all."""
        self.written -= 1
        self.withheld.append(Withheld(file=file, message=message, why=(why,)))

    def places(self) -> list[dict[str, Any]]:
        """What was done at each place, places sorted."""
        return [{"place": place, "done": done, "count": n} for (place, done), n in sorted(self.done.items())]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "schema": 1,
            "out": self.out,
            "messages": self.messages,
            "written": self.written,
            "patients": self.patients,
            "files": [{"from": source, "to": target} for source, target in self.files],
            "withheld": [asdict(one) for one in self.withheld],
            "left_out": [{"file": file, "message": message} for file, message in self.left_out],
            "not_read": self.aside,
            "places": self.places(),
            "caveat": CAVEAT,
        }
