"""Where a message departs from what HL7 says of its version; nothing of this is needed to read one."""

from __future__ import annotations

from adapter.ingest.conformance.check import Report, check_message, unreadable
from adapter.ingest.conformance.finding import CHECKS, Check, Finding, finding

__all__ = ["CHECKS", "Check", "Finding", "Report", "check_message", "finding", "unreadable"]
