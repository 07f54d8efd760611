"""What the lines of a message begin with: enough to know that it is one message, and the codes it names."""

from __future__ import annotations

import re
from collections.abc import Sequence

SEPARATOR = b"|"
"""The only field separator this is for."""
RESULT_LINE = b"\rOBX|"
_BEGINNINGS = re.compile(rb"\r(?:OB(?:X|R\|[^|\r]*)\|[^|\r]*\|[^|\r]*(?=\|)|(?!\|))(\|?[^|\r]*)")
_NAME = re.compile(rb"(?!OBX|OBR|MSH|FHS|BHS|BTS|FTS)[A-Z][A-Z0-9]{2}|")
LINES_LIMIT = 10_000
"""Messages of more lines are nobody's everyday messages."""

beginnings = _BEGINNINGS.findall
"""Of every line behind the first: OBX-3 or OBR-4 with the separator before it, of any other line its first field.

Lines end with a carriage return. A line that begins with a separator is left out: it is no segment, and names none.
"""


def with_returns(raw: bytes) -> bytes:
    """A message whose lines all end with a carriage return."""
    return raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r") if b"\n" in raw else raw


def codes_of(found: Sequence[bytes]) -> list[bytes] | None:
    """The distinct codes of a message by what its lines begin with; None where that does not tell them for certain.

    For certain: there is a segment behind the first line, and every line is a segment, no header of another message,
    and an OBX or OBR that reaches to its code; or there is nothing in the line.
    """
    distinct = dict.fromkeys(found)
    names = (one for one in distinct if not one.startswith(SEPARATOR))
    if len(found) > LINES_LIMIT or not any(distinct) or not all(map(_NAME.fullmatch, names)):
        return None
    return [one[1:] for one in distinct if one.startswith(SEPARATOR)]
