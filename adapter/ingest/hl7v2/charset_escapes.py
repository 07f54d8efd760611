r"""Escapes that switch the character set inside a field: `\Cxxyy\` and `\Mxxyyzz\` (HL7 2.5 section 2.7.2)."""

from __future__ import annotations

import re
from functools import lru_cache

_ISO_2022 = "iso2022_jp_2"
"""The codec that knows the sets of HL7 table 0211 a 7-bit text can switch to: JIS X 0201, 0208, 0212, GB, KS."""
_ESCAPE = b"\x1b"
_TO_ASCII = "C2842"
_BACK_TO_ASCII = b"\x1b(B"


def runs_between_switches(text: str, mark: str) -> list[str]:
    """The text cut at each switch, what follows one read in the set it names, up to the next or the end of the field.

    A switch to a set that is not known, or before text that is not of it or holds escapes, stays as it came.
    """
    runs: list[str] = []
    command, start = "", 0
    for found in _pattern(mark).finditer(text):
        if found.group(1):
            runs.append(_read(command, text[start : found.start()], mark))
            command, start = found.group(1), found.end()
    return [*runs, _read(command, text[start:], mark)]


def _read(command: str, text: str, mark: str) -> str:
    if not command or command == _TO_ASCII:
        return text
    as_sent = f"{mark}{command}{mark}{text}"
    if mark in text:
        return as_sent
    try:
        return (_ESCAPE + bytes.fromhex(command[1:]) + text.encode("ascii") + _BACK_TO_ASCII).decode(_ISO_2022)
    except UnicodeError:
        return as_sent


@lru_cache(maxsize=256)
def _pattern(mark: str) -> re.Pattern[str]:
    r"""A switch in its group, or another escape whole: `\E\C2842\E\` holds no switch."""
    quoted = re.escape(mark)
    switch = r"C[0-9A-Fa-f]{4}|M[0-9A-Fa-f]{4}(?:[0-9A-Fa-f]{2})?"
    return re.compile(rf"{quoted}(?:({switch})|[FSTREPHN]){quoted}")
