"""The moments between the steps of a message's way at which a process may die, by name, so that each can be tried."""

from __future__ import annotations

from collections.abc import Callable

POINTS = (
    "received",
    "batch-gathered",
    "batch-written",
    "batch-on-disk",
    "batch-handed-back",
    "answer-worded",
    "taken",
    "understood",
    "state-written",
    "state-committed",
    "group-written",
    "group-committed",
    "delivery-due",
    "delivered",
    "settled",
    "portion-removed",
    "portion-pruned",
    "answers-removed",
    "answers-pruned",
)
"""In the order of the corridor, pruning last; the answer's own bytes leave between `answer-worded` and `taken`."""

_on_reaching: Callable[[str], None] | None = None


def reached(point: str) -> None:
    """A process has come to this point of `POINTS`; nothing happens, unless a test has said what should."""
    if _on_reaching is not None:
        _on_reaching(point)


def on_reaching(do: Callable[[str], None] | None) -> None:
    """Say what happens at every point of this process from now on; None for nothing."""
    global _on_reaching  # noqa: PLW0603 - one process, one way to die
    _on_reaching = do
