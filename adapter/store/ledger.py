"""The words of the delivery ledger."""

from __future__ import annotations

STATES = ("pending", "sent", "confirmed", "parked")
DELIVERY_ORDER = ("activity", "interpretation", "flag", "provenance")
"""What is referred to goes before what refers to it."""
LEFT_OUT = "left-out"
"""The strategy of what a target was left without, or holds as another copy."""
REMEMBERED = ("strategy", "remote_id", "remote_version", "remote_hash", "sent_hash")
"""What is remembered of a target's copy; an outcome that says nothing of it changes nothing.

`remote_hash` is what it confirmed last, `sent_hash` all that may stand there, separated by spaces, the newest last.
"""

OVERTAKES = "overtakes-unanswered"
"""Why a newer state waits: the request with the older one had no answer, and may still arrive behind it."""
