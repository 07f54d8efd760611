"""What keeps two versions from being compared."""

from __future__ import annotations


class CannotCompare(Exception):  # noqa: N818 - a fault of the world, not of the program
    """A side or a message that cannot be read; the text says which, why and what to do."""
