"""What the connections of one listener share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapter.transport.mllp_connection import Connection

LOOSE_ENDED_LIMIT = 1024
"""Hosts remembered so that each is warned about once."""


@dataclass(slots=True)
class Opened:
    """What the connections of one listener share."""

    live: set[Connection] = field(default_factory=set)
    loose_ended: set[str] = field(default_factory=set)
    """Hosts that were warned about because they end frames without the carriage return."""

    def first_loose_end(self, peer: str) -> bool:
        """Whether the host of a peer has to be warned about now, and from now on was."""
        host = peer.rpartition(":")[0]
        if host in self.loose_ended or len(self.loose_ended) >= LOOSE_ENDED_LIMIT:
            return False
        self.loose_ended.add(host)
        return True
