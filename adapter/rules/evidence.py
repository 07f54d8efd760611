"""What a reader needs to check a finding: facts used, thresholds, rules, what is missing (rulebook 6.3)."""

from __future__ import annotations

from typing import Any

from adapter.domain.events import ActivityMeasured
from adapter.domain.history import History, fact_name
from adapter.rules.alternatives import nearly, would_change
from adapter.rules.confirmation import JudgedDose
from adapter.rules.evidence_of_policy import policy_evidence, quotations_of
from adapter.rules.evidence_of_reactions import reaction_evidence, unlinked_reaction_evidence
from adapter.rules.evidence_of_rows import surely_asked
from adapter.rules.evidence_of_samples import sample_evidence, unlinked_evidence
from adapter.rules.families import FamilyBefore
from adapter.rules.linking import collection_span
from adapter.rules.quantities import hours_text, plain
from adapter.rules.sentence import missing_facts
from adapter.rules.situation import uninterpretable
from adapter.rules.words_of_dose import dose_text

RULE_SET = "1"
EVIDENCE_KEYS = (
    "rule_set",
    "policy",
    "dose",
    "samples",
    "reactions",
    "unlinked_reactions",
    "unlinked_reactions_not_listed",
    "reaction_link_h",
    "premedication",
    "earlier_in_family",
    "earlier_not_listed",
    "alternatives_of",
    "nearly",
    "would_change",
    "missing",
    "quotations",
)
NO_DOSE = "dose in the 42 days before the sample"
NO_TIME = "any time of the sample"


def evidence_of(dose: JudgedDose, family_before: FamilyBefore, history: History) -> dict[str, Any]:
    """The evidence of one dose; no evaluation time and nothing about arrival, so equal facts give equal evidence."""
    episode, policy = dose.episode, dose.episode.limits.policy
    earlier, asked = _shown_of_family(family_before), surely_asked(dose)
    return {
        "rule_set": RULE_SET,
        "policy": policy_evidence(policy) if policy else None,
        "dose": _dose(dose),
        "samples": [sample_evidence(dose, reading, history) for reading in dose.readings],
        "reactions": [reaction_evidence(reaction) for reaction in dose.reactions],
        "unlinked_reactions": [unlinked_reaction_evidence(entry) for entry in dose.unlinked],
        "unlinked_reactions_not_listed": dose.unlinked_not_listed,
        "reaction_link_h": hours_text(episode.limits.reaction_link),
        "premedication": {
            "antihistamine_window_h": hours_text(episode.limits.antihistamine_window),
            "steroid_window_h": hours_text(episode.limits.steroid_window),
            "found": [fact_name(drug) for drug in dose.premedication],
        },
        "earlier_in_family": [_earlier(old) for old in earlier],
        "earlier_not_listed": len(family_before) - len(earlier),
        "alternatives_of": asked.sample.key if asked else None,
        "nearly": nearly(asked) if asked else [],
        "would_change": would_change(asked, severe_beside=_severe_beside(dose)) if asked else [],
        "missing": list(missing_facts(dose)),
        "quotations": quotations_of(dose),
    }


def evidence_of_unlinked(sample: ActivityMeasured, history: History) -> dict[str, Any]:
    """The evidence of a sample without a dose, under the same keys."""
    return {
        "rule_set": RULE_SET,
        "policy": None,
        "dose": None,
        "samples": [unlinked_evidence(sample, history)],
        "reactions": [],
        "unlinked_reactions": [],
        "unlinked_reactions_not_listed": 0,
        "reaction_link_h": None,
        "premedication": None,
        "earlier_in_family": [],
        "earlier_not_listed": 0,
        "alternatives_of": None,
        "nearly": [],
        "would_change": [],
        "missing": [NO_DOSE if collection_span(sample) else NO_TIME],
        "quotations": [],
    }


def _severe_beside(dose: JudgedDose) -> bool:
    return any(entry.reaction.severe for entry in dose.unlinked)


def _dose(dose: JudgedDose) -> dict[str, Any]:
    episode, first = dose.episode, dose.episode.rows[0]
    medication = first.medication
    return {
        "told": dose_text(episode),
        "rows": [fact_name(row) for row in episode.rows],
        "copies": [fact_name(row) for row in episode.copies],
        "status": episode.status,
        "time_precision": episode.started.precision if episode.started else None,
        "ordered_amount": None if episode.ordered_amount is None else plain(episode.ordered_amount),
        "portion": episode.portion,
        "product_code": {"code": medication.code, "system": medication.system} if medication else None,
        "lots": sorted({row.lot for row in episode.rows if row.lot}),
        "low_readable_from_h": hours_text(uninterpretable(episode)) if episode.limits.product else None,
    }


def _shown_of_family(family_before: FamilyBefore) -> list[JudgedDose]:
    """The last earlier doses read as inactivation, the last dose, and the last one a level could confirm.

    Bounded, for a course may have hundreds of doses, and every one of them would tell of all before it.
    """
    last = range(len(family_before))[-1:]
    measured = () if family_before.measured is None else (family_before.measured,)
    return [family_before[at] for at in sorted({*last, *family_before.inactivated, *measured})]


def _earlier(old: JudgedDose) -> dict[str, Any]:
    episode = old.episode
    return {
        "dose": fact_name(episode.rows[0]),
        "told": dose_text(episode),
        "started": episode.started.text if episode.started else None,
        "exposure": old.combined.exposure,
        "mechanism": old.combined.mechanism,
        "rule": old.combined.rule,
    }
