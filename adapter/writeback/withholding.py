"""Which Flags a target does not get, because they speak of doses before it was switched on."""

from __future__ import annotations

from datetime import date

from adapter.domain.outputs import Wanted, Written

NEVER_WITHHELD = ("inactivation", "neutralizing-hypersensitivity", "severe-reaction")
"""Topics that matter however old the dose is (CONTRACTS 6, `monitor_from`)."""


def is_withheld(output: Wanted | Written, monitor_from: date | None) -> bool:
    """Whether a target that monitors from a date must not get this output.

    A Flag is as old as the dose that opened it, or as its sample when no dose is known; one without a time is sent.
    """
    if monitor_from is None or output.kind != "flag" or output.topic in NEVER_WITHHELD:
        return False
    opened = str((output.verdict or {}).get("of") or monitor_from)
    return opened[:10] < monitor_from.isoformat()
