"""The archive the bench reads again: equal when it is, different when anything of the state was changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from adapter.commands.bench_corridor import corridor
from adapter.commands.bench_feed import feed_of
from adapter.commands.bench_replay import Pace, Replay, read_again
from adapter.commands.demo_oru import ASPARAGINASE_TEST

REPLAY = Replay(
    messages=100,
    relevant=2,
    filtering=Pace(seconds=1.0, cpu_s=1.0),
    replay=Pace(seconds=2.0, cpu_s=2.0),
    live_digest="a",
    replayed_digest="a",
)


FEED = (*feed_of("unfiltered", 30, 20, "A"), *feed_of("relevant", 4, 20, "R"))
OURS = sum(ASPARAGINASE_TEST.encode() in message for message in FEED)


@pytest.fixture
def archive(tmp_path):
    """A store that holds every message of an unfiltered feed, and what came of them."""
    with corridor(tmp_path) as store:
        store.keep([*FEED])
        store.understand()
    return tmp_path


def change(folder, statement):
    with closing(sqlite3.connect(folder / "store" / "state.db")) as state, state:
        assert state.execute(statement).rowcount > 0


def test_an_archive_read_again_comes_to_the_same(archive):
    replay = read_again(archive)
    assert 4 <= OURS < 34
    assert (replay.messages, replay.relevant) == (34, OURS)
    assert replay.equal
    assert replay.goals()[0].passed
    assert replay.replay.seconds > 0
    assert replay.filtering.seconds > 0


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM findings WHERE patient = (SELECT min(patient) FROM findings)",
        "DELETE FROM events WHERE patient = (SELECT max(patient) FROM events)",
        "UPDATE resources SET state = 'closed' WHERE kind = 'flag'",
        "DELETE FROM resources WHERE kind = 'activity'",
    ],
)
def test_a_state_that_says_anything_else_is_told_as_different(archive, statement):
    change(archive, statement)
    goal = read_again(archive).goals()[0]
    assert (goal.id, goal.passed, goal.correctness) == ("P8d", False, True)
    assert goal.measured == "DIFFERENT"


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({}, set()),
        ({"replay": Pace(seconds=2.01, cpu_s=1.0)}, {"P8"}),
        ({"replayed_digest": "b"}, {"P8d"}),
    ],
)
def test_each_goal_is_missed_just_beyond_its_limit(changed, missed):
    assert {goal.id for goal in replace(REPLAY, **changed).goals() if not goal.passed} == missed
