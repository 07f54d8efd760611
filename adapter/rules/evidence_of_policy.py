"""What a policy adds to the evidence of a finding: windows, thresholds, sources, and numbers awaiting sign-off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from typing import Any

from adapter.domain.policy import AWAITING, Cited, Policy, TimePoint
from adapter.rules.confirmation import JudgedDose
from adapter.rules.limits import windows
from adapter.rules.quantities import plain
from adapter.rules.quotations import quoted


@lru_cache(maxsize=256)
def policy_evidence(policy: Policy) -> dict[str, Any]:
    """The policy a dose was read by, with everything a reader needs to find and to doubt its numbers."""
    numbers = list(_numbers(policy))
    return {
        "id": policy.id,
        "version": policy.version,
        "hash": policy.hash,
        "title": policy.title,
        "draft": policy.draft,
        "based_on": policy.based_on,
        "time_points": [_time_point(point) for point in windows(policy)],
        "no_verdict_after": _number(policy.no_verdict_after),
        "early_low_until": _number(policy.early_low_until) if policy.early_low_until else None,
        "reaction_link": _number(policy.reaction_link_h),
        "grades": dict(sorted(Counter(number.grade for _, number in numbers).items())),
        "awaiting_sign_off": {
            grade: listed
            for grade in AWAITING
            if (listed := [f"{name} {_spoken(number)}" for name, number in numbers if number.grade == grade])
        },
        "citations": _citations(policy),
    }


def quotations_of(dose: JudgedDose) -> list[dict[str, str]]:
    """The statements of others that stand in the sentence of a dose, each with its source."""
    policy = dose.episode.limits.policy
    sources = dict(policy.citations) if policy else {}
    return [
        {
            "statement": quotation.statement,
            "citation": quotation.citation,
            "source": sources[quotation.citation],
        }
        for quotation in quoted(dose)
    ]


def _time_point(point: TimePoint) -> dict[str, Any]:
    return {
        "name": point.name,
        "from_h": plain(point.min_h.value),
        "to_h": plain(point.max_h.value),
        "window_citation": point.min_h.citation,
        "window_grade": point.min_h.grade,
        "threshold_iu_per_ml": plain(point.threshold.value),
        "citation": point.threshold.citation,
        "grade": point.threshold.grade,
        "low": point.low,
    }


def _number(number: Cited) -> dict[str, str]:
    return {
        "value": plain(number.value),
        "unit": number.unit,
        "citation": number.citation,
        "grade": number.grade,
    }


def _numbers(policy: Policy) -> Iterator[tuple[str, Cited]]:
    """Every number by the name of its field, those of a window behind the name of the window."""
    for point in policy.time_points:
        yield from ((f"{point.name}: {name}", number) for name, number in _cited(point))
    yield from _cited(policy)


def _cited(holder: Policy | TimePoint) -> Iterator[tuple[str, Cited]]:
    for part in fields(holder):
        value = getattr(holder, part.name)
        if isinstance(value, Cited):
            yield part.name, value


def _spoken(number: Cited) -> str:
    return plain(number.value) if number.unit == "1" else f"{plain(number.value)} {number.unit}"


def _citations(policy: Policy) -> dict[str, str]:
    """The texts of the sources of windows, thresholds and of the limits shown beside them."""
    limits = (policy.no_verdict_after, policy.early_low_until, policy.reaction_link_h)
    named = {number.citation for number in limits if number}
    for point in policy.time_points:
        named |= {point.min_h.citation, point.threshold.citation}
    return {key: text for key, text in policy.citations if key in named}
