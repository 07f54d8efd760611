"""The reading of a sample that no known dose explains, and of the dose records that come near to explaining it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adapter.domain.events import ActivityMeasured, AsparaginaseAdministered
from adapter.domain.history import BEFORE_ALL, History
from adapter.rules.episodes import Episode, Instants
from adapter.rules.limits import Limits
from adapter.rules.linking import collection_span
from adapter.rules.listing import MOST_LISTED, MOST_RECENT
from adapter.rules.qualify import data_faults
from adapter.rules.quantities import day_of, time_text
from adapter.rules.spans import Spans, ordered_spans
from adapter.rules.words_of_dose import dose_text
from adapter.rules.words_of_levels import (
    STATUS_OF_NO_LEVEL,
    comment_statements,
    correction_statements,
    level_text,
)
from adapter.rules.words_of_oddities import sample_oddities

NO_DOSE = "No asparaginase dose is known in the 42 days before the sample, so it cannot be assessed."
NO_TIME = "Without any time of the sample no dose can be assigned to it."
REVIEW = "A dose record with an earlier time, or another patient assignment, would lead to a new reading."


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRecords:
    """The dose records of a patient as a sample without a dose is told beside them; the same for all such samples."""

    not_done: Spans[AsparaginaseAdministered]
    untimed: bool
    """Whether any given dose has no time."""
    timed: Spans[Episode]


def dose_records(history: History, episodes: Sequence[Episode]) -> DoseRecords:
    """Gathered once, from doses in the order of their start."""
    timed = [(e, e.began.earliest) for e in episodes if e.began]
    not_done = [row for row in history.doses if row.status == "not-done"]
    return DoseRecords(
        not_done=ordered_spans(not_done, [row.started.earliest if row.started else BEFORE_ALL for row in not_done]),
        untimed=any(episode.began is None for episode in episodes),
        timed=ordered_spans([episode for episode, _ in timed], [start for _, start in timed]),
    )


def sentence_of_unlinked(sample: ActivityMeasured, history: History, records: DoseRecords) -> str:
    """Level, that no dose explains it, and the records that were not done, too old or too late."""
    parts = [
        _level(sample),
        *correction_statements([sample], history),
        *comment_statements([sample]),
        *sample_oddities([sample], history),
        NO_DOSE if collection_span(sample) else NO_TIME,
        *_near_records(sample, records),
        REVIEW,
    ]
    return " ".join(parts)


def _level(sample: ActivityMeasured) -> str:
    collected = f"collected {time_text(sample.collected)}" if sample.collected else "without a collection time"
    faults = data_faults(sample, Limits(product=None, policy=None))
    if sample.activity is None and not faults:
        said = f' (reported as "{sample.reported.text.strip()}")' if sample.reported.text.strip() else ""
        return f"A sample {collected} {STATUS_OF_NO_LEVEL.get(sample.status, 'gave no level')}{said}."
    status = ", reported as preliminary" if sample.status == "preliminary" else ""
    return f"Asparaginase activity {level_text(sample, faults)}{status}, {collected}."


def _near_records(sample: ActivityMeasured, records: DoseRecords) -> Iterator[str]:
    taken = collection_span(sample)
    yield from _not_done(records.not_done, taken)
    if records.untimed:
        yield "A dose record without a time is known."
    if taken is None:
        return
    older, later = records.timed.begun(taken.latest), records.timed.following(taken.latest)
    if older:
        yield f"The last dose before it, {dose_text(older)}, began on {day_of(older.started)}."
    if later:
        yield f"The next known dose, {dose_text(later)}, began after the sample, on {day_of(later.started)}."


def _not_done(rows: Spans[AsparaginaseAdministered], taken: Instants | None) -> Iterator[str]:
    """All of a few; of many those next to the sample on either side, and how many others there are."""
    near = rows.things
    if len(near) > MOST_LISTED:
        place = bisect_right(rows.starts, taken.latest) if taken else len(near)
        near = near[max(0, place - MOST_RECENT) : place + MOST_RECENT]
    for row in near:
        yield f"A dose record of {day_of(row.started)} has status not done."
    others = len(rows.things) - len(near)
    if others:
        yield f"{others} further dose records have status not done."
