"""One variation of a message."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from adapter.ingest.hl7v2 import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """What is varied, and the bytes that come of it."""

    name: str
    """`obx-11-corrected`: the name of the file; sorts by place."""
    says: str
    raw: bytes
    site: dict[str, str] = field(default_factory=dict, hash=False)
    """Settings of the sender the variation is about."""


def varied(name: str, says: str, message: Message, **site: str) -> Variation:
    """A variation whose bytes are those of one message."""
    return Variation(name=named(name), says=says, raw=message.encode(), site=site)


def named(text: str) -> str:
    """A text as a name of a file."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
