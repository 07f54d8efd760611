"""Reaction records that no dose explains, shown beside every dose they could concern, for silence is never green."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapter.domain.events import HypersensitivityRecorded
from adapter.domain.times import Moment
from adapter.rules.episodes import Episode, episode_order
from adapter.rules.limits import LAST_INSTANT, Limits, shifted
from adapter.rules.listing import MOST_LISTED, MOST_RECENT, MOST_SEVERE
from adapter.rules.reactions import RECORDED_DATE, LinkedReactions, Reaction, dose_name, event_of
from adapter.rules.spans import Spans, ordered_spans

# A charted start may be late, and a record may be dated late: project decisions, as wide as they are safe.
SHOWN_BEFORE_START = timedelta(hours=24)
SEVERE_BEFORE_START = timedelta(hours=72)
SEVERE_AFTER_END = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked:
    """One reaction record beside a dose it could concern, although nothing ties it to that dose."""

    reaction: Reaction
    record: HypersensitivityRecorded
    onset: Moment | None
    """When the reaction began; None when only the date of the record, or nothing, is known."""
    urgent: bool
    """Severe, and near enough to this dose, or without any date."""
    linked_to: Episode | None = None
    """A later dose to which its date ties it, though it could belong to this one as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The records one dose must mention although they are not linked to it."""

    listed: tuple[Unlinked, ...] = ()
    """All of a few; of many the most recent, and those that are urgent as far as the list reaches."""
    others: int = 0
    """How many more there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A record that could concern a dose, with its place among the records told there."""

    place: int
    recent: datetime
    """The latest instant it can stem from; a record without any date may be the latest of all."""
    entry: Unlinked


class Records:
    """The unlinked records of one patient, each judged once for every grade from which a reaction is severe."""

    def __init__(self, records: Sequence[HypersensitivityRecorded]) -> None:
        self.told = records
        self.by_recency = sorted(range(len(records)), key=lambda place: (_recent(records[place]), place), reverse=True)
        self.undated = [place for place in self.by_recency if _onset(records[place]) is None]
        self._ages = [LAST_INSTANT - _recent(records[place]) for place in self.undated]
        self._judged: dict[tuple[int, int], Reaction] = {}
        self._urgent: dict[tuple[int, bool], list[int]] = {}

    def candidate(self, place: int, limits: Limits, *, near: bool = True) -> Candidate:
        """One record beside a dose with these limits; `near`: it would be urgent there if it is severe."""
        record, reaction = self.told[place], self.reaction(place, limits)
        entry = Unlinked(
            reaction=reaction,
            record=record,
            onset=_onset(record),
            urgent=near and reaction.severe,
        )
        return Candidate(place=place, recent=_recent(record), entry=entry)

    def reaction(self, place: int, limits: Limits) -> Reaction:
        """One record as a reaction event."""
        name = (place, limits.severe_grade)
        if name not in self._judged:
            self._judged[name] = event_of((self.told[place],), limits)
        return self._judged[name]

    def of_dose(self, episode: Episode) -> tuple[list[Candidate], int]:
        """The records that concern a dose without being near it in time, as far as they can be listed; their number.

        Those are all records, beside a dose without a time, else those without a date of their own that were made
        after it began.
        """
        untimed = episode.began is None
        order = self.by_recency if untimed else self.undated
        count = len(order) if episode.began is None else self._made_after(episode.began.earliest)
        urgent = self._urgent_of(order, episode.limits, untimed=untimed)
        places = {*order[: min(count, MOST_LISTED)], *(order[at] for at in urgent[:MOST_LISTED] if at < count)}
        return [self.candidate(place, episode.limits) for place in places], count

    def _made_after(self, at: datetime) -> int:
        """How many undated records may have been made after an instant: the first so many of `undated`."""
        return bisect_right(self._ages, LAST_INSTANT - at)

    def _urgent_of(self, order: Sequence[int], limits: Limits, *, untimed: bool) -> list[int]:
        """Where in an order the severe records stand."""
        name = (limits.severe_grade, untimed)
        if name not in self._urgent:
            judged = [self.reaction(place, limits) for place in order]
            self._urgent[name] = [at for at, reaction in enumerate(judged) if reaction.severe]
        return self._urgent[name]


def unlinked_by_dose(linked: LinkedReactions, episodes: Sequence[Episode]) -> dict[str, Beside]:
    """The reactions each dose must mention although they are not linked to it, by `dose_name`."""
    if not linked.unlinked and not any(r.also_possible for own in linked.by_dose.values() for r in own):
        return {}
    records = Records(linked.unlinked)
    near: dict[str, list[Candidate]] = {}
    timed = _by_start(episodes)
    for place in range(len(linked.unlinked)):
        for episode, candidate in _near(place, records, timed):
            near.setdefault(dose_name(episode), []).append(candidate)
    for episode, candidate in _possibly_of_others(linked, episodes):
        near.setdefault(dose_name(episode), []).append(candidate)
    return {dose_name(episode): _beside(episode, records, near.get(dose_name(episode), [])) for episode in episodes}


def _possibly_of_others(linked: LinkedReactions, episodes: Sequence[Episode]) -> Iterator[tuple[Episode, Candidate]]:
    """Reactions linked to one dose, beside every other dose they could belong to as well; told last."""
    place = len(linked.unlinked)
    for episode in episodes:
        for reaction in linked.by_dose.get(dose_name(episode), ()):
            place += 1
            record = reaction.first
            entry = Unlinked(reaction=reaction, record=record, onset=record.occurred, urgent=False, linked_to=episode)
            candidate = Candidate(place=place, recent=_recent(record), entry=entry)
            yield from ((other, candidate) for other in reaction.also_possible)


def _beside(episode: Episode, records: Records, near: Sequence[Candidate]) -> Beside:
    far, count = records.of_dose(episode)
    total = count + len(near)
    known = [*far, *near]
    if total > MOST_LISTED:
        latest_first = sorted(known, key=lambda candidate: (candidate.recent, candidate.place), reverse=True)
        urgent = [candidate for candidate in latest_first[MOST_RECENT:] if candidate.entry.urgent]
        known = [*latest_first[:MOST_RECENT], *urgent[:MOST_SEVERE]]
    listed = sorted(known, key=lambda candidate: candidate.place)
    return Beside(listed=tuple(candidate.entry for candidate in listed), others=total - len(listed))


def _onset(record: HypersensitivityRecorded) -> Moment | None:
    """The date of a record is not the date of the reaction."""
    return None if record.occurred_from == RECORDED_DATE else record.occurred


def _recent(record: HypersensitivityRecorded) -> datetime:
    known = record.occurred or record.version.updated
    return known.latest if known else LAST_INSTANT


def _by_start(episodes: Sequence[Episode]) -> Spans[Episode]:
    timed = [(e, e.began.earliest) for e in sorted(episodes, key=episode_order) if e.began]
    return ordered_spans([episode for episode, _ in timed], [start for _, start in timed])


def _near(place: int, records: Records, timed: Spans[Episode]) -> Iterator[tuple[Episode, Candidate]]:
    """The last dose begun before the onset of a record, and the doses begun soon after it."""
    onset = _onset(records.told[place])
    if onset is None:
        return
    before = timed.begun(onset.latest)
    if before:
        yield before, records.candidate(place, before.limits, near=_soon_after(before, onset))
    for episode in timed.beginning(onset.latest, shifted(onset.latest, SEVERE_BEFORE_START)):
        began = episode.began
        assert began  # noqa: S101 - only doses with a start are sorted by it
        soon = began.earliest <= shifted(onset.latest, SHOWN_BEFORE_START)
        if soon or records.reaction(place, episode.limits).severe:
            yield episode, records.candidate(place, episode.limits)


def _soon_after(episode: Episode, onset: Moment) -> bool:
    assert episode.anchor  # noqa: S101 - a dose with a start has an end or counts from its start
    return onset.earliest <= shifted(episode.anchor.latest, SEVERE_AFTER_END)
