"""How long a target is left alone after an attempt: counted from its end, however long it took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hospital
import pytest

from adapter.pipeline.deliver import deliver

pytestmark = pytest.mark.loopback

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def silent(servers):
    """A server that closes the connection after 30 seconds, say, and does all the same what was asked."""
    server = servers()
    server.lose_answers = lambda method, _: method != "GET"
    return server


def test_the_next_attempt_comes_two_seconds_after_the_end_of_a_long_one(silent, aim, ward):
    deliver(aim(silent), ward.state, NOW, clock=lambda: after(30))
    assert ward.state.due("ehr", after(31.9), 50) == []
    assert ward.state.due("ehr", after(32), 50) != []


def test_a_newer_state_waits_from_the_end_of_a_long_attempt_with_the_older_one(silent, aim, ward):
    deliver(aim(silent), ward.state, NOW, clock=lambda: after(30))
    ward.take(hospital.oru("A2", value="0.55", status="C", assigner="1.2.840.99"), now=after(31))
    assert ward.state.due("ehr", after(31), 50) == []
    assert ward.state.due("ehr", after(32), 50) != []


def test_a_clock_that_was_set_back_makes_nobody_try_earlier(silent, aim, ward):
    deliver(aim(silent), ward.state, NOW, clock=lambda: after(-3600))
    assert ward.state.due("ehr", after(1.9), 50) == []
    assert ward.state.due("ehr", after(2), 50) != []
