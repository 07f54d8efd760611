"""Where the running service of a store listens, for commands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from adapter.store.private_json import read_object, replace_object

RUNNING_FILE = "running.json"


def tell_running(store: Path, ready: Mapping[str, Any]) -> None:
    """Write addresses and process ids into the store; without room the commands beside it go without."""
    with suppress(OSError):
        replace_object(store / RUNNING_FILE, ready)


def forget_running(store: Path) -> None:
    """The service ends: nobody is to be sent to its addresses."""
    with suppress(OSError):
        (store / RUNNING_FILE).unlink(missing_ok=True)


def read_running(store: Path) -> dict[str, Any] | None:
    """What `tell_running` wrote, perhaps by a service that was killed since; None when there is nothing to read."""
    return read_object(store / RUNNING_FILE)
