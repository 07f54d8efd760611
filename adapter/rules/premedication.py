"""Which drugs were given before a dose, and whether they could hide a reaction (rulebook 2.10, ruling 21)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from adapter.domain.events import PremedicationGiven
from adapter.domain.history import BEFORE_ALL
from adapter.domain.times import Moment
from adapter.rules.episodes import Episode, Instants
from adapter.rules.limits import shifted

STEROIDS = ("corticosteroid", "leukaemia-steroid")
_NEVER_GIVEN = ("not-done", "entered-in-error", "on-hold")
# How far a drug given over a period may begin before the window it still reaches into.
LONGEST_COURSE = timedelta(days=42)


def premedication_of(episode: Episode, drugs: Sequence[PremedicationGiven]) -> tuple[PremedicationGiven, ...]:
    """The drugs given, or possibly given, inside the search window before the start of a dose.

    `drugs` are in the order of their start.  A steroid given as leukaemia treatment is among them: it may mask a
    reaction just as well, but it is no premedication.
    """
    began = episode.began
    if began is None:
        return ()
    starts = [_start(drug) for drug in drugs]
    first = bisect_left(starts, shifted(began.earliest, -LONGEST_COURSE))
    last = bisect_right(starts, began.latest)
    return tuple(drug for drug in drugs[first:last] if _before(drug, episode, began))


def is_premedication(drug: PremedicationGiven) -> bool:
    """Whether the drug table names this drug as premedication, not as leukaemia treatment."""
    return drug.role != "leukaemia-steroid"


def _before(drug: PremedicationGiven, episode: Episode, began: Instants) -> bool:
    if drug.started is None or drug.status in _NEVER_GIVEN:
        return False
    limits = episode.limits
    window = limits.steroid_window if drug.role in STEROIDS else limits.antihistamine_window
    last = drug.ended or drug.started
    return _by_the_start(drug.started, began) and last.latest >= shifted(began.earliest, -window)


def _by_the_start(given: Moment, began: Instants) -> bool:
    """Before the start, or charted to the minute in the very minute of it."""
    same_minute = given.earliest == began.latest and given.earliest.second == 0
    return given.earliest < began.latest or same_minute


def surely_before(drug: PremedicationGiven, episode: Episode) -> bool:
    """Whether the order of drug and dose is known; dates alone do not tell it."""
    given, began = drug.started, episode.began
    assert given  # noqa: S101 - only drugs with a time are found, and only for doses with one
    assert began  # noqa: S101
    return given.latest < began.earliest or (given.exact and began.earliest == began.latest)


def _start(drug: PremedicationGiven) -> datetime:
    return drug.started.earliest if drug.started else BEFORE_ALL
