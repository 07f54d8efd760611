"""The typed form of what analysts own: mappings, code tables and output templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from adapter.knowledge.text_yaml import Fault

Reader = Literal["text", "key", "code", "codes", "identifier", "reference", "quantity", "time"]
NOT_OURS = "not ours"
_JOINERS = {"lines": "\n", "commas": ", ", "spaces": " "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a code table."""

    sender: str
    """`MSH-3|MSH-4`, either part `*`; empty for any sender (a bare name is MSH-3)."""
    code: str
    system: str
    """`*` for any system."""
    target: str
    label: str
    note: str
    extra: dict[str, str] = field(hash=False)
    """Columns beyond the six standard ones, by header."""
    file: str
    line: int
    cells: dict[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)
    """Line and column of each cell, by header."""

    def fault(self, column: str, text: str, severity: Literal["error", "warning"] = "error") -> Fault:
        """A fault at one cell of the row, or at the row when it has no such cell."""
        line, place = self.cells.get(column, (self.line, 1))
        return Fault(file=self.file, line=line, column=place, text=text, severity=severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A code table; `rows` in file order, overlays applied."""

    name: str
    rows: tuple[Row, ...]
    index: dict[str, tuple[Row, ...]] = field(hash=False)
    """Rows by code."""

    def find(self, code: str, system: str = "", sender: str = "") -> Row | None:
        """The most specific row for a code: sender before no sender, exact system before `*`; None when absent."""
        rows = self.index.get(code, ())
        if len(rows) == 1:
            only = rows[0]
            fits = _sender_rank(only.sender, sender) >= 0 and _system_rank(only.system, system) >= 0
            return only if fits else None
        best: Row | None = None
        best_rank = (-1, -1)
        for row in rows:
            rank = (_sender_rank(row.sender, sender), _system_rank(row.system, system))
            if min(rank) >= 0 and rank > best_rank:
                best, best_rank = row, rank
        return best


def sender_rank(pattern: str, sender: str) -> int:
    """How exactly a pattern `MSH-3|MSH-4` names a sender: 1-3, 0 for the empty pattern, -1 when it does not."""
    return _sender_rank(pattern, sender)


def _sender_rank(pattern: str, sender: str) -> int:
    if not pattern:
        return 0
    wanted = [*pattern.split("|"), "*"][:2]
    actual = [*sender.split("|"), ""][:2]
    if any(w not in ("*", "", a) for w, a in zip(wanted, actual, strict=True)):
        return -1
    return 1 + sum(w not in ("*", "") for w in wanted)


def _system_rank(pattern: str, system: str) -> int:
    if pattern == "*":
        return 0
    return 1 if pattern == system else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Required:
    """When a field must be filled: always, or when another field has one of some values."""

    field: str | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """How one field of an event is read."""

    name: str
    paths: tuple[str, ...]
    """Alternatives in order, first filled wins; `A + B` inside one joins with `/` (keys)."""
    reader: Reader = "text"
    table: str | None = None
    type_path: str | None = None
    unit_path: str | None = None
    join: Literal["lines", "commas", "spaces"] | None = None
    default: str | None = None
    must_agree_minutes: int | None = None
    note_source: bool = False
    required: Required | None = None
    line: int = 0

    def told(self, texts: Sequence[str]) -> str | None:
        """One text of those that were found: the first, or all joined; the default when there is none."""
        if not texts:
            return self.default
        return _JOINERS[self.join].join(texts) if self.join else texts[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """Which rows of a message become events."""

    codes: tuple[str, ...]
    table: str
    near: tuple[str, ...] = ()
    otherwise: Literal["ignore", "report", "reject"] = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One mapping file: one kind of input to one kind of event."""

    id: str
    version: str
    event: str
    format: Literal["hl7v2", "fhir"]
    messages: tuple[str, ...] = ()
    """`ORU^R01` for hl7v2."""
    resource: str | None = None
    """`MedicationAdministration` for fhir."""
    for_each: str | None = None
    if_none: Literal["nothing", "once"] = "nothing"
    select: Select
    fields: tuple[FieldSpec, ...]
    not_needed: tuple[tuple[str, str], ...] = ()
    file: str = ""

    def field(self, name: str) -> FieldSpec | None:
        """The field of that name."""
        return next((f for f in self.fields if f.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTemplate:
    """A FHIR resource written out with `${placeholders}` (mappings/outputs/*.yaml)."""

    name: str
    version: str
    resource: dict[str, Any] = field(hash=False)
    """Parsed YAML, every scalar still text."""
    file: str = ""
    lines: dict[tuple[str | int, ...], int] = field(hash=False, compare=False, repr=False, default_factory=dict)
    """Line of every node by its path in the resource; where a template stands changes nothing of what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """Everything under mappings/, loaded, overlaid and checked."""

    mappings: tuple[Mapping, ...]
    tables: dict[str, Table] = field(hash=False)
    outputs: dict[str, OutputTemplate] = field(hash=False)
    hash: str
    """Content hash of the parsed files: a comment edit does not change it."""
