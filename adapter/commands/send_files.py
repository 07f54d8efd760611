"""The messages in files somebody wants to send: single ones, batches, concatenations, frames left on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapter.commands.message_file import read_messages
from adapter.ingest.hl7v2 import peek, split_messages

_LINE_END = re.compile(rb"\r\n|\n")
_FRAME = re.compile(rb"\x0b(.*?)\x1c\r?", re.DOTALL)
_AROUND = b"\x0b\x1c\r\n \t"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to send, and where it stands."""

    file: str
    number: int
    """Within the file, from 1."""
    raw: bytes
    control_id: str


def read_files(files: Sequence[str], *, as_is: bool) -> list[Outgoing]:
    """Every message of the files in order; `-` is standard input. Raises OSError when one cannot be read.

    Lines end with CR afterwards, as MLLP wants it; with `as_is` a file (or each frame in it) goes out byte for byte.
    """
    messages: list[Outgoing] = []
    for name in files:
        content = read_messages(name)
        pieces = _as_they_are(content) if as_is else _messages(content)
        messages += [
            Outgoing(file=name, number=number, raw=raw, control_id=peek(raw).control_id)
            for number, raw in enumerate(pieces, 1)
        ]
    return messages


def _as_they_are(content: bytes) -> list[bytes]:
    return _FRAME.findall(content) or ([content] if content else [])


def _messages(content: bytes) -> list[bytes]:
    return [_with_returns(raw) for raw in split_messages(content) if raw.strip(_AROUND)]


def _with_returns(raw: bytes) -> bytes:
    return _LINE_END.sub(b"\r", raw).strip(_AROUND) + b"\r"
