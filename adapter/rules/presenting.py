"""Doses, samples, reactions and drugs in the shape a finding prints them (CONTRACTS 3)."""

from __future__ import annotations

from adapter.domain.activity import Activity
from adapter.domain.events import ActivityMeasured, PremedicationGiven
from adapter.domain.findings import DoseInFinding, PremedicationInFinding, ReactionInFinding, SampleInFinding
from adapter.domain.history import fact_name
from adapter.domain.times import Moment
from adapter.rules.episodes import Episode
from adapter.rules.linking import Placement
from adapter.rules.quantities import fraction_text, hours_text, plain
from adapter.rules.reactions import Reaction

ACTIVITY_UNIT = "[IU]/mL"


def dose_shown(episode: Episode) -> DoseInFinding:
    """One dose episode."""
    return DoseInFinding(
        key=episode.key,
        product=episode.product,
        family=episode.family,
        started=_text(episode.started),
        ended=_text(episode.ended),
        amount=None if episode.amount is None else plain(episode.amount),
        unit=episode.unit,
        route=episode.route,
        fraction=None if episode.fraction is None else fraction_text(episode.fraction),
    )


def sample_shown(sample: ActivityMeasured, placement: Placement | None) -> SampleInFinding:
    """One sample, with the hours since the dose where it has one; an uncertain time gives a range."""
    return SampleInFinding(
        key=sample.key,
        specimen=sample.specimen,
        collected=_text(sample.collected),
        hours_since_dose=hours_text(placement.least) if placement and placement.exact else None,
        hours_range=_range(placement) if placement and not placement.exact else None,
        value=_value(sample.activity),
        comparator=sample.activity.comparator if sample.activity else None,
        unit=ACTIVITY_UNIT if sample.activity else None,
        reported={
            "value": sample.reported.value,
            "unit": sample.reported.unit,
            "text": sample.reported.text,
        },
        status=sample.status,
    )


def reaction_shown(reaction: Reaction, episode: Episode) -> ReactionInFinding:
    """One reaction event after a dose."""
    first = reaction.first
    return ReactionInFinding(
        key=first.key,
        occurred=_text(first.occurred),
        occurred_from=first.occurred_from,
        hours_after_start=_hours_after_start(first.occurred, episode),
        grade=reaction.grade,
        grade_from=reaction.grade_from,
        severe=reaction.severe,
        verification=reaction.verification,
        manifestations=reaction.manifestations,
        counts=reaction.counts,
        source=first.source,
        records=tuple(fact_name(record) for record in reaction.records),
    )


def drug_shown(drug: PremedicationGiven) -> PremedicationInFinding:
    """One drug given before a dose."""
    medication = drug.medication
    return PremedicationInFinding(
        key=drug.key,
        role=drug.role,
        drug=(medication.text or medication.code) if medication else None,
        started=_text(drug.started),
    )


def _range(placement: Placement) -> tuple[str, str]:
    return hours_text(placement.least), hours_text(placement.most)


def _text(at: Moment | None) -> str | None:
    return at.text if at else None


def _value(activity: Activity | None) -> str | None:
    return plain(activity.number) if activity and activity.number is not None else None


def _hours_after_start(onset: Moment | None, episode: Episode) -> str | None:
    began = episode.began
    assert onset  # noqa: S101 - only records with an onset are linked, and only to doses with a time
    assert began  # noqa: S101
    if not onset.exact or began.earliest != began.latest:
        return None
    return hours_text(onset.earliest - began.earliest)
