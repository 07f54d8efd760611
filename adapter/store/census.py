"""The census of codes that no table knows: what each sender sends, how often, since when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

CODE_TEXT_LIMIT_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSeen:
    """How often one sender sent one code, and the text that stood beside it last."""

    sender: str
    system: str
    code: str
    text: str
    count: int
    first: datetime
    last: datetime

    @property
    def place(self) -> tuple[str, str, str]:
        """What makes two rows of the census one."""
        return (self.sender, self.system, self.code)


def seen(
    sender: str, codes: Iterable[tuple[str, str, str]], *, first: datetime, last: datetime, count: int = 1
) -> list[CodeSeen]:
    """Census rows for (system, code, text) triples that came together so often."""
    return [
        CodeSeen(
            sender=sender,
            system=system,
            code=code,
            text=text[:CODE_TEXT_LIMIT_CHARS],
            count=count,
            first=first,
            last=last,
        )
        for system, code, text in codes
    ]


def add_up(rows: Iterable[CodeSeen], known: dict[tuple[str, str, str], CodeSeen]) -> None:
    """Add rows to a census in place."""
    for row in rows:
        before = known.get(row.place)
        known[row.place] = row if before is None else _joined(before, row)


def _joined(before: CodeSeen, row: CodeSeen) -> CodeSeen:
    return CodeSeen(
        sender=before.sender,
        system=before.system,
        code=before.code,
        text=(row if row.last >= before.last else before).text[:CODE_TEXT_LIMIT_CHARS],
        count=before.count + row.count,
        first=min(before.first, row.first),
        last=max(before.last, row.last),
    )
