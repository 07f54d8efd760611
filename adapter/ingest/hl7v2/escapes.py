r"""Escape sequences of HL7 v2 text, in both directions (HL7 2.5 section 2.7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from adapter.ingest.hl7v2.charset_escapes import runs_between_switches
from adapter.ingest.hl7v2.delimiters import Delimiters

_BLANKS_LIMIT = 80
"""Most blanks or lines one formatting command may ask for: a count is a number of the sender's choosing."""

_CONTROLS = "\r\n\x0b\x1c"
"""Characters that would end a segment or a frame."""


def unescape(text: str, delimiters: Delimiters, charset: str = "utf-8") -> str:
    r"""Resolve escape sequences; unknown, undecodable and unterminated ones stay as they came.

    `\C..\` and `\M..\` switch the character set. `\X..\` holds bytes of the message's character set, so adjacent
    ones are decoded together. `\.br\` is a line end, highlighting (`\H\ \N\`) is dropped.
    """
    mark = delimiters.escape
    if not mark or mark not in text:
        return text
    pattern, resolve = _resolver(delimiters, charset)
    if f"{mark}C" in text or f"{mark}M" in text:
        return "".join(pattern.sub(resolve, run) for run in runs_between_switches(text, mark))
    return pattern.sub(resolve, text)


def escape(text: str, delimiters: Delimiters, charset: str = "utf-8") -> str:
    """Write text so that no delimiter, segment end or frame byte is left in it; `unescape` gives it back.

    A message without an escape character cannot carry those characters: they become blanks.
    """
    return text.translate(_escape_table(delimiters, charset))


@lru_cache(maxsize=256)
def _resolver(delimiters: Delimiters, charset: str) -> tuple[re.Pattern[str], Callable[[re.Match[str]], str]]:
    mark = re.escape(delimiters.escape)
    pattern = re.compile(
        rf"{mark}([FSTREPHN]|\.[A-Za-z]{{2}}[+-]?\d{{0,4}}){mark}|((?:{mark}X(?:[0-9A-Fa-f]{{2}})+{mark})+)"
    )
    letters = {
        "F": delimiters.field,
        "S": delimiters.component or "^",
        "T": delimiters.subcomponent or "&",
        "R": delimiters.repetition or "~",
        "E": delimiters.escape,
        "P": delimiters.truncation or "#",
        "H": "",
        "N": "",
    }

    def resolve(found: re.Match[str]) -> str:
        name, hexadecimal = found.groups()
        if hexadecimal:
            return _decoded(hexadecimal, delimiters.escape, charset)
        return letters[name] if name in letters else _formatted(name[1:], found.group())

    return pattern, resolve


def _decoded(sequences: str, mark: str, charset: str) -> str:
    digits = sequences.replace(mark, "").replace("X", "")
    try:
        return bytes.fromhex(digits).decode(charset)
    except UnicodeDecodeError:
        return sequences


def _formatted(command: str, as_sent: str) -> str:
    count = min(int(command[2:].lstrip("+-") or 1), _BLANKS_LIMIT)
    match command[:2].lower():  # the standard writes them small, senders do not always
        case "br" | "ce":
            return "\n"
        case "sp":
            return "\n" * count
        case "sk":
            return " " * count
        case "in" | "ti" | "fi" | "nf":
            return ""
        case _:
            return as_sent


@lru_cache(maxsize=256)
def _escape_table(delimiters: Delimiters, charset: str) -> dict[int, str]:
    named = {
        delimiters.truncation: "P",
        delimiters.subcomponent: "T",
        delimiters.repetition: "R",
        delimiters.component: "S",
        delimiters.field: "F",
        delimiters.escape: "E",
        **{char: f"X{char.encode(charset).hex().upper()}" for char in _CONTROLS},
    }
    mark = delimiters.escape
    return {ord(char): f"{mark}{name}{mark}" if mark else " " for char, name in named.items() if char}
