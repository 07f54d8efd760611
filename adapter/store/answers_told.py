"""How far the application answers of each port were told: a note beside their file, read again after a restart."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from adapter.store.private_json import read_object, replace_object

TOLD_FILE = "answers-told"


def told_to(store: Path, listener: str) -> int:
    """The id of the last answer of a port that was told, 0 where none is noted."""
    told = (read_object(_file(store, listener)) or {}).get("told")
    return told if isinstance(told, int) else 0


def note_told(store: Path, listener: str, told: int) -> bool:
    """Whether that could be noted; what is not is told a second time after a restart, under the same control id."""
    try:
        replace_object(_file(store, listener), {"told": told}, durable=True)
    except OSError:
        return False
    return True


def _file(store: Path, listener: str) -> Path:
    return store / f"{TOLD_FILE}-{quote(listener, safe='')}.json"
