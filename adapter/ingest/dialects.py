"""How one sender writes its messages, and what is remembered of the codes it names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from adapter.domain.message import Relevance
from adapter.ingest.hl7v2 import Delimiters
from adapter.ingest.hl7v2.charsets import candidate_codecs, is_transparent
from adapter.ingest.hl7v2.delimiters import declared_delimiters
from adapter.ingest.hl7v2.header import peek, readable
from adapter.ingest.line_beginnings import SEPARATOR

_MISNAMED = rb"\r[^A-Za-z0-9\r]*(?:o[bB][xXrR]|Ob[xXrR]|OB[xr])"
"""Anchored at the end of the line before: the search then passes over lines, and not over every letter."""

Triple = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether a message concerns us, and the (system, code, text) of its codes that no table knows."""

    relevance: Relevance
    codes: tuple[Triple, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dialect:
    """One sender with one set of delimiters and one character set, and what is remembered of it."""

    sender: str
    delimiters: Delimiters
    codecs: tuple[str, ...]
    code: re.Pattern[bytes]
    """Finds OBX-3 and OBR-4."""
    result: bytes
    order: bytes
    misnamed: re.Pattern[bytes]
    """Finds lines that begin like an OBX or OBR written otherwise than in capitals."""
    usual: bool
    """Whether the beginnings of its lines can be told."""
    codes: dict[bytes, Judgement] = field(default_factory=dict)
    skeletons: dict[bytes, Judgement] = field(default_factory=dict)
    """Whole messages by what their lines begin with, results or not: senders repeat panels."""


def new_dialect(header: Sequence[bytes], default_charset: str | None) -> Dialect | None:
    """The dialect that the fields of a header declare; None where bytes cannot be parted before they are decoded."""
    separator, encoding = header[1], header[2]
    delimiters = declared_delimiters(readable(separator), readable(encoding))
    declared = readable(header[18]) if len(header) > 18 else ""
    first = declared.split(delimiters.repetition or None)[0] if declared.strip() else ""
    codecs = candidate_codecs(first, default_charset)
    if not (separator + encoding).isascii() or not all(is_transparent(codec) for codec in codecs):
        return None
    mark = re.escape(separator)
    other = rb"[^" + mark + rb"\r]*"
    code = rb"\rOB(?:X|R" + mark + other + rb")" + mark + other + mark + other + mark + rb"(" + other + rb")"
    return Dialect(
        sender=peek(separator.join([b"MSH", *header[2:5]])).sender,
        delimiters=delimiters,
        codecs=codecs,
        code=re.compile(code),
        result=b"OBX" + separator,
        order=b"OBR" + separator,
        misnamed=re.compile(_MISNAMED + mark),
        usual=separator == SEPARATOR,
    )
