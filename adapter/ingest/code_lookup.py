"""Looking codes up in the analysts' tables: any coding, then the text, and the words of a near miss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from adapter.knowledge.codes import TEXT_SYSTEM
from adapter.knowledge.spec import NOT_OURS, Row, Table, sender_rank

Triplet = tuple[str, str, str]
"""(code, text, system)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A row of a table and the coding that led to it."""

    row: Row
    code: str
    system: str
    text: str


def look_up(table: Table, triplets: Iterable[Triplet], sender: str) -> Hit | None:
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


def another_matter(table: Table, text: str, sender: str) -> Hit | None:
    """The row that says of this text, word for word, that a test so called is not ours; a text never says it is."""
    hit = look_up_text(table, (text,), sender)
    return hit if hit and hit.row.target == NOT_OURS else None


Spellings = Mapping[str, Sequence[Row]]
"""Rows of ours by their code in small letters."""


def spellings_of(table: Table) -> Spellings:
    """The codes of ours however they are written; made once per table."""
    found: dict[str, list[Row]] = {}
    for row in table.rows:
        if row.target != NOT_OURS:
            found.setdefault(row.code.casefold(), []).append(row)
    return found


def ours_otherwise(spellings: Spellings, codes: Iterable[str], sender: str) -> bool:
    """Whether one of the codes is ours for this sender, but under another coding system or in other letters."""
    rows = (row for code in codes if code for row in spellings.get(code.casefold(), ()))
    return any(sender_rank(row.sender, sender) >= 0 for row in rows)


def judge(
    table: Table, triplets: Sequence[Triplet], near: Sequence[str], sender: str
) -> tuple[Literal["ours", "near", "other"], Hit | None]:
    """Whether a code is ours, looks like ours, or is another matter (CONTRACTS 1, relevance).

    The hit of a code that is another matter is its `not ours` row, if it has one. A coding whose text has such a row
    does not look like ours; another coding beside it still may.
    """
    hit = look_up(table, triplets, sender)
    if hit:
        return ("other" if hit.row.target == NOT_OURS else "ours"), hit
    refused = [another_matter(table, text, sender) for _, text, _ in triplets]
    left = [coding for coding, row in zip(triplets, refused, strict=True) if row is None]
    words = " ".join(f"{code} {text}" for code, text, _ in left).casefold()
    if any(word.casefold() in words for word in near):
        return "near", None
    return "other", next((row for row in refused if row), None)
