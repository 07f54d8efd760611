"""Small JSON files of the store: private to its owner, and replaced whole so that nobody reads half of one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapter.store.folder import FILE_MODE


def read_object(file: Path) -> dict[str, Any] | None:
    """The object in a file; None where there is no file, or none that can be read."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def replace_object(file: Path, content: Mapping[str, Any], *, durable: bool = False) -> None:
    """Put an object into a file; `durable`: on the disk before this returns (OSError: the old content stands)."""
    fresh = file.with_name(f"{file.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        json.dump(dict(content), written, ensure_ascii=False)
        if durable:
            written.flush()
            os.fsync(written.fileno())
    fresh.replace(file)
