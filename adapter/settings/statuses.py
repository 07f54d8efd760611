"""The statuses one FHIR server takes instead of ours."""

from __future__ import annotations

from adapter.knowledge.reading import Block

WRITTEN_STATUSES = {
    "Observation": ("preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error"),
    "Flag": ("active", "inactive", "entered-in-error"),
}
"""The statuses of what is written (http://hl7.org/fhir/R4/valueset-observation-status.html, -flag-status.html)."""
StatusPairs = tuple[tuple[str, str], ...]


def read_status_map(block: Block) -> tuple[tuple[str, StatusPairs], ...]:
    """`Observation: {preliminary: final}`: resource type, then our status and that of the server."""
    found = tuple(
        (name, _pairs(block.block(name), statuses)) for name, statuses in WRITTEN_STATUSES.items() if block.has(name)
    )
    block.finish()
    return found


def _pairs(block: Block, statuses: tuple[str, ...]) -> StatusPairs:
    pairs = tuple((ours, block.choice(ours, statuses, ours)) for ours in statuses if block.has(ours))
    for ours, theirs in pairs:
        if theirs == "entered-in-error" and ours != theirs:
            block.fault(f"'{ours}' is valid, and would be told as entered in error", ours)
    block.finish()
    return pairs
