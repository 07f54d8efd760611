"""Lines of a plain page: wrapped at its width, hanging under their label, and free of control characters."""

from __future__ import annotations

from textwrap import wrap

WIDTH = 100
LABEL = 20
STEP = "  "


def heading(text: str) -> list[str]:
    """The title of a section, underlined."""
    return ["", text, "-" * len(text)]


def paragraph(text: str, depth: int = 1) -> list[str]:
    """A text of its own."""
    return _wrapped(text, STEP * depth, STEP * depth)


def bullet(text: str, depth: int = 1) -> list[str]:
    """One entry of a list."""
    return _wrapped(text, f"{STEP * depth}- ", f"{STEP * depth}  ")


def row(label: str, text: str | None, depth: int = 1) -> list[str]:
    """A label and its text beside it; a fact that is not known says so."""
    start = f"{STEP * depth}{label:<{LABEL}}"
    return _wrapped(text or "not known", start, " " * len(start))


def quoted(text: str) -> str:
    """Words that are not ours, in quotation marks that nothing inside them can end."""
    inside = text.replace('"', "'")
    return f'"{inside}"'


def _wrapped(text: str, first: str, others: str) -> list[str]:
    """Text of a sender may hold anything: what cannot be printed becomes a space, so no line can hide another."""
    printable = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return wrap(printable, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False) or [
        first.rstrip()
    ]
