"""All samples of one dose together: one mechanism, one headline exposure (rulebook 2.8, rulings 15 and 18)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapter.rules.episodes import UNSPECIFIED, Episode
from adapter.rules.reading import Reading
from adapter.rules.situation import Reacted

STRONGEST_FIRST = (
    "confirmed-silent-inactivation",
    "neutralizing-hypersensitivity",
    "suspected-silent-inactivation",
    "suspected-neutralizing-hypersensitivity",
    "severe-reaction-activity-preserved",
    "reaction-unresolved",
    "reaction-activity-preserved",
    "below-target-not-inactivation",
    "no-evidence-of-inactivation",
    "not-assessable",
)
SILENT_INACTIVATION = ("suspected-silent-inactivation", "confirmed-silent-inactivation")
ESTABLISHED = ("confirmed-silent-inactivation", "neutralizing-hypersensitivity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """What the samples of one dose say together."""

    exposure: str
    mechanism: str
    rule: str | None
    """The rule that decided the mechanism; None where the monitoring clock decides between D19 and D20."""
    headline: Reading | None
    deciding: Reading | None = None
    """The latest sample that supports the mechanism."""


def combined(episode: Episode, readings: Sequence[Reading], reacted: Reacted) -> Combined:
    """Combine the readings of one dose, which are in the order of collection."""
    levels = [reading for reading in readings if reading.usability != "no-level"]
    if not levels:
        return _without_level(episode, reacted)
    headline = next((reading for reading in reversed(levels) if reading.decided), levels[-1])
    deciding = _deciding(levels)
    return Combined(
        exposure=headline.exposure,
        mechanism=deciding.mechanism,
        rule=deciding.rule,
        headline=headline,
        deciding=deciding,
    )


def _deciding(levels: Sequence[Reading]) -> Reading:
    kept = [reading for reading in levels if reading.mechanism == "reaction-activity-preserved"]
    unresolved_last = [reading for reading in levels if reading.mechanism != "reaction-unresolved"] if kept else levels
    best = min(STRONGEST_FIRST.index(reading.mechanism) for reading in unresolved_last)
    return next(r for r in reversed(unresolved_last) if STRONGEST_FIRST.index(r.mechanism) == best)


def _without_level(episode: Episode, reacted: Reacted) -> Combined:
    mechanism = "reaction-unresolved" if reacted != "none" else "not-assessable"
    return Combined(exposure="no-result", mechanism=mechanism, rule=_rule(episode, reacted), headline=None)


def _rule(episode: Episode, reacted: Reacted) -> str | None:
    if episode.product == UNSPECIFIED:
        return "D2"
    if episode.limits.policy is None or not episode.settled:
        return "D0"
    return "D11" if reacted != "none" else None
