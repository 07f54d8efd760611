"""Numbers of events: both sides of a hole, what fills it, and a server that counts anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifications import backport, hapi

from adapter.ingest.fhir_notification import notification_of
from adapter.pipeline.notification_numbers import AHEAD_LIMIT, Counted, closed, count

NOON = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def told(total, *numbers, kind="event-notification", minutes=0):
    at = (NOON + timedelta(minutes=minutes)).isoformat()
    return notification_of(backport(kind, total=total, events=[(n, "Patient/p1") for n in numbers], at=at))


def follow(*notifications, before=None):
    verdicts = []
    for one in notifications:
        before, verdict = count(before, one)
        verdicts.append(verdict)
    return before, verdicts


def test_the_first_number_is_where_counting_begins():
    after, verdicts = follow(told(17, 17))
    assert (after.known, after.missing, verdicts) == (17, None, ["first"])


def test_the_next_number_is_in_step_and_the_one_behind_it_leaves_a_hole():
    after, verdicts = follow(told(1, 1), told(2, 2))
    assert (after.known, after.missing, verdicts[-1]) == (2, None, "in-step")
    after, verdicts = follow(told(1, 1), told(3, 3))
    assert (after.known, after.missing, verdicts[-1]) == (1, (2, 2), "gap")


def test_several_events_in_one_notification_leave_no_hole():
    after, verdicts = follow(told(1, 1), told(4, 2, 3, 4))
    assert (after.known, after.missing, verdicts[-1]) == (4, None, "in-step")
    after, _ = follow(told(1, 1), told(4, 3, 4))
    assert after.missing == (2, 2)


def test_an_event_without_a_number_is_the_last_one_counted():
    after, verdicts = follow(told(1), told(2))
    assert (after.known, verdicts[-1]) == (2, "in-step")


@pytest.mark.parametrize("kind", ["heartbeat", "query-status", "handshake"])
def test_a_sign_of_life_that_counts_further_tells_of_an_event_that_did_not_come(kind):
    after, verdicts = follow(told(2, 2), told(2, kind=kind), told(3, kind=kind))
    assert (after.missing, verdicts[1:]) == ((3, 3), ["again", "gap"])


def test_what_comes_late_fills_the_hole():
    after, verdicts = follow(told(1, 1), told(3, 3, minutes=2), told(2, 2, minutes=1))
    assert (after, verdicts[-1]) == (Counted(known=3, told=3, at=NOON + timedelta(minutes=2)), "in-step")


def test_a_smaller_number_with_an_older_time_came_late_or_again():
    before, _ = follow(told(1, 1), told(2, 2, minutes=1))
    assert follow(told(1, 1), before=before) == (before, ["again"])
    assert follow(told(1, 1, minutes=1), before=before) == (before, ["again"])


def test_a_smaller_number_with_a_newer_time_is_a_server_that_counts_anew():
    after, verdicts = follow(told(40, 40), told(1, 1, minutes=1), told(2, 2, minutes=2))
    assert (after.known, after.missing, verdicts[1:]) == (2, None, ["restarted", "in-step"])


def test_a_hole_that_was_asked_about_is_closed_and_one_behind_it_is_not():
    before, _ = follow(told(1, 1), told(4, 4), told(7, 7))
    assert before.missing == (2, 6)
    assert closed(before, 3) == Counted(known=4, told=7, at=NOON, ahead=frozenset({7}))
    assert closed(before, 6) == Counted(known=7, told=7, at=NOON)


def test_numbers_that_cannot_be_relied_on_are_left_out():
    assert count(Counted(known=3, told=3), notification_of(hapi(total=9, focus="Patient/p1"))) is None


def test_numbers_behind_a_hole_are_remembered_up_to_a_limit():
    numbers = range(3, 3 + AHEAD_LIMIT + 1)
    after, _ = follow(told(1, 1), told(numbers[-1], *numbers))
    assert (len(after.ahead), after.missing) == (AHEAD_LIMIT, (2, 3))


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=4), st.sets(st.integers(1, 8)))
def test_whatever_overtakes_what_nothing_is_missing_in_the_end_unless_it_was_lost(order, again, lost):
    came = [number for number in [*order, *again] if number not in lost]
    after = Counted(known=0, told=0, at=NOON - timedelta(minutes=1))
    for number in came:
        after, verdict = count(after, told(number, number, minutes=number))
        assert verdict != "restarted"
    after, _ = count(after, told(8, kind="heartbeat", minutes=9))
    first = min(lost, default=None)
    assert after.missing == (None if first is None else (first, max(lost)))
    assert after.known == (8 if first is None else first - 1)
