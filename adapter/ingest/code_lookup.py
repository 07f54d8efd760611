"""Looking codes up in the analysts' tables: any coding, then the text, and the words of a near miss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from adapter.knowledge.spec import NOT_OURS, Row, Table

TEXT_SYSTEM = "text"
"""The system of table rows that match a text instead of a code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A row of a table and the coding that led to it."""

    row: Row
    code: str
    system: str
    text: str


def look_up(table: Table, triplets: Iterable[tuple[str, str, str]], sender: str) -> Hit | None:
    """The first (code, text, system) with a row; a row that says `not ours` counts only when no other one does."""
    refused: Hit | None = None
    for code, text, system in triplets:
        row = table.find(code, system, sender) if code else None
        if row is None:
            continue
        hit = Hit(row=row, code=code, system=system, text=text)
        if row.target != NOT_OURS:
            return hit
        refused = refused or hit
    return refused


def look_up_text(table: Table, texts: Iterable[str], sender: str) -> Hit | None:
    """The first text with a row, as written or in small letters."""
    for text in texts:
        for spelling in (text.strip(), " ".join(text.casefold().split())):
            row = table.find(spelling, TEXT_SYSTEM, sender) if spelling else None
            if row:
                return Hit(row=row, code="", system="", text=text)
    return None


def judge(
    table: Table, triplets: Sequence[tuple[str, str, str]], near: Sequence[str], sender: str
) -> tuple[Literal["ours", "near", "other"], Hit | None]:
    """Whether a code is ours, looks like ours, or is another matter (CONTRACTS 1, relevance).

    The hit of a code that is another matter is its `not ours` row, if it has one.
    """
    hit = look_up(table, triplets, sender)
    if hit:
        return ("other" if hit.row.target == NOT_OURS else "ours"), hit
    words = " ".join(f"{code} {text}" for code, text, _ in triplets).casefold()
    return ("near", None) if any(word.casefold() in words for word in near) else ("other", None)
