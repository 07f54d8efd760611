"""How much a reading lists of one kind: all of a few; of many the most recent and the severe ones, counting others."""

from __future__ import annotations

MOST_LISTED = 10
MOST_RECENT = 3
MOST_SEVERE = MOST_LISTED - MOST_RECENT
