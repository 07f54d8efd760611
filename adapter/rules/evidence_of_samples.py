"""What each sample adds to the evidence of a finding: value, time, window, threshold, rule and its conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapter.domain.events import ActivityMeasured
from adapter.domain.history import History, fact_name
from adapter.domain.policy import Policy, TimePoint
from adapter.rules.confirmation import JudgedDose
from adapter.rules.evidence_of_rows import because
from adapter.rules.limits import Limits, span, window_at, windows
from adapter.rules.linking import NOTHING, Placement
from adapter.rules.qualify import data_faults
from adapter.rules.quantities import day_text, plain
from adapter.rules.reading import Possibility, Reading, critical_times
from adapter.rules.words_of_dose import dated_dose
from adapter.rules.words_of_levels import level_text, threshold_of

NO_LIMITS = Limits(product=None, policy=None)


def sample_evidence(dose: JudgedDose, reading: Reading, history: History) -> dict[str, Any]:
    """The evidence of one sample of a dose."""
    policy, placement = dose.episode.limits.policy, reading.placement
    return {
        **_result(reading.sample, reading.faults, history),
        "rule": reading.rule,
        "exposure": reading.exposure,
        "mechanism": reading.mechanism,
        "because": because(reading),
        "decides_exposure": reading is dose.combined.headline,
        "decides_mechanism": reading is dose.combined.deciding,
        "level": reading.level,
        "phases": list(reading.phases),
        "windows": _windows(placement, policy) if policy else [],
        "days_since_dose": day_text(placement.least) if placement.exact and placement.least >= NOTHING else None,
        "threshold_iu_per_ml": plain(threshold_of(reading, policy)) if policy else None,
        "threshold_of": _compared_with(placement, policy).name if policy else None,
        "contradiction": reading.contradiction,
        "ambiguous": placement.ambiguous,
        "inside_administration": placement.inside,
        "residual": reading.residual,
        "residual_from": fact_name(reading.residual_from.rows[0]) if reading.residual_from else None,
        "possibilities": [_possibility(one) for one in reading.possibilities],
    }


def unlinked_evidence(sample: ActivityMeasured, history: History) -> dict[str, Any]:
    """The evidence of a sample that no dose explains: what was sent, and no reading of it."""
    return {
        **_result(sample, data_faults(sample, NO_LIMITS), history),
        "rule": None,
        "exposure": None,
        "mechanism": None,
        "because": [],
        "decides_exposure": False,
        "decides_mechanism": False,
        "level": None,
        "phases": [],
        "windows": [],
        "days_since_dose": None,
        "threshold_iu_per_ml": None,
        "threshold_of": None,
        "contradiction": None,
        "ambiguous": False,
        "inside_administration": False,
        "residual": False,
        "residual_from": None,
        "possibilities": [],
    }


def _result(sample: ActivityMeasured, faults: Sequence[str], history: History) -> dict[str, Any]:
    """What the laboratory sent, and what other versions of the result said where they bear on this one."""
    earlier = history.earlier_values.get(fact_name(sample))
    readable = sample.activity is not None or bool(faults)
    return {
        "key": sample.key,
        "source": sample.source,
        "told": level_text(sample, faults) if readable else None,
        "faults": list(faults),
        "lloq_iu_per_ml": None if sample.lloq_iu_per_ml is None else plain(sample.lloq_iu_per_ml),
        "method": sample.method,
        "laboratory": sample.laboratory,
        "comment": sample.comment,
        "value_before_correction": None if earlier is None else {"text": earlier.text, "unit": earlier.unit},
        "later_unsettled_version": fact_name(sample) in history.unsettled_later,
    }


def _windows(placement: Placement, policy: Policy) -> list[str]:
    """The sampling windows the elapsed time falls into, or may fall into."""
    found = (window_at(policy, elapsed) for elapsed in critical_times(placement))
    return list(dict.fromkeys(window.name for window in found if window))


def _compared_with(placement: Placement, policy: Policy) -> TimePoint:
    """The window whose threshold applies: the last one opened, or the first before it opens."""
    elapsed = max(placement.least, NOTHING)
    opened = [window for window in windows(policy) if span(window.min_h) <= elapsed]
    return opened[-1] if opened else windows(policy)[0]


def _possibility(one: Possibility) -> dict[str, Any]:
    return {
        "dose": fact_name(one.episode.rows[0]),
        "dated": dated_dose(one.episode),
        "rule": one.rule,
        "exposure": one.exposure,
        "mechanism": one.mechanism,
        "inside_administration": one.inside,
    }
