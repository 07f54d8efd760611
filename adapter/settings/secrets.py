"""Secrets: where a site keeps them is configured, what they are is read when it is needed and never kept."""

from __future__ import annotations

import os
from pathlib import Path


def read_secret(file: Path | None, variable: str | None) -> str | None:
    """The password or token of a file, else of an environment variable; None when neither holds one."""
    if file:
        return file.read_text(encoding="utf-8").strip() or None
    return os.environ.get(variable, "").strip() or None if variable else None
