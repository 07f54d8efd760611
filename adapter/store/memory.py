"""A store that lives as long as its process: what `play` and tests use."""

from __future__ import annotations

from adapter.store.memory_inbox import MemoryInbox
from adapter.store.memory_state import MemoryState

__all__ = ["MemoryInbox", "MemoryState"]
