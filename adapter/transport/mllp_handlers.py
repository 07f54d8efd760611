"""What a listener hands its connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """An answer in two frames: one at once, and one when it is known."""

    first: bytes | None
    later: Callable[[], Awaitable[bytes | None]]
    """Called once `first` is written; the next frame of the connection has its turn after it."""


class Coming(Protocol):
    """An answer on its way that nothing has to be awaited for."""

    def then(self, tell: Callable[[bytes | None], None], /) -> None:
        """Have it told on the loop in a later turn; None: `handle` has to be asked, as if nothing had been."""


Handle = Callable[[bytes, str], Awaitable[bytes | Followed | None]]
Notify = Callable[[str, dict[str, Any]], None]


def nobody_asks(_seconds: float) -> None:
    """Nobody counts how long answers take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpHandlers:
    """What a listener hands its connections."""

    handle: Handle
    """(message, peer) to the answer or the two of them; None answers nothing. May raise CannotStore."""
    too_large: Callable[[bytes], bytes | None]
    """The beginning of an oversized message to its answer."""
    on_event: Notify
    """(name, fields): what happened on the wire, without content."""
    on_torn: Callable[[bytes, str], None] | None = None
    """(fragment, peer) of a frame that never ended, for the archive."""
    at_once: Callable[[bytes], bytes | Coming | None] | None = None
    """A message to its answer, there already or coming, where it gets just one; None: `handle` has to be asked."""
    on_answered: Callable[[float], None] = nobody_asks
    """Seconds from the last byte of a message to the first answer to it, its wait for its turn included."""
    commits: bool = False
    """Confirm by MLLP release 2 that a frame is kept, before its answer."""


COMMITTED, NOT_COMMITTED = b"\x06", b"\x15"
"""The content of the commit blocks of MLLP release 2."""
