"""Compiled files of a run where Python was told to write none: kept, but not beside the sources."""

from __future__ import annotations

import os
import sys
from pathlib import Path

NONE_WRITTEN = "PYTHONDONTWRITEBYTECODE"
HOME = "PYTHONPYCACHEPREFIX"


def keep(folder: Path) -> None:
    """Else every worker, every run and every program a test starts compiles all modules and tests again."""
    if not sys.dont_write_bytecode:
        return
    sys.dont_write_bytecode = False
    sys.pycache_prefix = sys.pycache_prefix or str(folder)
    os.environ.pop(NONE_WRITTEN, None)
    os.environ[HOME] = sys.pycache_prefix
