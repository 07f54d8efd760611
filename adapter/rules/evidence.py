"""What a reader needs to check a finding: facts used, thresholds, rules, what is missing (rulebook 6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapter.domain.events import ActivityMeasured
from adapter.domain.history import History, fact_name
from adapter.domain.policy import Policy
from adapter.rules.alternatives import would_change
from adapter.rules.confirmation import JudgedDose
from adapter.rules.limits import windows
from adapter.rules.quantities import hours_text, plain
from adapter.rules.reactions import Reaction
from adapter.rules.reading import Reading
from adapter.rules.sentence import missing_facts
from adapter.rules.words_of_levels import threshold_of

RULE_SET = "1"


def evidence_of(dose: JudgedDose, family_before: Sequence[JudgedDose], history: History) -> dict[str, Any]:
    """The evidence of one dose; no evaluation time and nothing about arrival, so equal facts give equal evidence."""
    episode, policy = dose.episode, dose.episode.limits.policy
    return {
        "rule_set": RULE_SET,
        "policy": _policy(policy) if policy else None,
        "dose": {
            "rows": [fact_name(row) for row in episode.rows],
            "copies": [fact_name(row) for row in episode.copies],
            "status": episode.status,
            "time_precision": episode.started.precision if episode.started else None,
            "portion": episode.portion,
            "product_code": _code(dose),
            "lots": sorted({row.lot for row in episode.rows if row.lot}),
        },
        "samples": [_sample(reading, policy, history) for reading in dose.readings],
        "reactions": [_reaction(reaction) for reaction in dose.reactions],
        "unlinked_reactions": [
            {**_reaction(entry.reaction), "severe": entry.reaction.severe} for entry in dose.unlinked
        ],
        "premedication": {
            "antihistamine_window_h": hours_text(episode.limits.antihistamine_window),
            "steroid_window_h": hours_text(episode.limits.steroid_window),
            "found": [fact_name(drug) for drug in dose.premedication],
        },
        "earlier_in_family": [
            {"dose": fact_name(old.episode.rows[0]), "mechanism": old.combined.mechanism} for old in family_before
        ],
        "would_change": would_change(dose),
        "missing": list(missing_facts(dose)),
    }


def _reaction(reaction: Reaction) -> dict[str, Any]:
    return {
        "records": [fact_name(record) for record in reaction.records],
        "coded_for": sorted({record.product for record in reaction.records if record.product}),
        "grade": reaction.grade,
        "grade_from": reaction.grade_from,
        "severe_because": list(reaction.severe_because),
        "verification": reaction.verification,
        "recorders": sorted({record.recorder for record in reaction.records if record.recorder}),
    }


def evidence_of_unlinked(sample: ActivityMeasured, history: History) -> dict[str, Any]:
    """The evidence of a sample without a dose."""
    return {
        "rule_set": RULE_SET,
        "sample": fact_name(sample),
        "lloq_iu_per_ml": _plain_lloq(sample),
        **_versions(sample, history),
        "missing": ["dose in the 42 days before the sample"],
    }


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "id": policy.id,
        "version": policy.version,
        "hash": policy.hash,
        "time_points": [
            {
                "name": point.name,
                "from_h": plain(point.min_h.value),
                "to_h": plain(point.max_h.value),
                "threshold_iu_per_ml": plain(point.threshold.value),
                "citation": point.threshold.citation,
                "grade": point.threshold.grade,
            }
            for point in windows(policy)
        ],
    }


def _code(dose: JudgedDose) -> dict[str, str | None] | None:
    medication = dose.episode.rows[0].medication
    return {"code": medication.code, "system": medication.system} if medication else None


def _versions(sample: ActivityMeasured, history: History) -> dict[str, Any]:
    """What other versions of a result said, where they bear on this one."""
    earlier = history.earlier_values.get(fact_name(sample))
    return {
        "value_before_correction": None if earlier is None else {"text": earlier.text, "unit": earlier.unit},
        "later_unsettled_version": fact_name(sample) in history.unsettled_later,
    }


def _sample(reading: Reading, policy: Policy | None, history: History) -> dict[str, Any]:
    return {
        "key": reading.sample.key,
        "source": reading.sample.source,
        "rule": reading.rule,
        "exposure": reading.exposure,
        "mechanism": reading.mechanism,
        "level": reading.level,
        "phases": list(reading.phases),
        "threshold_iu_per_ml": plain(threshold_of(reading, policy)) if policy else None,
        "lloq_iu_per_ml": _plain_lloq(reading.sample),
        "method": reading.sample.method,
        "contradiction": reading.contradiction,
        "ambiguous": reading.placement.ambiguous,
        **_versions(reading.sample, history),
    }


def _plain_lloq(sample: ActivityMeasured) -> str | None:
    return None if sample.lloq_iu_per_ml is None else plain(sample.lloq_iu_per_ml)
