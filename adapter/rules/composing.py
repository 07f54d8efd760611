"""Findings in their printed shape, from drafted doses and from samples without a dose (CONTRACTS 3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from adapter.domain.events import ActivityMeasured
from adapter.domain.findings import Finding
from adapter.domain.history import History
from adapter.rules.drafts import Drafted
from adapter.rules.evidence import evidence_of, evidence_of_unlinked
from adapter.rules.limits import Limits
from adapter.rules.modifiers import modifiers_of_sample, ordered
from adapter.rules.presenting import dose_shown, drug_shown, reaction_shown, sample_shown
from adapter.rules.priority import Verdict, priority_of, priority_of_unlinked
from adapter.rules.qualify import measurable, usability
from adapter.rules.sentence import sentence_of
from adapter.rules.sentence_of_unlinked import DoseRecords, sentence_of_unlinked
from adapter.rules.words_of_levels import threshold_of

WITHOUT_POLICY = Limits(product=None, policy=None)


def finding_of(
    draft: Drafted, later: Sequence[Verdict], *, history: History, history_from: str | None, as_of: datetime
) -> Finding:
    """The finding of one dose; `later` are the verdicts of later doses of its family."""
    dose, episode = draft.dose, draft.dose.episode
    policy, headline = episode.limits.policy, dose.combined.headline
    priority = priority_of(draft.verdict, later)
    return Finding(
        patient=history.patient,
        source=episode.source,
        dose=dose_shown(episode),
        samples=tuple(sample_shown(reading.sample, reading.placement) for reading in dose.readings),
        reactions=tuple(reaction_shown(reaction, episode) for reaction in dose.reactions),
        premedication=tuple(drug_shown(drug) for drug in dose.premedication),
        exposure=dose.combined.exposure,
        mechanism=dose.combined.mechanism,
        monitoring=draft.monitoring,
        modifiers=draft.modifiers,
        priority=priority,
        policy=policy.label if policy else None,
        policy_hash=policy.hash if policy else None,
        history_from=history_from,
        rules=draft.rules,
        next_check=draft.clock.next_change(as_of) if draft.clock else None,
        sentence=sentence_of(draft, history, priority),
        evidence=evidence_of(dose, draft.family_before, history),
        threshold_iu_per_ml=threshold_of(headline, policy) if headline and policy else None,
        headline_sample=headline.sample.key if headline else None,
        sample_sources=tuple((reading.sample.key, reading.sample.source) for reading in dose.readings),
    )


def unlinked_finding_of(
    sample: ActivityMeasured,
    *,
    history: History,
    history_from: str | None,
    records: DoseRecords,
    reaction_open: bool,
) -> Finding:
    """The finding of a sample that no known dose explains: never a verdict, always a question about the data.

    `reaction_open`: a reaction of the patient still waits for a usable level.
    """
    no_level = usability(sample, WITHOUT_POLICY) == "no-level"
    certain = usability(sample, WITHOUT_POLICY) == "usable" and measurable(sample)
    modifiers = ("no-dose-known", *modifiers_of_sample(sample, WITHOUT_POLICY, history.corrected))
    return Finding(
        patient=history.patient,
        source=sample.source,
        dose=None,
        samples=(sample_shown(sample, None),),
        reactions=(),
        premedication=(),
        exposure="no-result" if no_level else "indeterminate",
        mechanism="not-assessable",
        monitoring=None,
        modifiers=ordered(modifiers),
        priority=priority_of_unlinked(reaction_open=reaction_open),
        policy=None,
        policy_hash=None,
        history_from=history_from,
        rules=("Q10" if certain else "D1",),
        next_check=None,
        sentence=sentence_of_unlinked(sample, history, records),
        evidence=evidence_of_unlinked(sample, history),
        headline_sample=None if no_level else sample.key,
        sample_sources=((sample.key, sample.source),),
    )
