"""What should stand on a FHIR server, what was written before, and the difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Operation = Literal["create", "update", "close", "retract"]
OutputKind = Literal["activity", "interpretation", "flag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One resource as the findings want it now, before evaluation times are filled in."""

    kind: OutputKind
    resource_type: str
    id: str
    body: dict[str, Any] = field(hash=False)
    """The resource without `issued`, `period` and other evaluation times; as it was written when it says the same."""
    content_hash: str
    """sha256 over the canonical JSON of `body`."""
    grounds: tuple[str, ...] = ()
    """`<source>|<key>` of every fact the resource rests on: gone facts turn a close into a retract."""
    about: str = ""
    """`<source>|<key>` of the dose or sample its key is made of."""
    topic: str | None = None
    verdict: dict[str, Any] | None = field(default=None, hash=False)
    """For an interpretation: the verdict and values a reversal notice compares; for a Flag: the time of its dose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One resource as we last rendered it, whatever the targets did with it since."""

    kind: OutputKind
    resource_type: str
    id: str
    body: dict[str, Any] = field(hash=False)
    """The whole resource, evaluation times included."""
    content_hash: str
    state: Literal["open", "closed", "retracted"]
    grounds: tuple[str, ...]
    topic: str | None
    verdict: dict[str, Any] | None = field(hash=False)
    first_written: datetime
    last_written: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One operation on one resource, and the resource as it stands after it."""

    operation: Operation
    after: Written
    about: str = field(default="", compare=False)
    """`<source>|<key>` of the dose or sample a new resource is keyed by."""

    @property
    def reference(self) -> str:
        """`Flag/<id>`"""
        return f"{self.after.resource_type}/{self.after.id}"
