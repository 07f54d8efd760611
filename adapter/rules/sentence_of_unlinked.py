"""The reading of a sample that no known dose explains, and of the dose records that come near to explaining it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapter.domain.events import ActivityMeasured
from adapter.domain.history import History
from adapter.rules.episodes import Episode
from adapter.rules.limits import Limits
from adapter.rules.linking import collection_span
from adapter.rules.qualify import data_faults
from adapter.rules.quantities import day_of, time_text
from adapter.rules.words_of_dose import dose_text
from adapter.rules.words_of_levels import (
    STATUS_OF_NO_LEVEL,
    comment_statements,
    correction_statements,
    level_text,
)

NO_DOSE = "No asparaginase dose is known in the 42 days before the sample, so it cannot be assessed."
NO_TIME = "Without any time of the sample no dose can be assigned to it."
REVIEW = "A dose record with an earlier time, or another patient assignment, would lead to a new reading."


def sentence_of_unlinked(sample: ActivityMeasured, history: History, episodes: Sequence[Episode]) -> str:
    """Level, that no dose explains it, and the records that were not done, too old or too late."""
    parts = [
        _level(sample),
        *correction_statements([sample], history),
        *comment_statements([sample]),
        NO_DOSE if collection_span(sample) else NO_TIME,
        *_near_records(sample, history, episodes),
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


def _near_records(sample: ActivityMeasured, history: History, episodes: Sequence[Episode]) -> Iterator[str]:
    taken = collection_span(sample)
    for row in history.doses:
        if row.status == "not-done":
            yield f"A dose record of {day_of(row.started)} has status not done."
    if any(episode.began is None for episode in episodes):
        yield "A dose record without a time is known."
    if taken is None:
        return
    timed = [episode for episode in episodes if episode.began and episode.started]
    older = [e for e in timed if e.began and e.began.earliest <= taken.latest]
    later = [e for e in timed if e.began and e.began.earliest > taken.latest]
    for episode in older[-1:]:
        yield f"The last dose before it, {dose_text(episode)}, began on {day_of(episode.started)}."
    for episode in later[:1]:
        yield f"The next known dose, {dose_text(episode)}, began after the sample, on {day_of(episode.started)}."
