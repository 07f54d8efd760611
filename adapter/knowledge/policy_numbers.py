"""Where each number of a policy stands in its file, and which of them still wait for somebody's word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from adapter.domain.policy import AWAITING, Cited, Policy
from adapter.knowledge.numbers import ACTIVITY, CTCAE, DAYS, HOURS, RATIO
from adapter.knowledge.text_yaml import Node, Path

SECTIONS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "levels": {
        "no_verdict_after": ("no_verdict_after", HOURS),
        "near_threshold_from": ("near_threshold_low", ACTIVITY),
        "near_threshold_to": ("near_threshold_high", ACTIVITY),
        "implausible_above": ("implausible_above", ACTIVITY),
        "implausible_below": ("implausible_below", ACTIVITY),
        "discordance_ratio": ("discordance_ratio", RATIO),
    },
    "confirmation": {"gap": ("confirmation_gap_h", HOURS), "window": ("confirmation_window_days", DAYS)},
    "reactions": {
        "link": ("reaction_link_h", HOURS),
        "severe_grade": ("severe_grade", CTCAE),
        "premedication_antihistamine": ("premedication_antihistamine_h", HOURS),
        "premedication_steroid": ("premedication_steroid_h", HOURS),
    },
    "doses": {
        "partial_fraction": ("partial_fraction", RATIO),
        "negligible_fraction": ("negligible_fraction", RATIO),
        "sample_link": ("sample_link_days", DAYS),
    },
    "monitoring": {"result_overdue": ("result_overdue_h", HOURS)},
}
"""Section and key of the file -> field of Policy and its unit."""
OPTIONAL: Final = {"early_low_until": HOURS, "band_upper": ACTIVITY}
"""Keys of the file, and fields of Policy, that a policy may do without."""
WINDOW: Final = {
    "target": ("target_h", HOURS),
    "from": ("min_h", HOURS),
    "to": ("max_h", HOURS),
    "threshold": ("threshold", ACTIVITY),
}
"""Key of a time point -> field of TimePoint and its unit."""
WHOLE = "policy"
"""The place of a note on the policy as a whole."""


def numbers_of(policy: Policy) -> Iterator[tuple[str, Cited]]:
    """Every number under the name of its place: `day 7: threshold`, `levels: no_verdict_after`, `band_upper`."""
    for point in policy.time_points:
        for key, (name, _) in WINDOW.items():
            yield f"{point.name}: {key}", getattr(point, name)
    yield from standing_numbers(policy)


def standing_numbers(policy: Policy) -> Iterator[tuple[str, Cited]]:
    """The numbers that hold for all windows: those a policy may take from the one it is based on."""
    for section, keys in SECTIONS.items():
        for key, (name, _) in keys.items():
            yield f"{section}: {key}", getattr(policy, name)
    for key in OPTIONAL:
        if (number := getattr(policy, key)) is not None:
            yield key, number


def awaiting_sign_off(policy: Policy) -> list[str]:
    """The places of all numbers that do not stand in a source somebody of this project has seen."""
    return [place for place, number in numbers_of(policy) if number.grade in AWAITING]


def why_draft(policy: Policy) -> str:
    """What keeps a draft from being used, as the end of a sentence."""
    unverified = [place for place, number in numbers_of(policy) if number.grade == "unverified"]
    if unverified:
        return f"not verified: {', '.join(unverified)}"
    return "its file says 'draft: yes', or it is based on a draft"


def place_of(path: Path, windows: Sequence[str]) -> str:
    """The name of the place at a path of the file; `windows` are the names of its time points."""
    match path:
        case ("time_points", int(number), str(key)):
            return f"{windows[number]}: {key}"
        case (str(section), str(key)):
            return f"{section}: {key}"
        case (str(key),):
            return key
        case _:
            return WHOLE


def given_in(data: Mapping[str, Node]) -> set[str]:
    """The places of the standing numbers that a file gives itself."""
    sections = ((name, data.get(name)) for name in SECTIONS)
    given = {f"{name}: {key}" for name, section in sections if isinstance(section, dict) for key in section}
    return given | {key for key in OPTIONAL if key in data}
