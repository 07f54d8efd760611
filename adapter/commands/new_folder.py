"""A folder for results that holds nothing yet, and files in it that nobody else may read."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def made_empty(folder: Path) -> str | None:
    """Make the folder, or take one that is empty; why it cannot be used otherwise. Raises OSError."""
    if folder.exists() and not folder.is_dir():
        return f"{folder} is a file; name a folder that is new or empty. Nothing was written."
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        return f"{folder} holds files already, and nothing is overwritten here; name a folder that is new or empty."
    return None


def write_new(path: Path, content: bytes) -> None:
    """A new file for its owner alone; one that could not be written whole is taken away again. Raises OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except OSError as fault:
        path.unlink(missing_ok=True)
        raise OSError(fault.errno, fault.strerror, str(path)) from None
