"""Cells of tables that are not what somebody meant to write: changed by a spreadsheet, or pasted with too much."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from adapter.knowledge.spec import Row
from adapter.knowledge.text_yaml import Fault

_MONTH = (
    "jan|janv|gen|ene|feb|febr|fév|févr|mar|mär|mrz|mars|apr|avr|abr|may|mai|mag|jun|juin|giu|jul|juil|lug|"
    "aug|août|ago|sep|sept|set|oct|okt|ott|out|nov|dec|dez|déc|dic"
)
_BENT = re.compile(
    r"\d([.,]\d+)?E\+\d+"
    r"|\d{1,2}-(jan|feb|mar|apr|mag|may|mai|giu|jun|lug|jul|ago|aug|set|sep|oct|ott|okt|nov|dec|dic|dez|gen)\w*"
    rf"|\d{{1,2}}(\. ?| |-)({_MONTH})\.?([- ]\d{{2,4}})?|({_MONTH})\.?[- ](\d{{2}}|\d{{4}})"
    r"|#(NAME\?|REF!|N/A|VALUE!|NV|NOME\?|WERT!)"
    r"|'.+|=.+",
    re.IGNORECASE,
)
_TRUTH = (
    "TRUE",
    "FALSE",
    "WAHR",
    "FALSCH",
    "VRAI",
    "FAUX",
    "VERO",
    "FALSO",
    "VERDADERO",
    "VERDADEIRO",
    "WAAR",
    "ONWAAR",
)
"""What spreadsheets of several countries make of a code that reads like yes or no."""
_LIKE_LATIN = frozenset(
    "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0430"
    "\u0435\u0455\u0456\u0458\u043e\u0440\u0441\u0443\u0445\u0391\u0392\u0395\u0396\u0397\u0399\u039a"
    "\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf"
)
"""Cyrillic and Greek letters that nobody can tell from Latin ones."""

_UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Zs")
"""Kinds of characters that take no room, or look like a blank."""


def damaged(rows: Sequence[Row], *, spellings: bool = False) -> Iterator[Fault]:
    """One warning for each row with such a cell; codes that are `spellings` of units may hold signs of arithmetic."""
    padded = {(row.system, len(row.code)) for row in rows if row.code.isdigit() and row.code.startswith("0")}
    for row in rows:
        lost = row.code.isdigit() and not row.code.startswith("0") and (row.system, len(row.code) + 1) in padded
        found = ("code", _bent(row.code)) if lost else _damage(row, spellings=spellings)
        if found:
            column, text = found
            yield row.fault(column, text, "warning")


def _damage(row: Row, *, spellings: bool) -> tuple[str, str] | None:
    """The first cell of a row that looks damaged, and how."""
    cells = {"code": row.code, "target": row.target, **row.extra}
    changed = next((name for name, cell in cells.items() if _BENT.fullmatch(cell) or cell in _TRUTH), None)
    if changed:
        return changed, _bent(row.code)
    for name, cell in {"sender": row.sender, "code": row.code, "system": row.system, "target": row.target}.items():
        text = _invisible(cell) or (_foreign(cell) if name != "target" else None)
        if text:
            return name, text
    text = None if spellings else _pasted(row.code)
    return ("code", text) if text else None


def _bent(code: str) -> str:
    return f"'{code}' looks as if a spreadsheet had changed it; format the column as text and enter it again"


def _pasted(code: str) -> str | None:
    if "^" in code:
        return f"'{code}' holds a ^: is it a whole coded field? Write its first part here, its third as the system"
    if "*" in code and code != "*":
        return f"'{code}' holds a *, which is no wildcard in a code: only a code with a * in it is found"
    return None


def _invisible(cell: str) -> str | None:
    """A character that takes no room, or looks like a blank and is none."""
    hidden = next(
        (c for c in cell if c not in " \t\r\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Zs")), None
    )
    if hidden is None:
        return None
    return f"a character that cannot be seen (U+{ord(hidden):04X}) stands in '{cell}'; write the cell anew"


def _foreign(cell: str) -> str | None:
    """Letters of another alphabet in what looks like a Latin word."""
    letters = [c for c in cell if c.isalpha()]
    found = next((c for c in letters if c in _LIKE_LATIN), None)
    if found is None or not all(c.isascii() or c in _LIKE_LATIN for c in letters):
        return None
    alphabet = unicodedata.name(found).partition(" ")[0].capitalize()
    return f"'{cell}' holds the {alphabet} letter '{found}' (U+{ord(found):04X}), which only looks Latin; write it anew"
