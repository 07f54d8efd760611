"""By which clock a store is pruned, and which of its rows are old by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.store.retention import DAYS_AT_ONCE, Horizon, Retention, believed, horizon, older

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NO_WORK, HOUR = timedelta(), timedelta(hours=1)
instants = st.integers(-4000, 40_000).map(lambda days: NOON + days * DAY)
works = st.integers(0, 400).map(lambda hours: timedelta(hours=hours))


@dataclass(frozen=True)
class Row:
    received_at: datetime


@pytest.mark.parametrize(
    ("now", "newest", "before", "worked", "believes"),
    [
        (NOON, None, None, NO_WORK, None),
        (NOON, NOON - DAY, None, NO_WORK, NOON - DAY),
        (NOON, NOON + DAY, None, NO_WORK, NOON),
        (NOON, NOON, NOON - DAY, NO_WORK, NOON - DAY),
        (NOON, NOON, NOON - DAY, HOUR, NOON - DAY + 7 * HOUR),
        (NOON, NOON, NOON - DAY, 4 * HOUR, NOON),
        (NOON, NOON, NOON + DAY, NO_WORK, NOON),
    ],
)
def test_no_clock_alone_is_believed(now, newest, before, worked, believes):
    assert believed(now, newest, before, worked) == believes


@given(leap=instants, before=instants, worked=works)
def test_a_clock_that_leaps_ahead_gains_little_whatever_it_stamps_on_new_messages(leap, before, worked):
    assert believed(leap, leap, before, worked) <= before + worked * DAYS_AT_ONCE


@given(now=instants, newest=instants, before=st.none() | instants, worked=works)
def test_what_is_believed_is_never_ahead_of_the_clock_or_of_the_newest_message(now, newest, before, worked):
    found = believed(now, newest, before, worked)
    assert found <= now
    assert found <= newest


@pytest.mark.parametrize(
    ("retention", "archive", "read"),
    [
        (Retention(), 90, None),
        (Retention(archive_days=7), 7, None),
        (Retention(archive_days=7, read_messages_days=400), 7, 400),
        (Retention(archive_days=7, read_messages_days=7), 7, 7),
        (Retention(archive_days=90, read_messages_days=10), 90, 90),
    ],
)
def test_what_is_old_at_a_time(retention, archive, read):
    assert horizon(retention, NOON, NOON + DAY) == Horizon(
        now=NOON + DAY, archive=NOON - archive * DAY, read=read and NOON - read * DAY
    )


OLD, YOUNG, AHEAD = NOON - 2 * DAY, NOON - DAY / 2, NOON + 9 * DAY
THAN = NOON - DAY


@pytest.mark.parametrize(
    ("came", "gone"),
    [
        ((), 0),
        ((THAN,), 0),
        ((THAN - timedelta(microseconds=1),), 1),
        ((OLD, OLD, YOUNG), 2),
        ((OLD, YOUNG, OLD), 1),
        ((AHEAD, OLD, YOUNG), 2),
        ((OLD, AHEAD, YOUNG), 1),
        ((OLD, AHEAD), 1),
        ((AHEAD, AHEAD), 0),
        ((OLD, AHEAD, OLD, AHEAD, YOUNG), 3),
        ((NOON, OLD), 0),
    ],
)
def test_rows_go_in_the_order_in_which_they_came_up_to_the_first_young_one(came, gone):
    rows = [Row(at) for at in came]
    assert list(older(rows, THAN, NOON)) == rows[:gone]
