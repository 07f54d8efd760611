"""Which drugs were given before a dose, and whether they could hide a reaction (rulebook 2.10, ruling 21)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from adapter.domain.events import PremedicationGiven
from adapter.domain.times import Moment
from adapter.rules.episodes import Episode, Instants
from adapter.rules.limits import shifted
from adapter.rules.spans import Spans, spans

STEROIDS = ("corticosteroid", "leukaemia-steroid")
_NEVER_GIVEN = ("not-done", "entered-in-error", "on-hold")
# How far a drug given over a period may begin before the window it still reaches into.
LONGEST_COURSE = timedelta(days=42)


def drugs_by_time(drugs: Sequence[PremedicationGiven]) -> Spans[PremedicationGiven]:
    """The drugs that were given, in the order of their start, each until its end or the end of the longest course."""
    given = [(drug, drug.started.earliest) for drug in drugs if drug.started and drug.status not in _NEVER_GIVEN]
    ends = [min(_last_given(drug).latest, shifted(start, LONGEST_COURSE)) for drug, start in given]
    return spans([drug for drug, _ in given], [start for _, start in given], ends)


def premedication_of(episode: Episode, drugs: Spans[PremedicationGiven]) -> tuple[PremedicationGiven, ...]:
    """The drugs given, or possibly given, inside the search window before the start of a dose.

    A steroid given as leukaemia treatment is among them: it may mask a reaction just as well, but it is no
    premedication.
    """
    began, limits = episode.began, episode.limits
    if began is None:
        return ()
    first = shifted(began.earliest, -max(limits.steroid_window, limits.antihistamine_window))
    near = [drug for drug in drugs.reaching(first, begun_by=began.latest) if _before(drug, episode, began)]
    return tuple(reversed(near))


def is_premedication(drug: PremedicationGiven) -> bool:
    """Whether the drug table names this drug as premedication, not as leukaemia treatment."""
    return drug.role != "leukaemia-steroid"


def _before(drug: PremedicationGiven, episode: Episode, began: Instants) -> bool:
    given = drug.started
    assert given  # noqa: S101 - only drugs with a time are searched
    limits = episode.limits
    window = limits.steroid_window if drug.role in STEROIDS else limits.antihistamine_window
    in_time = _last_given(drug).latest >= shifted(began.earliest, -window)
    return in_time and _by_the_start(given, began) and given.earliest >= shifted(began.earliest, -LONGEST_COURSE)


def _last_given(drug: PremedicationGiven) -> Moment:
    last = drug.ended or drug.started
    assert last  # noqa: S101 - only drugs with a time are searched
    return last


def _by_the_start(given: Moment, began: Instants) -> bool:
    """Before the start, or charted to the minute in the very minute of it; what began later is not searched."""
    return given.earliest < began.latest or given.earliest.second == 0


def surely_before(drug: PremedicationGiven, episode: Episode) -> bool:
    """Whether the order of drug and dose is known; dates alone do not tell it."""
    given, began = drug.started, episode.began
    assert given  # noqa: S101 - only drugs with a time are found, and only for doses with one
    assert began  # noqa: S101
    return given.latest < began.earliest or (given.exact and began.earliest == began.latest)
