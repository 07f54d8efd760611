"""How often a property is tried: fully where the rooms are tested at length, less often in the default run."""

from __future__ import annotations

import os

THOROUGH = "TROUGHLINE_THOROUGH"
"""Set by `.ci/run` where it tries every property at length; the default run is for every change, and fast."""
AT_LENGTH = bool(os.environ.get(THOROUGH))
FEWER = 3


def examples(at_length: int) -> int:
    """Of so many examples those that are tried now."""
    return at_length if AT_LENGTH else -(-at_length // FEWER)
