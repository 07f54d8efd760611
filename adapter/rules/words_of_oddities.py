"""What a sentence says of times that cannot be true: a record before its event, a report before its sample, a birth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapter.domain.events import ActivityMeasured, AsparaginaseAdministered
from adapter.domain.history import History
from adapter.domain.times import Moment
from adapter.rules.confirmation import JudgedDose
from adapter.rules.linking import latest_collection

DOSE_AFTER_RECORD = "The record of the dose was last changed before the time it gives for the dose."
SAMPLE_AFTER_REPORT = "The collection time of a sample lies after the time of its report."
DOSE_BEFORE_BIRTH = "The dose is dated before the recorded date of birth."
SAMPLE_BEFORE_BIRTH = "A sample is dated before the recorded date of birth."


def oddity_statements(dose: JudgedDose, history: History) -> Iterator[str]:
    """Every impossible time of one dose and its samples, once each."""
    rows = dose.episode.rows
    if any(_recorded_before(row) for row in rows):
        yield DOSE_AFTER_RECORD
    if any(_before_birth(row.started, history) for row in rows):
        yield DOSE_BEFORE_BIRTH
    yield from sample_oddities([reading.sample for reading in dose.readings], history)


def sample_oddities(samples: Sequence[ActivityMeasured], history: History) -> Iterator[str]:
    """Every impossible time of some samples, once each."""
    if any(_reported_before(sample) for sample in samples):
        yield SAMPLE_AFTER_REPORT
    if any(_before_birth(sample.collected, history) for sample in samples):
        yield SAMPLE_BEFORE_BIRTH


def _recorded_before(row: AsparaginaseAdministered) -> bool:
    return _certainly_before(row.version.updated, row.started)


def _reported_before(sample: ActivityMeasured) -> bool:
    return _certainly_before(latest_collection(sample), sample.collected)


def _before_birth(at: Moment | None, history: History) -> bool:
    return _certainly_before(at, history.born)


def _certainly_before(one: Moment | None, other: Moment | None) -> bool:
    return one is not None and other is not None and one.latest < other.earliest
