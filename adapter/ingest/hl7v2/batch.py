"""The messages inside one file or frame: batches, bare concatenations, framing left on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapter.domain.problems import Problem, problem
from adapter.ingest.hl7v2.charsets import wide_codec
from adapter.ingest.hl7v2.heads import BOM, heads

_FRAMING = b"\x0b\x1c\r\n \t"
_COUNT = re.compile(rb"BTS.(\d{1,9})(?!\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The messages of one file or frame, and what its trailers say wrongly of them."""

    messages: tuple[bytes, ...]
    problems: tuple[Problem, ...] = ()


def split_messages(raw: bytes) -> list[bytes]:
    """The messages of one file or frame, each from its MSH on; a single one, or bytes with no MSH, as they came."""
    return [raw] if is_single(raw) else list(read_batch(raw).messages)


def read_batch(raw: bytes) -> Batch:
    """Split FHS/BHS/BTS/FTS batches and bare concatenations (HL7 2.5 section 2.10.3); check BTS-1 against what came."""
    if is_single(raw):
        return Batch(messages=(raw,))
    found = list(heads(raw))
    wide = None if found else wide_codec(raw)
    if wide:
        return _read_wide(raw, wide)
    if [name for name, _ in found] in ([], [b"MSH"]):
        return Batch(messages=(raw,))
    return _split(raw, found)


def is_single(raw: bytes) -> bool:
    """Whether the bytes begin with the only header in them."""
    # Written out, for every message comes by here.
    return (
        raw.startswith(b"MSH")
        and raw.find(b"MSH", 3) < 0
        and raw.find(b"FHS", 3) < 0
        and raw.find(b"BHS", 3) < 0
        and raw.find(b"BTS", 3) < 0
        and raw.find(b"FTS", 3) < 0
    )


def _read_wide(raw: bytes, codec: str) -> Batch:
    # Lone surrogates are passed through: what cannot be read must still come back as it came.
    whole_units = raw[: len(raw) // 2 * 2]
    inner = read_batch(whole_units.decode(codec, "surrogatepass").encode("utf-8", "surrogatepass"))
    if len(inner.messages) == 1:
        return Batch(messages=(raw,), problems=inner.problems)
    texts = (piece.decode("utf-8", "surrogatepass") for piece in inner.messages)
    return Batch(messages=tuple(text.encode(codec, "surrogatepass") for text in texts), problems=inner.problems)


def _split(raw: bytes, found: list[tuple[bytes, int]]) -> Batch:
    # A byte-order mark speaks for the whole file: every message of it keeps one.
    mark = BOM if raw.startswith(BOM) else b""
    ends = [start for _, start in found[1:]] + [len(raw)]
    messages: list[bytes] = []
    miscounted = False
    since_header = 0
    for (name, start), end in zip(found, ends, strict=True):
        part = raw[start:end]
        if name == b"MSH":
            messages.append(mark + _without_framing(part) + b"\r")
            since_header += 1
        elif name == b"BHS":
            since_header = 0
        elif name == b"BTS":
            counted = _COUNT.match(part)
            miscounted = miscounted or (counted is not None and int(counted.group(1)) != since_header)
            since_header = 0
    problems = (problem("batch-count", where="BTS[1]-1", location="BTS^1^1"),) if miscounted else ()
    return Batch(messages=tuple(messages) or (raw,), problems=problems)


def _without_framing(part: bytes) -> bytes:
    """A message without the line ends and frame bytes behind it; blanks that end its last field are its own."""
    content = part.rstrip(_FRAMING)
    behind = part[len(content) :]
    return part[: len(part) - len(behind.lstrip(b" \t"))]
