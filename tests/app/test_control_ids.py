"""Control ids of our own answers: short, and never the same again."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from adapter.app.control_ids import control_ids

NOW_NS = 1_800_000_000 * 10**9


def taken(prefix, started_ns, number):
    following = control_ids(prefix, started_ns)
    return [following() for _ in islice(range(number), number)]


@given(started_ns=st.integers(0, 4 * NOW_NS))
def test_they_fit_into_msh_10(started_ns):
    for control_id in taken("T", started_ns, 3):
        assert 1 < len(control_id) <= 20
        assert control_id.isalnum()


@given(lived_s=st.floats(0.001, 1000))
def test_a_restarted_process_does_not_repeat_those_of_its_predecessor(lived_s):
    before = taken("T", NOW_NS, 50)
    after = taken("T", NOW_NS + int(lived_s * 10**9), 50)
    assert len({*before, *after}) == 100


def test_two_processes_started_at_once_have_their_own():
    assert set(taken("T", NOW_NS, 50)).isdisjoint(taken("H", NOW_NS, 50))
