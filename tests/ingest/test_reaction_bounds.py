"""A reaction cannot begin after it was written down: an onset known by month or day ends there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import hospital
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.times import iso_moment
from adapter.ingest.translate import translate_fhir
from adapter.knowledge.load import load_knowledge

KNOWLEDGE, _ = load_knowledge([Path(__file__).parents[2] / "mappings" / "demo"])
END_OF_MARCH = datetime(2025, 3, 31, 23, 59, 59, tzinfo=UTC)
NEW_YEAR = datetime(2025, 1, 1, 12, tzinfo=UTC)


def onset(text, *, rows=1, **times):
    """The onset of the last row of a record with these times."""
    made = hospital.reaction("900001")
    made.pop("recordedDate", None)
    made["patient"] = {"identifier": {"system": hospital.MRN, "value": "900001"}}
    made["reaction"] = [{**made["reaction"][0], "onset": text}] * rows
    return translate_fhir({**made, **times}, KNOWLEDGE, lambda _: None, source="ward", zone=UTC).events[-1].occurred


@pytest.mark.parametrize("bound", ["recordedDate", "lastOccurrence"])
def test_a_month_ends_where_the_record_was_made(bound):
    found = onset("2025-03", **{bound: "2025-03-03T13:00:00Z"})
    assert (found.text, found.earliest) == ("2025-03", datetime(2025, 3, 1, tzinfo=UTC))
    assert found.latest == datetime(2025, 3, 3, 13, tzinfo=UTC)


def test_of_two_bounds_the_earlier_counts():
    found = onset("2025-03", recordedDate="2025-03-20", lastOccurrence="2025-03-10T08:00:00Z")
    assert found.latest == datetime(2025, 3, 10, 8, tzinfo=UTC)


def test_a_bound_known_by_day_leaves_the_whole_day():
    assert onset("2025-03", recordedDate="2025-03-03").latest == datetime(2025, 3, 3, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("recorded", ["2025-02-28T23:59:59Z", "2025-04-01", "not a time", "2025-03-31T23:59:59Z", 7])
def test_a_bound_outside_the_month_or_unreadable_says_nothing(recorded):
    assert onset("2025-03", recordedDate=recorded).latest == END_OF_MARCH


def test_the_first_instant_of_the_month_may_bound_it():
    found = onset("2025-03", recordedDate="2025-03-01T00:00:00Z")
    assert found.latest == found.earliest


def test_a_row_may_have_been_added_after_the_record_was_made():
    last = "2025-03-20T08:00:00Z"
    assert onset("2025-03", rows=2, recordedDate="2025-03-03").latest == END_OF_MARCH
    assert onset("2025-03", rows=2, lastOccurrence=last).latest == datetime(2025, 3, 20, 8, tzinfo=UTC)


TIMES = st.builds(
    lambda days, form: (NEW_YEAR + timedelta(days=days)).strftime(form),
    st.integers(0, 364),
    st.sampled_from(["%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:00:00Z"]),
)


@given(TIMES, TIMES, TIMES)
def test_an_onset_is_never_moved_out_of_what_was_sent(text, recorded, last):
    sent, found = iso_moment(text, default_zone=UTC), onset(text, recordedDate=recorded, lastOccurrence=last)
    assert (found.text, found.earliest, found.precision) == (sent.text, sent.earliest, sent.precision)
    assert sent.earliest <= found.latest <= sent.latest
    bounds = [iso_moment(one, default_zone=UTC).latest for one in (recorded, last)]
    assert all(found.latest <= bound or bound < sent.earliest for bound in bounds)
