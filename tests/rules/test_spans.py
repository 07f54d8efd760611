"""Things with a start and an end are found by an instant as a search through all of them would find them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapter.rules.spans import ordered_spans, spans

BASE = datetime(2025, 3, 3, tzinfo=UTC)
HOURS = st.integers(0, 30)


def at(hour: int) -> datetime:
    return BASE + timedelta(hours=hour)


@given(told=st.lists(st.tuples(HOURS, st.integers(-3, 30)), max_size=20), reached=HOURS, begun=HOURS)
def test_what_reaches_an_instant_is_found_last_begun_first(told, reached, begun):
    known = [(number, start, start + length) for number, (start, length) in enumerate(sorted(told))]
    tree = spans(
        [number for number, _, _ in known],
        [at(start) for _, start, _ in known],
        [at(end) for _, _, end in known],
    )
    wanted = [number for number, start, end in reversed(known) if start <= begun and end >= reached]
    assert list(tree.reaching(at(reached), begun_by=at(begun))) == wanted


@given(hours=st.lists(HOURS, max_size=20), hour=HOURS, more=st.integers(0, 10))
def test_what_begins_before_and_after_an_instant_is_found(hours, hour, more):
    starts = sorted(hours)
    known = ordered_spans(list(range(len(starts))), [at(start) for start in starts])
    until = [number for number, start in enumerate(starts) if start <= hour]
    after = [number for number, start in enumerate(starts) if start > hour]
    soon = [number for number in after if starts[number] <= hour + more]
    assert known.begun(at(hour)) == (until[-1] if until else None)
    assert known.following(at(hour)) == (after[0] if after else None)
    assert known.beginning(at(hour), at(hour + more)) == tuple(soon)
