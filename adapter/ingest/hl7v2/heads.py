"""Where the header and trailer segments of messages and batches begin, in linear time whatever the bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

BOM = b"\xef\xbb\xbf"
_NAMES = re.compile(rb"(?:MSH|FHS|BHS|BTS|FTS)(?![A-Za-z0-9])")
_FRAME_BYTES = b"\x0b\x1c"
_BEFORE_A_LINE = _FRAME_BYTES + b" \t"


def heads(raw: bytes) -> Iterator[tuple[bytes, int]]:
    """Name and offset of every MSH, FHS, BHS, BTS and FTS that begins a line; frame bytes and blanks may lie before it.

    A line begins with the bytes, after a byte-order mark, after a line end, and after a frame byte.
    """
    # Each gap between two names is looked at once: a pattern that includes the gap is quadratic on runs of 0x0B.
    passed = 0
    for found in _NAMES.finditer(raw):
        start = found.start()
        gap = raw[passed:start]
        passed = start
        line_end = gap.rstrip(_BEFORE_A_LINE)
        between = gap[len(line_end) :]
        if (
            start == len(between)
            or line_end.endswith((b"\r", b"\n"))
            or between.strip(b" \t")
            or (start - len(between) == len(BOM) and raw.startswith(BOM))
        ):
            yield found.group(), start
