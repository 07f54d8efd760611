"""What the reaction records of a dose add to the evidence of a finding: every record, and who wrote it."""

from __future__ import annotations

from typing import Any

from adapter.domain.events import HypersensitivityRecorded
from adapter.domain.history import fact_name
from adapter.domain.times import Moment
from adapter.rules.reactions import Reaction
from adapter.rules.unlinked_reactions import Unlinked
from adapter.rules.words_of_dose import dated_dose


def reaction_evidence(reaction: Reaction) -> dict[str, Any]:
    """One reaction event: its grade with where it came from, and every record of it."""
    return {
        "records": [_record(record) for record in reaction.records],
        "coded_for": sorted({record.product for record in reaction.records if record.product}),
        "manifestations": list(reaction.manifestations),
        "grade": reaction.grade,
        "grade_from": reaction.grade_from,
        "severe": reaction.severe,
        "severe_because": list(reaction.severe_because),
        "verification": reaction.verification,
        "counts": reaction.counts,
        "could_also_belong_to": [dated_dose(episode) for episode in reaction.also_possible],
    }


def unlinked_reaction_evidence(entry: Unlinked) -> dict[str, Any]:
    """One reaction that could concern the dose although nothing ties it to it."""
    return {
        **reaction_evidence(entry.reaction),
        "urgent": entry.urgent,
        "linked_to": dated_dose(entry.linked_to) if entry.linked_to else None,
    }


def _record(record: HypersensitivityRecorded) -> dict[str, Any]:
    return {
        "fact": fact_name(record),
        "verification": record.verification,
        "clinical_status": record.clinical_status,
        "occurred": _text(record.occurred),
        "occurred_from": record.occurred_from,
        "grade": record.grade,
        "severity": record.severity,
        "text": record.text,
        "recorder": record.recorder,
    }


def _text(at: Moment | None) -> str | None:
    return at.text if at else None
