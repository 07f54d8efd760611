"""The one failure a door passes on to its sender as 'not kept, send it again'."""

from __future__ import annotations


class CannotStore(Exception):  # noqa: N818 - named by what happened
    """The message could not be put on disk: MLLP closes without an answer, HTTP answers 503."""
