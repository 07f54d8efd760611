"""One level of a finding as a branch of the tree: value, time, window, threshold, and every condition of its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapter.rules.wording import EXPOSURE_WORDS, MECHANISM_WORDS, RULE_TEXT, RULE_TEXT_UNQUANTIFIED
from adapter.rules.words_of_levels import LEVEL_TEXT, STATUS_OF_NO_LEVEL

PHASE_WORDS = {
    "absorbing": "before the first window, too soon after the dose for a low level to be read",
    "early": "before the first window",
    "declining": "before the first window, after the time of early lows",
    "first-window": "in the first window",
    "between": "between the windows",
    "later-window": "in a later window",
    "expired": "after the last time a low level can be read",
}
Branch = dict[str, Any]
Part = Mapping[str, Any]


def level_entry(sample: Part, read: Part, dose: Part | None, policy: Part | None, rule: str) -> Branch:
    """One sample: `read` is its part of the evidence, `rule` the rule that decided it."""
    return {
        "key": sample["key"],
        "specimen": sample["specimen"],
        "told": read["told"] or _without_value(sample),
        "value": sample["value"],
        "comparator": sample["comparator"],
        "unit": sample["unit"],
        "reported": sample["reported"],
        "value_before_correction": read["value_before_correction"],
        "later_unsettled_version": read["later_unsettled_version"],
        "status": sample["status"],
        "comment": read["comment"],
        "laboratory": read["laboratory"],
        "collected": sample["collected"],
        "elapsed": _elapsed(sample, read, dose),
        "window": _window(read, policy) if policy else None,
        "threshold": _threshold(read, policy) if policy else None,
        "quantification_limit_iu_per_ml": read["lloq_iu_per_ml"],
        "method": read["method"],
        "faults": list(read["faults"]),
        "contradiction": read["contradiction"],
        "class": _level_class(read),
        "rule": rule,
        "rule_words": rule_words(rule, read["level"]),
        "because": list(read["because"]),
        "exposure": _coded(read["exposure"], EXPOSURE_WORDS),
        "mechanism": _coded(read["mechanism"], MECHANISM_WORDS),
        "decides_exposure": read["decides_exposure"],
        "decides_mechanism": read["decides_mechanism"],
        "possibilities": [_possibility(one) for one in read["possibilities"]],
    }


def rule_words(rule: str, level: str | None) -> str:
    """The text of a rule; a level known by an upper limit only is not called detectable."""
    if level in ("low-unquantified", "blq"):
        return RULE_TEXT_UNQUANTIFIED.get(rule, RULE_TEXT[rule])
    return RULE_TEXT[rule]


def _coded(code: str | None, words: Mapping[str, str]) -> Branch | None:
    return None if code is None else {"code": code, "words": words[code]}


def _without_value(sample: Part) -> str:
    return f"no value: the sample {STATUS_OF_NO_LEVEL.get(sample['status'], 'gave no level')}"


def _elapsed(sample: Part, read: Part, dose: Part | None) -> Branch | None:
    """The time since the end of the dose (its start where the end is not known)."""
    if dose is None:
        return None
    return {
        "hours": sample["hours_since_dose"],
        "hours_range": sample["hours_range"],
        "days": read["days_since_dose"],
        "since": "end" if dose["ended"] else "start",
        "inside_administration": read["inside_administration"],
        "ambiguous": read["ambiguous"],
    }


def _window(read: Part, policy: Part) -> Branch:
    limits = [point for point in policy["time_points"] if point["name"] in read["windows"]]
    return {
        "names": list(read["windows"]),
        "limits_h": [[point["from_h"], point["to_h"]] for point in limits],
        "phases": [{"code": phase, "words": PHASE_WORDS[phase]} for phase in read["phases"]],
    }


def _threshold(read: Part, policy: Part) -> Branch:
    point = next(point for point in policy["time_points"] if point["name"] == read["threshold_of"])
    return {
        "iu_per_ml": read["threshold_iu_per_ml"],
        "window": point["name"],
        "citation": point["citation"],
        "source": policy["citations"].get(point["citation"], point["citation"]),
        "grade": point["grade"],
    }


def _level_class(read: Part) -> Branch | None:
    if read["level"] is None:
        return None
    words = LEVEL_TEXT[read["level"]].format(threshold=read["threshold_iu_per_ml"])
    return {"code": read["level"], "words": words}


def _possibility(one: Part) -> Branch:
    return {
        **one,
        "exposure": _coded(one["exposure"], EXPOSURE_WORDS),
        "mechanism": _coded(one["mechanism"], MECHANISM_WORDS),
    }
