"""What the product takes from a message: where that is nothing, reading it again afterwards proves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from adapter.commands.play_folder import pieces
from adapter.pipeline.parts import Parts
from adapter.pipeline.understand import understand
from adapter.store.memory_state import MemoryState

Reading = Literal["fact", "support", "nothing"]
"""A result, dose or reaction of ours, or one that a problem keeps back; what such rest on; nothing of ours."""


def reading_of(name: str, raw: bytes, parts: Parts) -> Reading:
    """What these tables find in the one message that these bytes are."""
    alone = replace(parts, state=MemoryState())
    said = [one for piece in pieces(name, raw, parts.knowledge) for one in understand(piece.arrival, alone)]
    if any(one.events or (one.relevance == "relevant" and one.problems) for one in said):
        return "fact"
    return "support" if any(one.patients or one.known for one in said) else "nothing"
