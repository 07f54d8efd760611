"""Where the environments of third-party peers live: `.peers` of the checkout, or the folder TROUGHLINE_PEERS names."""

from __future__ import annotations

import os
from pathlib import Path


def peers_home() -> Path:
    """The folder, made when it is not there; kept from run to run."""
    named = os.environ.get("TROUGHLINE_PEERS")
    folder = Path(named) if named else Path(__file__).parents[2] / ".peers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
