"""The garbage collector of a process that runs for long."""

from __future__ import annotations

import gc


def leave_out_what_is_loaded() -> None:
    """Nothing loaded by now goes before the process does: the collector need not go through it again."""
    gc.collect()
    gc.freeze()
