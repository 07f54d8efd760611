"""Where the running service of a store listens, for commands beside it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RUNNING_FILE = "running.json"
FILE_MODE = 0o600


def tell_running(store: Path, ready: Mapping[str, Any]) -> None:
    """Write addresses and process ids into the store; without room the commands beside it go without."""
    fresh = store / f"{RUNNING_FILE}.new"
    with contextlib.suppress(OSError):
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(dict(ready), file)
        fresh.replace(store / RUNNING_FILE)


def forget_running(store: Path) -> None:
    """The service ends: nobody is to be sent to its addresses."""
    with contextlib.suppress(OSError):
        (store / RUNNING_FILE).unlink(missing_ok=True)


def read_running(store: Path) -> dict[str, Any] | None:
    """What `tell_running` wrote, perhaps by a service that was killed since; None when there is nothing to read."""
    try:
        told = json.loads((store / RUNNING_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None
