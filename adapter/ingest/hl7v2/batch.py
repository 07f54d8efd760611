"""The messages inside one file or frame: batches, bare concatenations, framing left on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapter.domain.problems import Problem, problem
from adapter.ingest.hl7v2.charsets import wide_codec

_BOM = b"\xef\xbb\xbf"
_HEAD = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n\x0b\x1c])[\x0b\x1c \t]*(MSH|FHS|BHS|BTS|FTS)(?![A-Za-z0-9])")
_NAMES = (b"MSH", b"FHS", b"BHS", b"BTS", b"FTS")
_FRAMING = b"\x0b\x1c\r\n \t"
_COUNT = re.compile(rb"BTS.(\d{1,9})(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The messages of one file or frame, and what its trailers say wrongly of them."""

    messages: tuple[bytes, ...]
    problems: tuple[Problem, ...] = ()


def split_messages(raw: bytes) -> list[bytes]:
    """The messages of one file or frame, each from its MSH on; a single one, or bytes with no MSH, as they came."""
    return list(read_batch(raw).messages)


def read_batch(raw: bytes) -> Batch:
    """Split FHS/BHS/BTS/FTS batches and bare concatenations (HL7 2.5 section 2.10.3); check BTS-1 against what came."""
    if _is_plain(raw):
        return Batch(messages=(raw,))
    heads = [(found.group(1), found.start(1)) for found in _HEAD.finditer(raw)]
    wide = None if heads else wide_codec(raw)
    if wide:
        inner = read_batch(raw.decode(wide, "replace").encode())
        whole = len(inner.messages) == 1
        pieces = (raw,) if whole else tuple(piece.decode().encode(wide) for piece in inner.messages)
        return Batch(messages=pieces, problems=inner.problems)
    if [name for name, _ in heads] in ([], [b"MSH"]):
        return Batch(messages=(raw,))
    return _split(raw, heads)


def _is_plain(raw: bytes) -> bool:
    return raw.startswith(b"MSH") and all(raw.find(name, 3) < 0 for name in _NAMES)


def _split(raw: bytes, heads: list[tuple[bytes, int]]) -> Batch:
    # A byte-order mark speaks for the whole file: every message of it keeps one.
    mark = _BOM if raw.startswith(_BOM) else b""
    ends = [start for _, start in heads[1:]] + [len(raw)]
    messages: list[bytes] = []
    problems: list[Problem] = []
    since_header = 0
    for (name, start), end in zip(heads, ends, strict=True):
        part = raw[start:end]
        if name == b"MSH":
            messages.append(mark + part.rstrip(_FRAMING) + b"\r")
            since_header += 1
        elif name == b"BHS":
            since_header = 0
        elif name == b"BTS":
            counted = _COUNT.match(part)
            if counted and int(counted.group(1)) != since_header:
                problems.append(problem("batch-count", where="BTS[1]-1", location="BTS^1^1"))
            since_header = 0
    return Batch(messages=tuple(messages) or (raw,), problems=tuple(problems))
