"""Reaction records that no dose explains, shown beside every dose they could concern, for silence is never green."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapter.domain.events import HypersensitivityRecorded
from adapter.domain.times import Moment
from adapter.rules.episodes import Episode, episode_order
from adapter.rules.limits import shifted
from adapter.rules.reactions import RECORDED_DATE, LinkedReactions, Reaction, dose_name, event_of

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


def unlinked_by_dose(linked: LinkedReactions, episodes: Sequence[Episode]) -> dict[str, tuple[Unlinked, ...]]:
    """The reactions each dose must mention although they are not linked to it, by `dose_name`."""
    found: dict[str, list[Unlinked]] = {}
    for record in linked.unlinked:
        for episode, near in _concerned(record, episodes):
            reaction = event_of((record,), episode.limits)
            entry = Unlinked(
                reaction=reaction,
                record=record,
                onset=_onset(record),
                urgent=near and reaction.severe and reaction.counts,
            )
            found.setdefault(dose_name(episode), []).append(entry)
    for episode in episodes:
        for reaction in linked.by_dose.get(dose_name(episode), ()):
            record = reaction.first
            entry = Unlinked(reaction=reaction, record=record, onset=record.occurred, urgent=False, linked_to=episode)
            for other in reaction.also_possible:
                found.setdefault(dose_name(other), []).append(entry)
    return {name: tuple(entries) for name, entries in found.items()}


def _onset(record: HypersensitivityRecorded) -> Moment | None:
    """The date of a record is not the date of the reaction."""
    return None if record.occurred_from == RECORDED_DATE else record.occurred


def _concerned(record: HypersensitivityRecorded, episodes: Sequence[Episode]) -> Iterator[tuple[Episode, bool]]:
    """Every dose a record could concern, and whether a severe one would be urgent there."""
    onset = _onset(record)
    if onset is None:
        known = record.occurred or record.version.updated
        yield from ((e, True) for e in episodes if known is None or e.began is None or _begun(e, known.latest))
        return
    yield from ((e, True) for e in episodes if e.began is None)
    yield from ((e, _soon_after(e, onset)) for e in _nearest_before(onset.latest, episodes))
    for episode in episodes:
        wait = _wait(onset, episode)
        if wait is None or wait > SEVERE_BEFORE_START:
            continue
        if wait <= SHOWN_BEFORE_START or event_of((record,), episode.limits).severe:
            yield episode, True


def _begun(episode: Episode, by: datetime) -> bool:
    return episode.began is not None and episode.began.earliest <= by


def _nearest_before(at: datetime, episodes: Sequence[Episode]) -> Iterator[Episode]:
    begun = [episode for episode in episodes if _begun(episode, at)]
    if begun:
        yield max(begun, key=episode_order)


def _soon_after(episode: Episode, onset: Moment) -> bool:
    return episode.anchor is not None and onset.earliest <= shifted(episode.anchor.latest, SEVERE_AFTER_END)


def _wait(onset: Moment, episode: Episode) -> timedelta | None:
    """How long after a reaction a dose began; None when it had begun already, or when its time is not known."""
    if episode.began is None or episode.began.earliest <= onset.latest:
        return None
    return episode.began.earliest - onset.latest
