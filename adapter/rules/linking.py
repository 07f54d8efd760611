"""Which dose a sample belongs to, and how long after it the sample was taken (rulebook 2.7, rulings 4 to 6)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, islice

from adapter.domain.events import ActivityMeasured
from adapter.domain.history import BEFORE_ALL
from adapter.domain.times import Moment
from adapter.rules.episodes import Episode, Instants, episode_order
from adapter.rules.limits import shifted
from adapter.rules.spans import Spans, spans

NOTHING = timedelta(0)
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One dose a sample may belong to, with the least and the most time that may have passed since it ended."""

    episode: Episode
    least: timedelta
    most: timedelta
    inside: bool
    """Taken, or possibly taken, before the administration was over: nothing can be said for this dose."""
    certainly_inside: bool
    """Taken during the administration, or at its end, at every possible time."""
    ambiguous: bool
    """Another dose, or none, is as possible."""
    time_missing: bool
    date_only: bool

    @property
    def exact(self) -> bool:
        """Whether the elapsed time is one number."""
        return self.least == self.most and not self.time_missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The doses of one patient that have a time, sorted so that a sample finds its own without a search over all."""

    doses: Spans[Episode]
    """From their earliest start to their latest end."""
    settled_ends: tuple[datetime, ...]
    """Latest possible ends of the doses that are over, sorted."""
    earliest_end_so_far: tuple[datetime, ...]
    """For every end of `settled_ends`, the latest earliest possible end of it and all before it."""
    longest_link: timedelta
    """How old a dose may be for a sample to be read against it; the longest such time of all doses."""

    def candidates(self, taken: Instants) -> list[Episode]:
        """Doses begun by then, without those that a later dose, certainly over by then, has replaced.

        Of those too old for any sample only one is among them, for it tells that there is another possibility.
        """
        over = bisect_left(self.settled_ends, taken.earliest)
        cutoff = self.earliest_end_so_far[over - 1] if over else BEFORE_ALL
        near = shifted(taken.earliest, -self.longest_link)
        found = list(self.doses.reaching(max(cutoff, near), begun_by=taken.latest))
        if cutoff < near:
            every = islice(self.doses.reaching(cutoff, begun_by=taken.latest), len(found) + 1)
            found += [episode for episode in every if episode.anchor and episode.anchor.latest < near][:1]
        return _without_next(found, taken)


def _without_next(candidates: list[Episode], taken: Instants) -> list[Episode]:
    """A sample charted in the very minute the next dose starts is the trough of the dose before it."""
    if taken.earliest != taken.latest:
        return candidates
    at_start = Instants(earliest=taken.earliest, latest=taken.latest)
    return [episode for episode in candidates if episode.began != at_start] or candidates


def timeline(episodes: Sequence[Episode]) -> Timeline:
    """Sort the doses once for all samples."""
    timed = [(e, e.began, e.anchor) for e in sorted(episodes, key=episode_order) if e.began and e.anchor]
    ends = sorted((anchor.latest, anchor.earliest) for episode, _, anchor in timed if episode.settled)
    return Timeline(
        doses=spans(
            [episode for episode, _, _ in timed],
            [began.earliest for _, began, _ in timed],
            [anchor.latest for _, _, anchor in timed],
        ),
        settled_ends=tuple(latest for latest, _ in ends),
        earliest_end_so_far=tuple(accumulate((earliest for _, earliest in ends), max)),
        longest_link=max((episode.limits.sample_link for episode, _, _ in timed), default=NOTHING),
    )


def place(sample: ActivityMeasured, doses: Timeline) -> tuple[Placement, ...]:
    """Every dose that may explain a sample; none when no dose of the last 42 days does."""
    taken = collection_span(sample)
    if taken is None:
        return ()
    candidates = doses.candidates(taken)
    near = [e for e in candidates if e.anchor and taken.earliest - e.anchor.latest <= e.limits.sample_link]
    missing = sample.collected is None
    return tuple(_placement(sample, episode, taken, ambiguous=len(candidates) > 1, missing=missing) for episode in near)


def collection_span(sample: ActivityMeasured) -> Instants | None:
    """When a sample was taken; without a collection time, the latest time it can have been taken.

    That is its receipt by the laboratory, else the time of the result; None when even these are missing.
    """
    known = sample.collected or latest_collection(sample)
    return Instants(earliest=known.earliest, latest=known.latest) if known else None


def latest_collection(sample: ActivityMeasured) -> Moment | None:
    """The first known time that lies after the collection."""
    return sample.received_by_laboratory or sample.resulted or sample.version.updated or sample.version.sent


def _placement(
    sample: ActivityMeasured, episode: Episode, taken: Instants, *, ambiguous: bool, missing: bool
) -> Placement:
    began, anchor = episode.began, episode.anchor
    assert began  # noqa: S101 - candidates have times
    assert anchor  # noqa: S101
    least, most = taken.earliest - anchor.latest, taken.latest - anchor.earliest
    over = episode.settled and anchor.latest < taken.earliest
    exact = taken.earliest == taken.latest and anchor.earliest == anchor.latest
    if missing or least < NOTHING < most:
        # Of the possible times only those after the end are read; all are negative when the infusion ran at each.
        least = min(NOTHING, most)
    certainly_inside = not missing and most <= NOTHING and began.latest <= taken.earliest
    return Placement(
        episode=episode,
        least=least,
        most=most,
        inside=not over,
        certainly_inside=certainly_inside,
        ambiguous=ambiguous or not (exact or over or certainly_inside),
        time_missing=missing,
        date_only=any(at is not None and at.date_only for at in (sample.collected, episode.ended or episode.started)),
    )


def same_day(placement: Placement) -> bool:
    """Whether sample and dose share a day without times that would order them."""
    return placement.ambiguous and not placement.time_missing and not placement.exact
