"""How the store fails, sorted by what the caller must do about it."""

from __future__ import annotations


class CannotKeep(Exception):  # noqa: N818 (named by what happened)
    """Nothing was stored (no space, file busy): answer nothing, raise the alarm, try again later."""


class GroupUndone(CannotKeep):
    """A part of what was to be written together failed for a reason of its own: nothing of it was written."""


class StoreBroken(Exception):  # noqa: N818 (named by what happened)
    """A write or a sync failed in a way no retry can heal: acknowledge nothing more and end the process."""


class StoreLocked(Exception):  # noqa: N818 (named by what happened)
    """Another process already serves this store folder."""


class StoreTooNew(Exception):  # noqa: N818 (named by what happened)
    """A newer version of the program wrote this store."""


class BytesPruned(KeyError):  # noqa: N818 (named by what happened)
    """The bytes of a message went with their age: its row tells when, and nothing can read it again."""
