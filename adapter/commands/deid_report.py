"""What became of a corpus: counts by place, never a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from adapter.commands.deid_corpus import Piece
from adapter.commands.deid_leaf import Done, Notes
from adapter.commands.deid_reading import Reading

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
    units: Counter[str] = field(default_factory=Counter)
    """Units that no table knows, which became something else, by their place."""
    readings: dict[str, Reading] = field(default_factory=dict)
    """What these tables read in each message that was written, by its name in the check."""
    done: Counter[tuple[str, Done]] = field(default_factory=Counter)

    @property
    def checked(self) -> int:
        """Messages of which a fact is read, so that reading them again said something."""
        return self._read("fact")

    @property
    def unchecked(self) -> int:
        """Messages of which nothing is read: no fact, and no patient, drug or order that facts rest on."""
        return self._read("nothing")

    @property
    def nothing_checked(self) -> bool:
        """Whether messages were written and the check had nothing to compare."""
        return bool(self.written) and not self.checked

    def _read(self, what: Reading) -> int:
        return sum(reading == what for reading in self.readings.values())

    def add(self, notes: Notes) -> None:
        """Count what was done to one message."""
        self.done.update(notes.done)
        self.units.update(notes.units)

    def refuse(self, file: str, piece: Piece, why: str) -> None:
        """A message that was ready and could not be written after all."""
        self.written -= 1
        self.readings.pop(piece.shown, None)
        self.withheld.append(Withheld(file=file, message=piece.number, why=(why,)))

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
            "checked": self.checked,
            "unchecked": self.unchecked,
            "reading_checked": not self.nothing_checked,
            "files": [{"from": source, "to": target} for source, target in self.files],
            "withheld": [asdict(one) for one in self.withheld],
            "left_out": [{"file": file, "message": message} for file, message in self.left_out],
            "not_read": self.aside,
            "places": self.places(),
            "units_unknown": {place: count for place, count in sorted(self.units.items()) if count},
            "caveat": CAVEAT,
        }
