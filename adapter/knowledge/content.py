"""The content hash of something parsed: editing a comment does not change it."""

from __future__ import annotations

import hashlib
import json


def content_hash(parsed: object) -> str:
    """The first 16 hex digits of the sha256 over the canonical JSON of parsed text."""
    text = json.dumps(parsed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
