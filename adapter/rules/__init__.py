"""The interpretation: one patient's history, the policies and a time give findings; pure functions only."""

from __future__ import annotations

from adapter.rules.interpretation import interpret

__all__ = ["interpret"]
