"""What a corridor makes of Patient resources and what refers to them, as short as a test can read it."""

from __future__ import annotations


def taken(corridor, *resources):
    """Take resources in turn; by patient the samples of each dose, and how many levels belong to none."""
    for one in resources:
        done = corridor.take(one)
        assert done.fault is None, done.fault
    return {
        patient: ([len(one["samples"]) for one in doses], len(unlinked))
        for patient, (doses, unlinked) in corridor.findings().items()
        if doses or unlinked
    }


def waiting(corridor):
    """(reason, what it waits for) of everything in the work list."""
    return [(one.reason, one.waits_for) for one in corridor.state.parked()]
