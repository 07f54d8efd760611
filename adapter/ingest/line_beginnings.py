"""What the lines of a message begin with: enough to know that it is one message, and the codes it names."""

from __future__ import annotations

import re
from collections.abc import Sequence

SEPARATOR = b"|"
"""The only field separator this is for."""
RESULT_LINE = b"\rOBX|"
_RESULT = b"OBX|"
_BEHIND_TYPE = 3
RETURN, NEWLINE, FRAME_START, FRAME_END = b"\r\n\x0b\x1c"
"""Looked for as numbers: for a text Python first finds out that it is none, and that takes longer than the search."""
_ANOTHER = rb"[AC-EG-LNP-Z][A-Z0-9]{2}\|"
"""Segments that are no header and name no result, by their first letter; others of that kind cost a little more."""
# A class of one sign is passed over several times as fast as one of two, so what is caught may reach over a line end;
# what is not caught may not.
_QUICK = re.compile(
    rb"\r(?!" + _ANOTHER + rb")(?:OBR\|[^|\r]*+\|[^|\r]*+\|[^|\r]*+(?=\|))?+"
    rb"(OBX\|[^|]*+\|[^|]*+\|[^|]*+|[^|]++|(?<!\r)\|[^|]*+)"
)
_ANY_OTHER = re.compile(rb"\r" + _ANOTHER)
_WITH_CARE = re.compile(rb"\r(?:OB(?:X|R\|[^|\r]*+)\|[^|\r]*+\|[^|\r]*+(?=\|)|(?!\|))(\|?[^|\r]*)")
_NAME = re.compile(rb"(?!OBX|OBR|MSH|FHS|BHS|BTS|FTS)[A-Z][A-Z0-9]{2}|")
LINES_LIMIT = 10_000
"""Messages of more lines are nobody's everyday messages."""

beginnings = _QUICK.findall
"""Of lines behind the first: an OBX up to its code, OBR-4 with the separator before it, of others the first field.

Lines end with a carriage return. Left out is what names no result for certain: nearly all other segments, and lines
that begin with a separator, which are none.
Where a line holds fewer fields, what is told of it goes on in the next one, line end and all.
"""


skeleton_of = b"\n".join
"""The beginnings in one; no line of a message holds what parts them."""


def with_returns(raw: bytes) -> bytes:
    """A message whose lines all end with a carriage return."""
    return raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r")


def is_clear(skeleton: bytes) -> bool:
    """Whether every line of a message was long enough: then its skeleton alone tells what the lines begin with."""
    return RETURN not in skeleton


def codes_of(text: bytes, found: Sequence[bytes], *, clear: bool) -> list[bytes] | None:
    """The distinct codes of a message by what its lines begin with; None where that does not tell them for certain.

    For certain: there is a segment behind the first line, and every line is a segment, no header of another message,
    and an OBX or OBR that reaches to its code; or there is nothing in the line.
    """
    lines = found if clear else _WITH_CARE.findall(text)
    codes = {one: _code_in(one) for one in lines}
    names = (one for one, code in codes.items() if code is None)
    if len(lines) > LINES_LIMIT or not (any(codes) or _ANY_OTHER.search(text)) or not all(map(_NAME.fullmatch, names)):
        return None
    return list(dict.fromkeys(code for code in codes.values() if code is not None))


def _code_in(beginning: bytes) -> bytes | None:
    if beginning.startswith(SEPARATOR):
        return beginning[1:]
    return beginning.split(SEPARATOR, _BEHIND_TYPE)[_BEHIND_TYPE] if beginning.startswith(_RESULT) else None
