"""Where requests to read messages again lie in a store, and their results."""

from __future__ import annotations

from pathlib import Path

from adapter.app.asking import ASKED

FOLDER = "replays"


def replay_waits(store: Path) -> bool:
    """Whether messages are to be read again: what that leads to is not known yet."""
    return any((store / FOLDER).glob(f"*{ASKED}"))
