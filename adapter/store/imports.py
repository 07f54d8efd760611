"""How far a file was imported, as it is told and kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from adapter.domain.message import Arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was imported from a source before, as far as a batch asks for it."""

    places: dict[str, int] = field(default_factory=dict, hash=False)
    """Where each content lies, by its digest."""
    newest: dict[str, int] = field(default_factory=dict, hash=False)
    """The place of the newest content of resources that have no version, by their references."""

    def knows(self, arrival: Arrival) -> bool:
        """Whether it says nothing new: of a resource without a version an earlier state may come back."""
        place = self.places.get(arrival.digest)
        return place is not None and self.newest.get(arrival.target or "", place) == place

    def add(self, arrival: Arrival, place: int) -> None:
        """It is imported too, at this place."""
        self.places[arrival.digest] = place
        if arrival.target:
            self.newest[arrival.target] = place


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Which file is meant, up to where it was read, and what came of that part."""

    path: str
    source: str
    size: int
    head: str
    """sha256 of its beginning."""
    tail: str = ""
    """sha256 of the bytes before `offset`; empty where they cannot be read again for nothing."""
    offset: int = 0
    """Everything before this byte (of a compressed file: of what it holds) was kept or rejected."""
    number: int = 0
    """The last line, or the last entry of a Bundle, before it."""
    done: bool = False
    kept: int = 0
    known: int = 0
    """Lines that were kept from the same source before."""
    reasons: Mapping[str, int] = field(default_factory=dict, hash=False)
    """How many lines were rejected, by reason."""
    rejected_bytes: int = 0
    """The size of the file of rejected lines at this place."""
    places_bytes: int = 0
    """The size of the file that tells where they stood."""
    first_seq: int = 0
    """The first place in the inbox; 0 while nothing was kept."""
    last_seq: int = 0
    at: datetime

    @property
    def rejected(self) -> int:
        """How many lines were rejected."""
        return sum(self.reasons.values())

    @property
    def name(self) -> str:
        """The file without its folders."""
        return self.path.rpartition("/")[2]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**asdict(self), "reasons": dict(self.reasons), "at": self.at.isoformat()}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Mark:
        """What `as_dict` gave; raises TypeError, KeyError or ValueError for anything else."""
        return cls(**{**told, "at": datetime.fromisoformat(told["at"])})
