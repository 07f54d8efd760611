"""The words of the delivery ledger."""

from __future__ import annotations

STATES = ("pending", "sent", "confirmed", "parked")
DELIVERY_ORDER = ("activity", "interpretation", "flag", "provenance")
"""What is referred to goes before what refers to it."""
